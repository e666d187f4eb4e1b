"""`GET /conversations…`: what happened in conversations."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.lists import COMMON, describe_conversation, list_page
from tavus_callbacks.api.query import Query, names, one_of, seconds, text
from tavus_callbacks.api.recordings import choose_recording
from tavus_callbacks.api.responses import NO_STORE, json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.aws.stores.repair_attempts import confirmed_at
from tavus_callbacks.aws.stores.subject_events import load_subject
from tavus_callbacks.domain.callbacks.event_types import TRANSCRIPT
from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks.domain.common.errors import RECORDINGS_OFF, BadRequest, NotFound
from tavus_callbacks.domain.common.truncate import truncate
from tavus_callbacks.domain.conversations.delays import Part
from tavus_callbacks.domain.conversations.expected import ConversationStatus
from tavus_callbacks.domain.conversations.facts import conversation_period
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.recordings.view import recording_start
from tavus_callbacks.domain.summaries.summary import CONVERSATION, ConversationSummary
from tavus_callbacks.domain.transcripts.alignment import align, find_offset
from tavus_callbacks.domain.transcripts.plain_text import to_plain_text
from tavus_callbacks.domain.transcripts.transcript import Transcript, choose_transcript, transcript_view
from tavus_callbacks.domain.transcripts.webvtt import to_webvtt
from tavus_callbacks.logic.find_recording import recording_statuses, view_recordings
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tavus_callbacks.aws.items import Item
    from tavus_callbacks.aws.stores.summaries import ListedSummary
    from tavus_callbacks.domain.common.period import Period
    from tavus_callbacks.domain.events.stored_event import StoredEvent

routes = Routes()

_FORMATS = {"text": "text/plain; charset=utf-8", "vtt": "text/vtt; charset=utf-8"}

STATUS = one_of("status", "Only subjects with this status.", get_args(ConversationStatus))
REPLICA = text("replica", "Only conversations with the replica (face) of this id.")
MISSING = one_of(
    "missing", "Only conversations for which this part is expected and has not arrived.", get_args(Part)
)
FORMAT = one_of("format", "The format of the transcript. Default: json.", ("json", *_FORMATS))
IDS = names(
    "ids",
    "Only these conversations, in this order, without unknown ones. At most 50 ids, separated by commas; "
    "percent-encode an id that contains a comma or a percent sign.",
    most=50,
)
INCLUDE = one_of(
    "include", "Other turns to include: `system` adds system turns such as the prompt.", ("system",)
)
RECORDING = text("recording", "Subtitles for the recording with this id, or `latest`; requires format=vtt.")
OFFSET = seconds(
    "offset",
    "Seconds to add to each subtitle, instead of the recording's own `offset`; requires format=vtt.",
)


_LIST = (*COMMON, STATUS, MISSING, REPLICA, IDS)


@routes.get("/conversations", query=_LIST, model="ConversationPage")
def get_conversations(query: Query) -> Response[str]:
    """Return conversations in order of their first receipt, newest first."""
    config, now, listed = settings(), datetime.now(UTC), dict[str, "ListedSummary"]()

    def describe(row: "ListedSummary") -> "ConversationSummary":
        listed[row.subject] = row
        return describe_conversation(row, now)

    page, end = _read_rows(query, describe)
    statuses = (
        recording_statuses(
            wiring.recordings(),
            [listed[view["conversation_id"]] for view in page],
            now=now,
            missing_after=config.recording_missing_after,
        )
        if config.recordings_bucket
        else {}
    )
    rows = [{**view, "recording_statuses": statuses.get(view["conversation_id"], [])} for view in page]
    return json_answer({"conversations": rows, **end})


def _read_rows(
    query: Query, describe: "Callable[[ListedSummary], ConversationSummary]"
) -> tuple[list[dict[str, Any]], dict[str, str | None]]:
    """Return the rows that `ids` names, or a page of the list, and where it ended."""
    summaries, bucket = wiring.summaries(), settings().recordings_bucket
    if query[IDS]:
        query.refuse_others(IDS, _LIST)
        subjects = [subject for subject in query[IDS] if is_name(subject)]
        rows = summaries.get_listed(CONVERSATION, subjects, objects_in=bucket)
        views = [describe(row).model_dump(mode="json") for row in rows]
        return views, {"cursor": None, "looked_until": None}
    filters = {"status": query[STATUS], "missing": query[MISSING], "replica": query[REPLICA]}
    return list_page(summaries, query, CONVERSATION, describe, objects_in=bucket, **filters)


@routes.get("/conversations/<conversation_id>", model="Conversation", problems=(404,))
def get_conversation(conversation_id: str) -> Response[str]:
    """Return a conversation, assembled from its events."""
    rows, events = _load(conversation_id)
    now, config = datetime.now(UTC), settings()
    recordings = (
        view_recordings(
            wiring.recordings_bucket,
            wiring.recordings(),
            conversation_id,
            wiring.recordings().recordings_in(rows),
            now=now,
            missing_after=config.recording_missing_after,
        )
        if config.recordings_bucket and any(row["type"] == "recording" for row in rows)
        else []
    )
    view = fold_conversation(
        conversation_id,
        events,
        now=now,
        settings=config.fold,
        recordings=recordings,
        confirmed_at=confirmed_at(rows),
    )
    headers = routes.router.current_event.headers
    return json_answer(view, truncate, accept_encoding=headers.get("accept-encoding", ""))


@routes.get(
    "/conversations/<conversation_id>/transcript",
    query=(FORMAT, INCLUDE, RECORDING, OFFSET),
    model="Transcript",
    media=tuple(_FORMATS.values()),
    problems=(404, 409),
)
def get_transcript(query: Query, conversation_id: str) -> Response[str]:
    """Return the transcript as JSON, text or subtitles; 409 if subtitles cannot be aligned."""
    form = query[FORMAT] or "json"
    if form != "vtt" and (query[RECORDING] or query[OFFSET] is not None):
        raise BadRequest("recording and offset require format=vtt.")
    rows, events = _load(conversation_id)
    transcript = choose_transcript(events, include_system=query[INCLUDE] == "system")
    if transcript is None:
        if any(event.body is None and event.event_type == TRANSCRIPT for event in events):
            raise NotFound(
                f"A transcript of conversation {conversation_id} is too large to read. Read it in its event."
            )
        raise NotFound(f"No transcript of conversation {conversation_id} has arrived.")
    period = conversation_period(events)
    transcript = align(transcript, period)
    if form == "json":
        return json_answer({"conversation_id": conversation_id, **transcript_view(transcript)})
    written = (
        to_plain_text(transcript)
        if form == "text"
        else _write_subtitles(query, conversation_id, rows, transcript, period)
    )
    return Response(200, _FORMATS[form], written, NO_STORE)


def _write_subtitles(
    query: Query, conversation_id: str, rows: "list[Item]", transcript: Transcript, period: "Period"
) -> str:
    """Write a transcript as WebVTT, for a recording if one is named; raises NotFound, NoTimes, NoOffset."""
    recording_id, offset = query[RECORDING], query[OFFSET]
    if recording_id is None:
        return to_webvtt(transcript, offset=offset or 0.0)
    if settings().recordings_bucket is None:
        raise NotFound(RECORDINGS_OFF)
    stored = wiring.recordings().recordings_in(rows)
    recording = choose_recording(conversation_id, stored, recording_id, datetime.now(UTC))
    duration = recording.claim.duration if recording.claim else None
    if offset is None and transcript.has_times:
        offset = find_offset(transcript, recording_start(recording.key, period), duration)
    return to_webvtt(transcript, offset=offset or 0.0, duration=duration)


def _load(conversation_id: str) -> "tuple[list[Item], list[StoredEvent]]":
    """Return the rows and the events of a conversation; raises NotFound if it has none."""
    tombstones = wiring.summaries().tombstones
    rows, events = load_subject(tombstones, wiring.bodies(), "conversation", conversation_id)
    if not any(row["type"] == "event" for row in rows):
        raise NotFound(f"No event of conversation {conversation_id} is stored.")
    return rows, events
