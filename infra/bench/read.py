"""What reading costs in CPU: `make bench-read`. The store is another process, which answers recorded words.

Measured is the process that runs `read.handler`, botocore, sockets and threads included. With `--once NAME N`
it only answers N times, for valgrind to count what it executes.
"""

import base64
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import Any

from tavus_callbacks.domain.common.token import digest_token, new_token

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "EVENTS_TABLE": "events",
    "TOKENS_TABLE": "tokens",
    "BODIES_BUCKET": "bodies",
    "METRICS_NAMESPACE": "bench",
    "PRESUMED_ENDED_AFTER_MINUTES": "240",
    "EXPECT_RECORDING": "false",
    "EXPECT_PERCEPTION": "false",
    "SUMMARY_WINDOW_SECONDS": "0",
}
NOW = datetime.now(UTC)
TOKEN = new_token()
KILOBYTE = 1024
# Bytes of a turn as people talk to a replica, and of one that says three words.
TURN, SHORT_TURN = 295, 130
SHORT_WORDS, WORDS = 3, 24
ROUNDS, COUNTED = 60, 20


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the most that it may take: CPU in milliseconds, and calls of AWS."""

    path: str
    most: float
    calls: int
    answers: Callable[[], dict[str, bytes]]


class Fake:
    """A client that keeps what it is given, as the wire has it."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.objects: list[bytes] = []

    def put_item(self, *, Item: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Keep an item."""
        self.items.append(Item)
        return {}

    def get_item(self, **_: Any) -> dict[str, Any]:
        """Find nothing."""
        return {}

    def put_object(self, *, Body: bytes, **_: Any) -> None:  # noqa: N803 - botocore's name
        """Keep an object."""
        self.objects.append(Body)


def wire(value: object) -> bytes:
    """Write an answer as DynamoDB sends it."""
    return json.dumps(value, default=lambda raw: base64.b64encode(raw).decode()).encode()


def events(size: int, subject: str = "c1", *, short: bool = False) -> Fake:
    """Keep ten events of a conversation, the last a transcript of about `size` bytes."""
    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.aws.stores.events import EventsTable
    from tavus_callbacks.domain.callbacks.intake import parse_event

    fake: Any = Fake()
    table = EventsTable(fake, "events", Bodies("bodies", lambda: fake), None)
    for body in bodies(size, subject, short=short):
        event = parse_event(json.dumps(body).encode(), query="user=4711", label="website", received_at=NOW)
        table.keep(event, kept_at=NOW)
    found: Fake = fake
    return found


def bodies(size: int, subject: str, *, short: bool) -> list[dict[str, Any]]:
    """Write callbacks about a conversation."""
    types = [
        "system.replica_joined",
        "system.pal_joined",
        "system.shutdown",
        "application.perception_analysis",
    ]
    types += ["canvas.interaction"] * 5
    properties = {"replica_id": "r1", "analysis": "A person.", "shutdown_reason": "max_call_duration"}
    written = [
        said(subject, kind, n, {**properties, "interaction_id": f"i{n}"}) for n, kind in enumerate(types)
    ]
    count = max(2, size // (SHORT_TURN if short else TURN))
    turns = [turn(number, SHORT_WORDS if short else WORDS) for number in range(count)]
    return [*written, said(subject, "application.transcription_ready", 99, {"transcript": turns})]


def turn(number: int, spoken: int) -> dict[str, Any]:
    """Write a turn in the shape of 2026, of so many words, which are chosen to compress as speech."""
    chosen = random.Random(number)  # noqa: S311 - the same words in each run
    words = ["".join(chosen.choices("etaoinshrdlu", k=chosen.randint(2, 8))) for _ in range(spoken)]
    return {
        "role": ("user", "assistant")[number % 2],
        "content": f"{' '.join(words).capitalize()}.",
        "timestamp": NOW.timestamp() + number,
        "seconds_from_start": float(number),
        "duration": 0.8,
        **({"inference_id": str(uuid.UUID(int=chosen.getrandbits(128)))} if spoken == WORDS else {}),
    }


def said(subject: str, event_type: str, second: int, properties: dict[str, Any]) -> dict[str, Any]:
    """Write one callback."""
    at = (NOW - timedelta(minutes=5) + timedelta(seconds=second)).isoformat()
    return {"conversation_id": subject, "event_type": event_type, "timestamp": at, "properties": properties}


def conversation(size: int, *, short: bool = False) -> dict[str, bytes]:
    """Record what a conversation's query answers, and its large body."""
    fake = events(size, short=short)
    items = sorted(fake.items, key=lambda item: str(item["sk"]["S"]))
    return {"Query": wire({"Items": items}), "": b"".join(fake.objects)}


def page() -> dict[str, bytes]:
    """Record what a page of 50 conversations is made of: keys of each shard, and summaries."""
    fake: Any = Fake()
    for number in range(51):
        summarise(fake, f"c{number}")
    keys = [{name: item[name] for name in ("pk", "sk", "listing_shard", "listed")} for item in fake.items]
    return {"Query": wire({"Items": keys}), "BatchGetItem": wire({"Responses": {"events": fake.items[:50]}})}


def summarise(fake: Any, subject: str) -> None:
    """Keep a conversation's summary."""
    from tavus_callbacks.aws.items import read_item
    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.aws.stores.summaries import SummaryRows
    from tavus_callbacks.logic.summarize import sum_up

    kept = [read_item(row) for row in events(2 * KILOBYTE, subject).items]
    update = sum_up("conversation", kept, Bodies("bodies"))
    if update:
        SummaryRows(fake, "events").put_if_unchanged(
            "conversation", subject, update, frozenset(), stored=None
        )


QUESTIONS = {
    "a conversation of 10 events": Question("/conversations/c1", 5, 1, lambda: conversation(KILOBYTE)),
    "… with a transcript of 200 KB": Question(
        "/conversations/c1", 15, 2, lambda: conversation(200 * KILOBYTE)
    ),
    "… the same in 1,575 short turns": Question(
        "/conversations/c1", 15, 2, lambda: conversation(200 * KILOBYTE, short=True)
    ),
    "that transcript": Question("/conversations/c1/transcript", 15, 2, lambda: conversation(200 * KILOBYTE)),
    "a page of 50 conversations": Question("/conversations", 40, 9, page),
}


@dataclass
class Store:
    """The other process; `calls` is what this one asked since."""

    answers: dict[str, bytes]
    calls: list[str] = field(default_factory=list)

    def serve(self, port: Any) -> None:
        """Answer for ever, each operation alike."""
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                operation = self.headers["x-amz-target"].rpartition(".")[2]
                # The one item that is asked for beside tokens is the mark that somebody was erased.
                is_mark = operation == "GetItem" and asked["TableName"] != ENVIRONMENT["TOKENS_TABLE"]
                self._answer(b"{}" if is_mark else answers.get(operation, b"{}"))

            def do_GET(self) -> None:
                self._answer(answers[""])

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        port.send(server.server_port)
        server.serve_forever()


def token_answer() -> bytes:
    """Record what looking up the token answers."""
    created = NOW.isoformat()
    item = {"token_digest": digest_token(TOKEN), "label": "reader", "scope": "read", "created_at": created}
    return wire({"Item": {name: {"S": value} for name, value in item.items()}})


def asking(question: Question) -> tuple[Callable[[], None], list[str], Any]:
    """Start a store; return what asks once, the list of calls, and the store's process."""
    store = Store({**question.answers(), "GetItem": token_answer()})
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=store.serve, args=(there,), daemon=True)
    process.start()
    os.environ |= ENVIRONMENT | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{here.recv()}"}
    from tavus_callbacks.aws import clients
    from tavus_callbacks.handlers import read
    from tavus_callbacks_cli.local_stack.http.payload import Request, make_event
    from tavus_callbacks_cli.local_stack.http.routes import Route

    read.logger.setLevel("ERROR")
    for client in (clients.dynamodb(), clients.s3()):
        client.meta.events.register(
            "provide-client-params.*", lambda model, **_: store.calls.append(model.name)
        )
    headers = ((b"authorization", f"Bearer {TOKEN}".encode()),)
    request = Request("GET", question.path.encode(), b"limit=50", headers)
    event = make_event(request, Route("GET", question.path, "ReadFunction"), {})

    def ask() -> None:
        answered = read.handler(json.loads(json.dumps(event)), None)
        if answered["statusCode"] != 200:  # noqa: PLR2004 - HTTP's
            raise RuntimeError(answered["body"])

    return ask, store.calls, process


def measured(name: str) -> dict[str, Any]:
    """Measure a question in this process: the median CPU of an answer once warm, and its calls."""
    ask, calls, process = asking(QUESTIONS[name])
    first = _cpu(ask)
    for _ in range(5):
        ask()
    calls.clear()
    times = [_cpu(ask) for _ in range(ROUNDS)]
    process.terminate()
    return {"first": first, "median": median(times), "calls": len(calls) / ROUNDS}


def _cpu(act: Callable[[], None]) -> float:
    before = time.process_time()
    act()
    return (time.process_time() - before) * 1000


def instructions(name: str) -> float | None:
    """Count millions of instructions an answer takes, as the difference between many answers and few."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    few, many = (_counted(valgrind, name, count) for count in (5, 5 + COUNTED))
    return (many - few) / COUNTED / 1e6


def _counted(valgrind: str, name: str, count: int) -> int:
    tool = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command = [*tool, sys.executable, __file__, "--once", name, str(count)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr  # noqa: S603 - our own words
    # The store's process says its own count when it ends; the first to be told of `--once` is the last.
    refs = [line for line in told.splitlines() if "I" in line and "refs:" in line]
    return int(refs[-1].rpartition(":")[2].replace(",", ""))


def main() -> None:
    """Print a line a question; end with 1 where one takes more than it may."""
    if sys.argv[1:2] == ["--once"]:
        ask, _, process = asking(QUESTIONS[sys.argv[2]])
        for _ in range(int(sys.argv[3])):
            ask()
        process.kill()
        return
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measured(sys.argv[2])))  # noqa: T201 - its answer
        return
    _print_all()


def _print_all() -> None:
    print(f"{'':32}{'CPU ms':>8}{'at most':>8}{'first':>8}{'calls':>7}{'M instructions':>16}")  # noqa: T201 - a table
    missed = False
    for name, question in QUESTIONS.items():
        command = [sys.executable, __file__, "--measure", name]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S603 - our own words
        counted = None
        # A count that fails leaves its place empty; the other figures stand.
        with suppress(subprocess.CalledProcessError):
            counted = instructions(name)
        missed |= found["median"] > question.most or found["calls"] > question.calls
        numbers = f"{found['median']:8.1f}{question.most:8g}{found['first']:8.1f}{found['calls']:7g}"
        print(f"{name:32}{numbers}{'-' if counted is None else f'{counted:.1f}':>16}")  # noqa: T201 - a table
    sys.exit(missed)


if __name__ == "__main__":
    main()
