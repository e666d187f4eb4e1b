"""A stand-in for Tavus's API. It answers as documented about the conversations that it knows, or misbehaves.

docs/tavus.md, "Tavus's API", documents answers, paging and the members that a record lacks. The
paths below /stand-in/ are ours: they set what Tavus knows and how the stand-in behaves.
"""

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

from tavus_callbacks_cli.local_stack.behaviour import Behaviour
from tavus_callbacks_cli.local_stack.http.hosts import loopback_only
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.local_stack.loopback import HOST

KEY = "stand-in-key"
KEY_HEADER = "x-api-key"
CALLBACKS_PATH = "/stand-in/callbacks"

_CONVERSATION_PATH = re.compile(r"/v2/conversations/([^/]+)")
_DEFAULT_LIMIT = 10
# The members of a callback that an event of a record has too.
_EVENT_MEMBERS = ("event_type", "timestamp", "properties")


@dataclass
class StandIn:
    """The conversations that Tavus knows, oldest first; `requests` holds the path of each request."""

    key: str = KEY
    behaviour: Behaviour = field(default_factory=Behaviour)
    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def learn(self, callback: Mapping[str, Any]) -> None:
        """Store what a record would hold of a callback."""
        # Not above: with this module, `tavus-callbacks --help` would load pydantic.
        from tavus_callbacks.domain.repair.tavus_record import can_hold

        name, event_type = callback.get("conversation_id"), str(callback.get("event_type"))
        if not (isinstance(name, str) and can_hold("conversation", event_type)):
            return
        created = callback.get("timestamp")
        new_conversation: dict[str, Any] = {
            "conversation_id": name,
            "conversation_name": f"Simulated {name}",
            "status": "active",
            "callback_url": callback.get("webhook_url"),
            "created_at": created,
            "updated_at": created,
            "events": [],
        }
        with self._lock:
            conversation = self.conversations.setdefault(name, new_conversation)
            event = {member: callback[member] for member in _EVENT_MEMBERS if member in callback}
            if event not in conversation["events"]:
                conversation["events"].append(event)
            if event_type == "system.shutdown":
                conversation["status"] = "ended"

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        path = request.path.decode()
        is_allowed = dict(request.headers).get(KEY_HEADER.encode(), b"").decode("latin-1") == self.key
        if path == CALLBACKS_PATH:
            # A web page cannot send this header without a preflight, which is not answered.
            if not is_allowed:
                return _NO_KEY
            self.learn(json.loads(request.body))
            return _answer(204, None)
        with self._lock:
            behaviour = self.behaviour
            if behaviour.times is not None:
                is_last = behaviour.times <= 1
                self.behaviour = Behaviour() if is_last else replace(behaviour, times=behaviour.times - 1)
            self.requests.append(path)
        time.sleep(behaviour.delay)
        if not is_allowed:
            return _NO_KEY
        if behaviour.status is not None:
            answer = _answer(behaviour.status, {"message": f"Told to answer {behaviour.status}"})
            more = (("retry-after", behaviour.retry_after),) if behaviour.retry_after else ()
            return Answer(answer.status, (*answer.headers, *more), answer.body)
        return self._read(path, parse_qs(request.query.decode()), behaviour)

    def _read(self, path: str, query: dict[str, list[str]], behaviour: Behaviour) -> Answer:
        if path == "/v2/conversations":
            limit = int(query.get("limit", [str(_DEFAULT_LIMIT)])[0])
            start = (int(query.get("page", ["1"])[0]) - 1) * limit
            rows = [_without_events(each) for each in reversed(self.conversations.values())]
            return _answer(200, {"data": rows[start : start + limit], "total_count": len(rows)})
        match = _CONVERSATION_PATH.fullmatch(path)
        conversation = self.conversations.get(match[1]) if match else None
        if conversation is None:
            return _answer(404, {"message": "Not found"})
        if query.get("verbose") != ["true"] or behaviour.events == "absent":
            return _answer(200, _without_events(conversation))
        return _answer(200, conversation if behaviour.events == "shown" else {**conversation, "events": None})


@contextlib.contextmanager
def serve_stand_in(stand_in: StandIn) -> Iterator[str]:
    """Serve a stand-in on a free port of this machine until the block ends; yield its URL."""
    with take_port(0) as listener:
        port = listener.getsockname()[1]
        with serve(listener, loopback_only(stand_in.handle, port)):
            yield f"http://{HOST}:{port}"


def _without_events(conversation: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in conversation.items() if name != "events"}


def _answer(status: int, content: Any) -> Answer:
    body = b"" if content is None else json.dumps(content).encode()
    return Answer(status, (("content-type", "application/json"),), body)


_NO_KEY = _answer(401, {"message": "Invalid access token"})
