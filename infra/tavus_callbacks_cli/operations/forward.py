"""Forwarding: each event is posted to an application as it arrives."""

import time
from collections.abc import Iterable, Iterator

from tavus_callbacks_cli.operations.events import Event, Report, ask_patiently, read_body, row_id
from tavus_callbacks_cli.operations.ids import shorten_event_id
from tavus_callbacks_cli.operations.post import Post
from tavus_callbacks_cli.operations.replay import EVENT_HEADER, Outcome, outcome_of, outcome_of_answer
from tavus_callbacks_cli.targets.api_client import ApiClient, NotFound

# Seconds before each attempt.
_PAUSES = (0.0, 0.5, 2.0)


def forward(api: ApiClient, events: Iterable[Event], post: Post, report: Report) -> Iterator[Outcome]:
    """Post the body of each event and yield the outcome, with the event's short id.

    An event that the target does not accept is posted three times. Then the next event follows.
    """
    for event in events:
        yield {"short_id": shorten_event_id(row_id(event)).short, **_forward(api, event, post, report)}


def _forward(api: ApiClient, event: Event, post: Post, report: Report) -> Outcome:
    headers = {"content-type": "application/json", EVENT_HEADER: row_id(event)}
    try:
        body = ask_patiently(lambda: read_body(api, event), report)
    except NotFound as error:
        # It was erased, or it expired, after it was listed.
        return outcome_of(event, "not posted", reason=error.message)
    for pause in _PAUSES:
        time.sleep(pause)
        answer = post(body, event["tags"], headers)
        if answer.is_taken:
            break
    return outcome_of_answer(event, answer)
