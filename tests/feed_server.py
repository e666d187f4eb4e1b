"""A server that answers the read API about a made-up stack of any size, over real HTTP.

A stack of 20,000 events takes moto half an hour to fill. Here the events of one conversation, made as the
receiver makes them, stand for all: their id and the time of receipt are replaced when a page is asked for.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, unquote, urlsplit

from tavus_callbacks.domain.callbacks.event import Event
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import new_token
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.events.view import event_view
from tavus_callbacks.domain.recordings.view import Recording
from tavus_callbacks.domain.summaries.summary import conversation_summary, facts_from
from tavus_callbacks_cli.simulator import scenario

ID, RECORDING = "cTEMPLATE", "1796007792909"
# Long ago, so that no conversation is waited for.
BEGAN_AT = datetime(2026, 1, 10, tzinfo=UTC)
# The time of receipt in the template.
RECEIVED_AT = "2001-01-01T00:00:00.000000Z"


EVENTS_EACH = 5
DISTURBED = '{"detail": "Disturbed"}'


def stored_event(raw: bytes, *, received_at: datetime, query: str = "") -> StoredEvent:
    """Return the stored event of a body."""
    event = parse_event(raw, query=query, label="test", received_at=received_at)
    shared = {name: getattr(event, name) for name in Event._fields if name in StoredEvent.__slots__}
    return StoredEvent(**shared, body_size=len(raw)).with_body(event.text.encode())


def event_text(event: StoredEvent) -> str:
    """Return an event as the feed answers it."""
    return json.dumps(event_view(event, json.dumps(event.body).encode()))


@cache
def conversation() -> tuple[list[StoredEvent], str]:
    """Return five events of one conversation, with a transcript and a recording, and its item in lists."""
    ids = {name: f"{name}-1" for name in scenario.fresh_ids()} | {"conversation_id": ID}
    url = "https://example.com/callbacks/none?user=4711"
    rendered = scenario.render(scenario.load("conversation"), callback_url=url, now=BEGAN_AT, ids=ids)
    received_at = datetime.fromisoformat(RECEIVED_AT)
    every = [stored_event(each.body, received_at=received_at, query="user=4711") for each in rendered]
    # All but the first joining.
    events = every[-EVENTS_EACH:]
    settings = FoldSettings(presumed_ended_after=timedelta(hours=4))
    summary = conversation_summary(ID, facts_from("conversation", events), now=BEGAN_AT, settings=settings)
    item = {**summary.model_dump(mode="json"), "recording_statuses": ["available"]}
    return events, json.dumps(item)


@dataclass
class Feed:
    """A stack of a number of conversations, and what else the test adds to it.

    `more` are further events, as the feed answers them. `bodies` are large bodies by the path that has them.
    `erased` are digests; conversations that are `gone` have expired; of the further ones, some are `listed`.
    `changes` are members of every item in
    lists. `disturb` is called with each path, and may return a status and headers to answer instead.
    """

    conversations: int = 0
    more: list[str] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    erased: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    began_at: datetime = BEGAN_AT
    changes: dict[str, object] = field(default_factory=dict)
    disturb: Callable[[str], tuple[int, dict[str, str]] | None] = lambda _: None
    asked: list[str] = field(default_factory=list)
    url: str = ""

    @cached_property
    def _texts(self) -> list[str]:
        return list(map(event_text, conversation()[0]))

    def event(self, number: int) -> str:
        """Return an event by its place in the order of receipt."""
        if number >= self.conversations * EVENTS_EACH:
            return self.more[number - self.conversations * EVENTS_EACH]
        received_at = self.began_at + timedelta(seconds=4 * number)
        text = self._texts[number % EVENTS_EACH].replace(ID, f"c{number // EVENTS_EACH:06}")
        return text.replace(RECEIVED_AT, iso(received_at))

    def answer(self, path: str, query: dict[str, str]) -> str | bytes:
        """Return the answer to a request, as text or bytes of JSON."""
        if path in self.bodies:
            return self.bodies[path]
        if path == "/events" and "subject" in query:
            return json.dumps({"events": [] if query["subject"] in self.gone else [{}], "cursor": None})
        if path == "/events":
            after = query.get("after", "0")
            # A time is before all events.
            return self._page(int(after) if after.isdecimal() else 0, int(query["limit"]))
        if path == "/erasures":
            after = int(query.get("after", "0"))
            page = [{"digest": each, "erased_at": iso(BEGAN_AT)} for each in self.erased[after:]]
            return json.dumps({"erasures": page, "cursor": str(len(self.erased))})
        if path == "/conversations":
            ids = [unquote(id_) for id_ in query["ids"].split(",")]
            items = ",".join(self._item(id_) for id_ in ids if self._is_listed(id_))
            return f'{{"conversations": [{items}], "cursor": null}}'
        return self._recordings(unquote(path.split("/")[2]))

    def _page(self, after: int, limit: int) -> str:
        total = self.conversations * EVENTS_EACH + len(self.more)
        end = min(after + limit, total)
        events = ",".join(self.event(number) for number in range(after, end))
        looked_until = f'"{iso(self.began_at)}"' if end < total else "null"
        return f'{{"events": [{events}], "cursor": "{end}", "looked_until": {looked_until}}}'

    def _is_listed(self, id_: str) -> bool:
        is_made_up = re.fullmatch(r"c\d{6}", id_) is not None
        is_listed = (is_made_up and int(id_[1:]) < self.conversations) or id_ in self.listed
        return is_listed and id_ not in self.gone

    def _item(self, id_: str) -> str:
        last = (int(id_[1:]) + 1) * EVENTS_EACH - 1 if id_ not in self.listed else 0
        received_at = self.began_at + timedelta(seconds=4 * last)
        item = conversation()[1].replace(ID, id_).replace(RECEIVED_AT, iso(received_at))
        return json.dumps(json.loads(item) | self.changes) if self.changes else item

    def _recordings(self, id_: str) -> str:
        view = Recording(
            **dict.fromkeys(Recording.model_fields)
            | {"recording_id": RECORDING, "conversation_id": id_, "key": f"tavus/{id_}/{RECORDING}"}
            | {"status": "available", "announced": True, "size": 1000, "provider": "s3", "issues": []}
        )
        return json.dumps({"recordings": [view.model_dump(mode="json")], "cursor": None})


@contextmanager
def serving(feed: Feed) -> Iterator[Feed]:
    """Serve a stack on loopback, at its `url`, to the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer in one piece: the second of two waits 40 ms for the first to be acknowledged.
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            feed.asked.append(self.path)
            instead = feed.disturb(self.path)
            status, headers = instead or (200, {})
            content = feed.answer(parts.path, dict(parse_qsl(parts.query))) if not instead else DISTURBED
            body = content if isinstance(content, bytes) else content.encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        # A client that is killed resets its connection.
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        feed.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield feed
        finally:
            server.shutdown()


def environment(feed: Feed) -> dict[str, str]:
    """Return the variables that make a served stack the target of a command."""
    return {
        "TAVUS_CALLBACKS_URL": feed.url,
        "TAVUS_CALLBACKS_READ_TOKEN": new_token(),
        "PATH": os.environ["PATH"],
    }
