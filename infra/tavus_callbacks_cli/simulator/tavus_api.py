"""A stand-in for Tavus's API: it answers as documented of conversations that it was told of, or misbehaves.

Answers, paging and what a record lacks: docs/tavus.md, "Reading it back by API". The
addresses below /stand-in/ are ours: they set what Tavus knows and how the stand-in behaves.
"""

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tavus_callbacks.domain.repair.tavus_record import can_hold
from tavus_callbacks_cli.local_stack.http.hosts import loopback_only
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request
from tavus_callbacks_cli.local_stack.http.server import HOST, serve, take_port
from tavus_callbacks_cli.simulator.behaviour import Behaviour

KEY = "stand-in-key"
KEY_HEADER = "x-api-key"
CALLBACKS_PATH = "/stand-in/callbacks"

_ONE = re.compile(r"/v2/conversations/([^/]+)")
_DEFAULT_LIMIT = 10
# What a callback has and an event of a record lacks.
_SHOWN = ("event_type", "timestamp", "properties")


@dataclass
class StandIn:
    """What Tavus knows, by conversation in the order in which it heard of them; `asked` are the requests."""

    key: str = KEY
    behaviour: Behaviour = field(default_factory=Behaviour)
    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, callback: Mapping[str, Any]) -> None:
        """Learn what a callback says, as far as a record would hold it."""
        name, event_type = callback.get("conversation_id"), str(callback.get("event_type"))
        if not (isinstance(name, str) and can_hold("conversation", event_type)):
            return
        with self._lock:
            found = self.conversations.setdefault(name, _new(name, callback))
            shown = {member: callback[member] for member in _SHOWN if member in callback}
            if shown not in found["events"]:
                found["events"].append(shown)
            if event_type == "system.shutdown":
                found["status"] = "ended"

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        path = request.path.decode()
        is_allowed = dict(request.headers).get(KEY_HEADER.encode(), b"").decode("latin-1") == self.key
        if path == CALLBACKS_PATH:
            # A web page cannot send this header without a preflight, which is not answered.
            if not is_allowed:
                return _NO_KEY
            self.take(json.loads(request.body))
            return _answer(204, None)
        with self._lock:
            behaviour = self._next()
            self.asked.append(path)
        time.sleep(behaviour.delay)
        if not is_allowed:
            return _NO_KEY
        if behaviour.status is not None:
            return _refusal(behaviour.status, behaviour.retry_after)
        return self._found(path, parse_qs(request.query.decode()), behaviour)

    def _next(self) -> Behaviour:
        behaviour = self.behaviour
        if behaviour.times is None:
            return behaviour
        self.behaviour = (
            Behaviour()
            if behaviour.times <= 1
            else Behaviour(**{**vars(behaviour), "times": behaviour.times - 1})
        )
        return behaviour

    def _found(self, path: str, query: dict[str, list[str]], behaviour: Behaviour) -> Answer:
        if path == "/v2/conversations":
            return self._page(query)
        one = _ONE.fullmatch(path)
        found = self.conversations.get(one[1]) if one else None
        if found is None:
            return _answer(404, {"message": "Not found"})
        return _answer(200, _record(found, query, behaviour))

    def _page(self, query: dict[str, list[str]]) -> Answer:
        limit, page = (
            int(query.get(name, [str(default)])[0])
            for name, default in (("limit", _DEFAULT_LIMIT), ("page", 1))
        )
        rows = [_row(one) for one in reversed(self.conversations.values())]
        return _answer(200, {"data": rows[(page - 1) * limit : page * limit], "total_count": len(rows)})


def _new(name: str, callback: Mapping[str, Any]) -> dict[str, Any]:
    created = callback.get("timestamp")
    return {
        "conversation_id": name,
        "conversation_name": f"Simulated {name}",
        "status": "active",
        "callback_url": callback.get("webhook_url"),
        "created_at": created,
        "updated_at": created,
        "events": [],
    }


def _row(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "events"}


def _record(found: dict[str, Any], query: dict[str, list[str]], behaviour: Behaviour) -> dict[str, Any]:
    if query.get("verbose") != ["true"] or behaviour.events == "absent":
        return _row(found)
    return found if behaviour.events == "shown" else {**found, "events": None}


def _refusal(status: int, retry_after: str | None) -> Answer:
    answer = _answer(status, {"message": f"Told to answer {status}"})
    more = (("retry-after", retry_after),) if retry_after else ()
    return Answer(answer.status, (*answer.headers, *more), answer.body)


def _answer(status: int, content: Any) -> Answer:
    body = b"" if content is None else json.dumps(content).encode()
    return Answer(status, (("content-type", "application/json"),), body)


_NO_KEY = _answer(401, {"message": "Invalid access token"})


@contextlib.contextmanager
def serving(stand_in: StandIn) -> Iterator[str]:
    """Serve it on a free port of this machine until the block ends; yield its URL."""
    with take_port(0) as listener:
        port = listener.getsockname()[1]
        with serve(listener, loopback_only(stand_in.handle, port)):
            yield f"http://{HOST}:{port}"
