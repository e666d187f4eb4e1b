"""Sends the callbacks of a scenario as Tavus does: one POST after another, JSON, without a signature."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from tavus_callbacks_cli.local_stack.tavus_api import CALLBACKS_PATH, KEY, KEY_HEADER
from tavus_callbacks_cli.simulator.recording import names_bucket, put_videos
from tavus_callbacks_cli.simulator.scenario import (
    Expectation,
    Rendered,
    Scenario,
    fresh_ids,
    render,
    simulated_url,
)
from tavus_callbacks_cli.targets.api_client import http_client
from tavus_callbacks_cli.targets.aws_stack import local_deployment

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.registry import RunningStack

# The factor for the delays of a scenario, unless it runs in real time.
COMPRESSION = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """The expected and the actual answer to a callback; `content` is parsed JSON, or else text."""

    expected: Expectation
    status_code: int
    content: Any

    @property
    def answer(self) -> dict[str, Any]:
        """Return the answer's JSON object, or an empty one."""
        return self.content if isinstance(self.content, dict) else {}

    @property
    def status(self) -> str | None:
        """Return the status of the callback; the `status` of a problem is a number, its HTTP status."""
        status = self.answer.get("status")
        return status if isinstance(status, str) else None

    @property
    def is_expected(self) -> bool:
        """Tell whether the scenario expects this answer."""
        return (self.expected.status_code, self.expected.status) == (self.status_code, self.status)


def pace(*, real_time: bool) -> float:
    """Return the factor for the delays of a scenario."""
    return 1 if real_time else COMPRESSION


def send_scenario(
    scenario: Scenario,
    callback_url: str,
    *,
    real_time: bool,
    stack: "RunningStack | None",
    lost_types: tuple[str, ...],
) -> Iterator[Outcome]:
    """Send a scenario; yield the outcome of each callback at once. Raises httpx.TransportError.

    With a local `stack`, its bucket gets a video for each recording, and its stand-in for Tavus's API learns
    every callback, also those of `lost_types`, which are not sent.
    """
    rendered = [
        replace(callback, delay=callback.delay * pace(real_time=real_time))
        for callback in render(scenario, callback_url=callback_url, now=datetime.now(UTC), ids=fresh_ids())
    ]
    has_bucket = stack is not None and "RecordingsBucketName" in stack.outputs
    if stack and (scenario.video or (has_bucket and any(map(names_bucket, rendered)))):
        rendered = put_videos(rendered, local_deployment(stack, ()))
    if stack:
        from tavus_callbacks_cli.local_stack.stack import TAVUS_OUTPUT

        with http_client(stack.outputs[TAVUS_OUTPUT]) as tavus:
            for callback in filter(_event_type, rendered):
                answer = tavus.post(CALLBACKS_PATH, content=callback.body, headers={KEY_HEADER: KEY})
                answer.raise_for_status()
        rendered = [callback for callback in rendered if _event_type(callback) not in lost_types]
    with http_client(callback_url) as client:
        yield from send(rendered, callback_url, client)


def send(
    callbacks: Iterable[Rendered],
    callback_url: str,
    client: httpx.Client,
) -> Iterator[Outcome]:
    """Send each callback after its delay; yield its outcome at once. Raises httpx.TransportError."""
    url = simulated_url(callback_url)
    for callback in callbacks:
        time.sleep(callback.delay)
        response = client.post(url, content=callback.body, headers={"content-type": "application/json"})
        # A tunnel without a server behind it answers HTML.
        is_json = "json" in response.headers.get("content-type", "")
        yield Outcome(callback.expect, response.status_code, response.json() if is_json else response.text)


def _event_type(callback: Rendered) -> str | None:
    try:
        body = json.loads(callback.body)
    except ValueError:
        return None
    return body.get("event_type") if isinstance(body, dict) else None
