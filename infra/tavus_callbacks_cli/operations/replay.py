"""Posting stored bodies again, to another address: those of a subject, or all of a span of time."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import click

from tavus_callbacks.domain.callbacks.event import parse_event_id
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.feed import SETTLE
from tavus_callbacks_cli.operations.events import (
    Event,
    EventFilter,
    Report,
    ask_patiently,
    read_body,
    read_page,
    row_id,
)
from tavus_callbacks_cli.operations.ids import resolve_event
from tavus_callbacks_cli.operations.post import Answer, Post
from tavus_callbacks_cli.operations.subjects import list_rows
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.targets.api_client import ApiClient, NotFound

EVENT_HEADER, REPLAY_HEADER = "X-Tavus-Callbacks-Event-Id", "X-Tavus-Callbacks-Replay"

# The statuses that mean "later": too many requests, unavailable.
_LATER = (429, 503)
# Events in a row without an answer, after which a replay stops.
_MOST_SILENT = 3
# Seconds: the first wait after such an answer, and the longest.
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0

_PAGE = "200"

# Outcomes, lists and a resumed replay need these members of an event. Its body may be large.
_MEMBERS = ("event_id", "variant_id", "kind", "subject", "event_type", "received_at", "tags")

Outcome = dict[str, Any]


def _ignore(_sentence: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `rate` posts a second, and at most `patience` seconds of waiting for each body.

    `report` takes a sentence about each wait.
    """

    rate: float | None = None
    patience: float = 0.0
    report: Report = _ignore


def list_bodies(
    api: ApiClient,
    kind: str,
    id_: str,
    filter_: EventFilter | None = None,
    span: tuple[datetime | None, datetime | None] = (None, None),
) -> list[Event]:
    """Return a subject's events and variants in order of receipt; raises click.ClickException for none."""
    events = list_rows(api, kind, id_)
    if not events:
        raise NotFound(
            f"No event of {kind} {shell.quote(id_)} is stored there. `{api.command('list')}` shows what is."
        )
    since, until = span
    chosen = [
        event
        for event in events
        if (since is None or event["received_at"] >= iso(since))
        and (until is None or event["received_at"] < iso(until))
        and (filter_ is None or filter_.matches(event))
    ]
    return _in_order(chosen)


def list_named(
    api: ApiClient,
    kind: str | None,
    id_: str,
    filter_: EventFilter | None,
    span: tuple[datetime | None, datetime | None],
) -> list[Event]:
    """Return the events that an id names: one event by its whole or short id, or those of a subject."""
    event_id = resolve_event(api, id_, kind)
    identity = parse_event_id(event_id or "")
    if identity is None:
        return list_bodies(api, kind or "conversation", id_, filter_, span)
    events = list_bodies(api, *identity[:2], filter_, span)
    return [event for event in events if row_id(event) == event_id]


def list_received(
    api: ApiClient, filter_: EventFilter, since: datetime, until: datetime | None, pace: Pace
) -> list[Event]:
    """Return the events of all subjects that were received in a span of time, in order of receipt."""
    pace.report(f"reading the events since {iso(since)}")
    end = iso(until) if until else None
    events: list[Event] = []
    for event in _feed(api, since, pace):
        if until and event["received_at"] >= iso(until + SETTLE):
            break
        # Only up to SETTLE apart, an earlier event can follow a later one.
        if filter_.matches(event) and (end is None or event["received_at"] < end):
            events.append({name: event[name] for name in _MEMBERS if name in event})
    return _in_order(events)


def _feed(api: ApiClient, since: datetime, pace: Pace) -> Iterator[Event]:
    """Yield events until there are no more.

    A feed pauses after 200 events of the last 15 seconds, so an empty page can precede more of them.
    """
    after, has_more, settled_at = iso(since), False, None
    while True:
        ask = partial(read_page, api, after=after, limit=_PAGE)
        page = ask_patiently(ask, pace.report, patience=pace.patience, is_first=settled_at is None)
        settled_at = settled_at or time.monotonic() + SETTLE.total_seconds()
        yield from page["events"]
        # A page of erased events is empty too.
        if page.get("looked_until"):
            has_more = True
        elif page["events"] or not has_more or time.monotonic() >= settled_at:
            return
        else:
            time.sleep(1)
        after = page["cursor"]


def _in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event["received_at"], row_id(event)))


def replay(api: ApiClient, events: Iterable[Event], post: Post, pace: Pace = Pace()) -> Iterator[Outcome]:
    """Post bodies and yield each outcome; after one that stops the replay, nothing more is posted.

    It stops after three events in a row without an answer, if the target is busy for longer than the pace
    allows, or if the stack answers no more. A refusal does not stop it.
    """
    stop: str | None = None
    silent, post = 0, _paced(post, pace.rate) if pace.rate else post
    for event in events:
        if stop is not None:
            yield outcome_of(event, "not posted", reason=stop)
            continue
        outcome, stop = _replay_event(api, event, post, pace)
        # One event can crash an application. A later run must get past it.
        silent = silent + 1 if outcome["outcome"] == "no answer" else 0
        if silent == _MOST_SILENT:
            stop = outcome["reason"]
        yield outcome


def _paced(post: Post, rate: float) -> Post:
    """Return a poster that waits until its next post is due; repeated posts count too."""
    next_at = 0.0

    def paced(body: bytes, tags: dict[str, str], headers: Mapping[str, str]) -> Answer:
        nonlocal next_at
        time.sleep(max(0.0, next_at - time.monotonic()))
        next_at = time.monotonic() + 1 / rate
        return post(body, tags, headers)

    return paced


def _replay_event(api: ApiClient, event: Event, post: Post, pace: Pace) -> tuple[Outcome, str | None]:
    """Post a body; return the outcome, and the reason if it stops the replay."""
    try:
        body = ask_patiently(lambda: read_body(api, event), pace.report, patience=pace.patience)
    except click.ClickException as error:
        stop = None if isinstance(error, NotFound) else error.message
        return outcome_of(event, "not posted", reason=error.message), stop
    answer = _post_patiently(post, event, body, pace)
    return outcome_of_answer(event, answer), answer.reason if answer.status else None


def _post_patiently(post: Post, event: Event, body: bytes, pace: Pace) -> Answer:
    """Post a body, again while the target says "later"; an answer has a reason if that was too long."""
    headers = {"content-type": "application/json", EVENT_HEADER: row_id(event), REPLAY_HEADER: "true"}
    wait, waited = _FIRST_WAIT, 0.0
    while True:
        answer = post(body, event["tags"], headers)
        if answer.status not in _LATER:
            return answer
        seconds = max(wait, answer.retry_after or 0.0)
        if waited + seconds > pace.patience:
            return replace(answer, reason=f"the target is busy: it asks to wait ({answer.status})")
        pace.report(f"The target answered {answer.status}. Next attempt in {seconds:g} s.")
        time.sleep(seconds)
        waited += seconds
        wait = min(2 * wait, _LONGEST_WAIT)


def outcome_of_answer(event: Event, answer: Answer) -> Outcome:
    """Return as JSON what the target answered."""
    outcome = "taken" if answer.is_taken else "no answer" if answer.status is None else "refused"
    return outcome_of(
        event, outcome, status_code=answer.status, milliseconds=answer.milliseconds, reason=answer.reason
    )


def outcome_of(
    event: Event,
    outcome: str,
    *,
    status_code: int | None = None,
    milliseconds: int | None = None,
    reason: str | None = None,
) -> Outcome:
    """Return an event's outcome as JSON."""
    return {
        "event_id": row_id(event),
        "event_type": event["event_type"],
        "received_at": event["received_at"],
        "outcome": outcome,
        "status_code": status_code,
        "milliseconds": milliseconds,
        "reason": reason,
    }


def count_outcomes(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return how many events had each outcome, by type, the most first."""
    names = ("outcome", "status_code", "event_type")
    counts = Counter(tuple(each[name] for name in names) for each in outcomes)
    return [{**dict(zip(names, key, strict=True)), "events": count} for key, count in counts.most_common()]
