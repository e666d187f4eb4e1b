"""`--forward`: posts the body of every new stored event to an application on this machine."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from tavus_callbacks.domain.callbacks.event import variant_ref
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common.issues import VARIANT
from tavus_callbacks.runtime.http import parse_request
from tavus_callbacks_cli.local_stack.http.payload import Request

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.http.gateway import Exchange
    from tavus_callbacks_cli.local_stack.stack import LocalStack

_PAUSES = (0.5, 2.0)

Report = Callable[[str, str], None]


class ForwardFailed(Exception):
    """The application did not accept the callback; the text says why."""


def stored_event_id(exchange: "Exchange") -> str | None:
    """Return the id of the event or variant that an exchange stored, or None if it stored nothing new."""
    if not exchange.route.is_callback:
        return None
    content = exchange.content()
    if content.get("status") != "stored":
        return None
    if VARIANT not in content["issues"]:
        return str(content["event_id"])
    # The answer names only the event. The id of the variant follows from the content; an id ends with the
    # ref.
    request = parse_request(exchange.event)
    event = parse_event(request.body, query="", label="", received_at=request.received_at)
    return variant_ref(event.event_id, event.content)


def fetch_body(stack: "LocalStack", event_id: str) -> bytes:
    """Read the body of an event from the stack's own API; raises ForwardFailed."""
    answer = stack.gateway.handle(
        Request(
            method="GET",
            path=f"/events/{quote(event_id, safe='')}/body".encode(),
            headers=((b"authorization", f"Bearer {stack.running.read_token}".encode()),),
        )
    )
    if answer.status != httpx.codes.OK:
        raise ForwardFailed(f"its body cannot be read: {answer.status}")
    return answer.body


@contextlib.contextmanager
def run_forwarding(
    url: str, fetch: Callable[[str], bytes], report: Report
) -> Iterator[Callable[[str], None]]:
    """Yield a function that takes event ids; each body is posted to `url`, in order."""
    waiting: queue.Queue[str | None] = queue.Queue()

    def work(client: httpx.Client) -> None:
        while (event_id := waiting.get()) is not None:
            try:
                _post(client, url, event_id, fetch(event_id))
            except ForwardFailed as error:
                report(f"forward of {event_id} failed: {error}", "red")
            else:
                report(f"forwarded {event_id}", "dim")

    # Two programs on one machine need no proxy.
    with httpx.Client(timeout=10, trust_env=False) as client:
        threading.Thread(target=work, args=(client,), name="forward", daemon=True).start()
        yield waiting.put
        waiting.put(None)


def _post(client: httpx.Client, url: str, event_id: str, body: bytes) -> None:
    headers = {"content-type": "application/json", "X-Tavus-Callbacks-Event-Id": event_id}
    reason = ""
    for pause in (0, *_PAUSES):
        time.sleep(pause)
        try:
            answer = client.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            continue
        if answer.is_success:
            return
        reason = f"it answered {answer.status_code}"
    raise ForwardFailed(reason)
