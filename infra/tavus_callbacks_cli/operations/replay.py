"""Posting the stored bodies of a subject again, to another address."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import httpx

from tavus_callbacks.domain.pushes.target import with_tags
from tavus_callbacks_cli.operations.subjects import subject_events
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.text import escape
from tavus_callbacks_cli.targets.api_client import ApiClient, NotFound

EVENT_HEADER, REPLAY_HEADER = "X-Tavus-Callbacks-Event-Id", "X-Tavus-Callbacks-Replay"

Event = dict[str, Any]
Outcome = dict[str, Any]


def list_bodies(api: ApiClient, kind: str, id_: str) -> list[Event]:
    """Return a subject's events and variants in order of receipt; raises click.ClickException for none."""
    events = [
        each for event in subject_events(api, kind, id_) for each in (event, *event.get("variants", ()))
    ]
    if not events:
        raise NotFound(
            f"No event of {kind} {shell.quote(id_)} is kept there. `{api.command('list')}` shows what is."
        )
    return sorted(events, key=lambda event: (event["received_at"], _id(event)))


def replay(api: ApiClient, events: Iterable[Event], client: httpx.Client, url: str) -> Iterator[Outcome]:
    """Post bodies and yield each outcome; after one that got no answer, nothing more is posted."""
    silence: str | None = None
    for event in events:
        if silence is not None:
            yield outcome_of(event, "not posted", reason=silence)
            continue
        headers = {"content-type": "application/json", EVENT_HEADER: _id(event), REPLAY_HEADER: "true"}
        # The stored text, not parsed and written again: numbers and spaces stay as they came.
        body = api.text(f"/events/{quote(_id(event), safe='')}/body").encode()
        try:
            answer = client.post(with_tags(url, event["tags"]), content=body, headers=headers)
        except httpx.TransportError as error:
            silence = escape(str(error)) or type(error).__name__
            yield outcome_of(event, "no answer", reason=silence)
        else:
            outcome = "taken" if answer.is_success else "refused"
            yield outcome_of(event, outcome, status_code=answer.status_code)


def outcome_of(
    event: Event, outcome: str, *, status_code: int | None = None, reason: str | None = None
) -> Outcome:
    """Return an event's outcome as JSON."""
    return {
        "event_id": _id(event),
        "event_type": event["event_type"],
        "received_at": event["received_at"],
        "outcome": outcome,
        "status_code": status_code,
        "reason": reason,
    }


def _id(event: Event) -> str:
    return str(event.get("variant_id") or event["event_id"])
