"""Sending a rendered scenario as Tavus would: one POST after the other, JSON, without any signature."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tavus_callbacks_cli.simulator.scenario import Rendered, simulated_url


@dataclass(frozen=True, slots=True)
class Sent:
    """What the receiver answered: the HTTP status code, and the JSON of its answer or else its text."""

    status_code: int
    answer: Any


def send(rendered: Iterable[Rendered], callback_url: str, client: httpx.Client) -> Iterator[Sent]:
    """Send each callback after its delay and yield its answer at once; raises httpx's own errors."""
    url = simulated_url(callback_url)
    for callback in rendered:
        time.sleep(callback.delay)
        response = client.post(url, content=callback.body, headers={"content-type": "application/json"})
        yield Sent(response.status_code, _answer(response))


def _answer(response: httpx.Response) -> Any:
    # A tunnel in between answers HTML when nothing is behind it.
    is_json = "json" in response.headers.get("content-type", "")
    return response.json() if is_json else response.text
