"""`GET /conversations…`: what happened, as a person asks it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast, get_args

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.lists import COMMON, list_page
from tavus_callbacks.api.query import Query, one_of
from tavus_callbacks.api.recordings import recording_views
from tavus_callbacks.api.responses import NO_STORE, first_fitting, json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.repair_attempts import confirmed_at
from tavus_callbacks.aws.stores.subject_events import events_within_budget, subject_rows
from tavus_callbacks.domain.callbacks.event_types import TRANSCRIPT
from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks.domain.common.errors import NotFound
from tavus_callbacks.domain.common.truncate import shorter
from tavus_callbacks.domain.conversations.expected import Status, What
from tavus_callbacks.domain.conversations.fold import fold
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.summaries.summary import conversation_summary
from tavus_callbacks.domain.transcripts.plain_text import dialogue
from tavus_callbacks.domain.transcripts.transcript import Transcript, transcript_of, transcript_view
from tavus_callbacks.domain.transcripts.webvtt import webvtt
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.summaries import ListedSummary
    from tavus_callbacks.domain.conversations.facts import Facts

routes = Routes()

_FORMATS: dict[str, tuple[str, Callable[[Transcript], str]]] = {
    "text": ("text/plain; charset=utf-8", dialogue),
    "vtt": ("text/vtt; charset=utf-8", webvtt),
}

STATUS = one_of("status", "Only with this status.", get_args(Status))
MISSING = one_of("missing", "Only where this has not arrived and should have.", get_args(What))
FORMAT = one_of("format", "How to write it: json unless said.", ("json", *_FORMATS))
INCLUDE = one_of("include", "What else to give: system turns, the prompt among them.", ("system",))


@routes.get("/conversations", query=(*COMMON, STATUS, MISSING), model="ConversationPage")
def get_conversations(query: Query) -> Response[str]:
    """Answer conversations, the newest first by first receipt."""
    fold_settings, bucket = settings().fold, settings().recordings_bucket
    now = fold_settings.summed_up_until(datetime.now(UTC))

    def describe(row: "ListedSummary") -> Any:
        facts = cast("Facts", row.facts)
        return conversation_summary(
            row.subject, facts, now=now, settings=fold_settings, has_object=row.has_object
        )

    filters = {"status": query[STATUS], "missing": query[MISSING]}
    page, following = list_page(
        wiring.summaries(),
        query,
        "conversation",
        describe,
        objects_in=bucket if fold_settings.expect_recording else None,
        **filters,
    )
    return json_answer({"conversations": page, "cursor": following})


@routes.get("/conversations/<conversation_id>", model="Conversation", problems=(404,))
def get_conversation(conversation_id: str) -> Response[str]:
    """Answer the conversation folded from its events; one query, unless a recording is waited for."""
    items = _items(conversation_id)
    events = events_within_budget(items, wiring.bodies())
    recordings = (
        recording_views(conversation_id, wiring.recordings().recordings_in(items))
        if settings().recordings_bucket
        else []
    )
    view = fold(
        conversation_id,
        events,
        now=datetime.now(UTC),
        settings=settings().fold,
        recordings=recordings,
        confirmed_at=confirmed_at(items),
    )
    return first_fitting(shorter(view))


@routes.get(
    "/conversations/<conversation_id>/transcript",
    query=(FORMAT, INCLUDE),
    model="Transcript",
    media=tuple(content_type for content_type, _ in _FORMATS.values()),
    problems=(404, 409),
)
def get_transcript(query: Query, conversation_id: str) -> Response[str]:
    """Answer the transcript as JSON, as lines of text, or as subtitles; 409 where those have no times."""
    events = events_within_budget(_items(conversation_id), wiring.bodies())
    transcript = transcript_of(events, include_system=query[INCLUDE] == "system")
    if transcript is None:
        raise NotFound(_no_transcript(conversation_id, events))
    form = query[FORMAT] or "json"
    if form in _FORMATS:
        content_type, write = _FORMATS[form]
        return Response(200, content_type, write(transcript), NO_STORE)
    return json_answer({"conversation_id": conversation_id, **transcript_view(transcript)})


def _no_transcript(conversation_id: str, events: Sequence[StoredEvent]) -> str:
    if any(event.body is None and event.event_type == TRANSCRIPT for event in events):
        return f"A transcript of conversation {conversation_id} is too large to read. Its event has it."
    return f"No transcript of conversation {conversation_id} has arrived."


def rows_of(kind: str, subject: str) -> list[dict[str, Any]]:
    """Return what is kept of a subject: nothing of an id that cannot be, nor of who was erased."""
    if not is_name(subject) or wiring.summaries().tombstones.has(kind, subject):
        return []
    return subject_rows(clients.dynamodb(), settings().events_table, kind, subject)


def _items(conversation_id: str) -> list[dict[str, Any]]:
    items = rows_of("conversation", conversation_id)
    if not any(item["type"] == "event" for item in items):
        raise NotFound(f"No event of conversation {conversation_id} is kept.")
    return items
