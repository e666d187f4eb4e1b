"""Measures what reading costs in CPU, calls of AWS and instructions: `make bench-read`.

It measures the built package on the Python of template.yaml. The store is another process, which answers with
fixed words. The CPU is that of the process that runs `read.handler`, with botocore, sockets and threads.
"""

import http.client
import json
import random
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, cast

from bench import counts, packages, rie
from bench.bodies import KILOBYTE
from bench.events import TOKEN, catching_table, recording_row, token_answer, wire
from bench.measure import environment_of
from tavus_callbacks.aws.items import read_item
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.summaries import SummaryRows
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.logic.summarize import sum_up
from tavus_callbacks_cli.local_stack.http.payload import Request, make_event
from tavus_callbacks_cli.local_stack.http.routes import Route

Row = dict[str, Any]

NOW = datetime.now(UTC)
# When the conversation began, and the seconds until its end, after all of its turns.
START, END = NOW - timedelta(hours=1), 1600
# The bytes of a turn as people talk to a replica, and of a turn of three words.
TURN, SHORT_TURN = 295, 130
SHORT_WORDS, WORDS = 3, 24
WARM_UP, ROUNDS = 5, 60
_HANDLER = "tavus_callbacks.handlers.read.handler"


@dataclass(frozen=True, slots=True)
class Question:
    """A request with its limits for CPU in milliseconds and for calls of AWS; `answers` are the store's."""

    path: str
    most: float
    calls: int
    answers: Callable[[], dict[str, Any]]
    query: bytes = b"limit=50"

    @property
    def event(self) -> dict[str, Any]:
        """Return the event of the request."""
        headers = ((b"authorization", f"Bearer {TOKEN}".encode()),)
        request = Request("GET", self.path.encode(), self.query, headers)
        return make_event(request, Route("GET", self.path, "ReadFunction"), {})


def conversation_answers(size: int, *, short: bool = False) -> dict[str, Any]:
    """Return the answers for a conversation of ten events, with a transcript of about `size` bytes."""
    rows, objects = _store_conversation("c1", size, short=short)
    items = sorted(rows, key=lambda row: str(row["sk"]["S"]))
    return {"Query": {"Items": [wire(row) for row in items]}, "": b"".join(objects)}


def subtitle_answers(size: int) -> dict[str, Any]:
    """Return the answers for such a conversation with a recording that starts with the talk."""
    answers = conversation_answers(size)
    row = recording_row(f"tavus/c1/{round(START.timestamp() * 1000)}")
    answers["Query"]["Items"].append(row)
    return answers


def page_answers() -> dict[str, Any]:
    """Return the answers for a page of 50 conversations: the keys of each shard, and summaries."""
    summaries = [_summary_row(f"c{number}") for number in range(51)]
    keys = [{name: row[name] for name in ("pk", "sk", "listing_shard", "listed")} for row in summaries]
    found = [wire(row) for row in summaries[:50]]
    return {"Query": {"Items": keys}, "BatchGetItem": {"Responses": {"events": found}}}


QUESTIONS = {
    "a conversation of 10 events": Question(
        "/conversations/c1", 5, 1, partial(conversation_answers, KILOBYTE)
    ),
    "… with a transcript of 200 KB": Question(
        "/conversations/c1", 15, 2, partial(conversation_answers, 200 * KILOBYTE)
    ),
    "… the same in 1,575 short turns": Question(
        "/conversations/c1", 15, 2, partial(conversation_answers, 200 * KILOBYTE, short=True)
    ),
    "that transcript": Question(
        "/conversations/c1/transcript", 15, 2, partial(conversation_answers, 200 * KILOBYTE)
    ),
    "its subtitles for a recording": Question(
        "/conversations/c1/transcript",
        15,
        2,
        partial(subtitle_answers, 200 * KILOBYTE),
        b"format=vtt&recording=latest",
    ),
    "a page of 50 conversations": Question("/conversations", 40, 9, page_answers),
    "… with one tag": Question("/conversations", 40, 9, page_answers, b"limit=50&tag=user:4711"),
}


def _store_conversation(subject: str, size: int, *, short: bool = False) -> tuple[list[Row], list[bytes]]:
    """Return the rows and objects of ten events, the last a transcript of about `size` bytes."""
    table, writes = catching_table()
    for body in _bodies(subject, size, short=short):
        raw_body = json.dumps(body).encode()
        event = parse_event(raw_body, query="user=4711", label="website", received_at=NOW)
        table.keep(event, kept_at=NOW)
    return writes.items, writes.objects


def _bodies(subject: str, size: int, *, short: bool) -> Iterator[dict[str, Any]]:
    def body(event_type: str, second: int, properties: dict[str, Any]) -> dict[str, Any]:
        at = (START + timedelta(seconds=second)).isoformat()
        about = {"conversation_id": subject, "event_type": event_type, "timestamp": at}
        return {**about, "properties": properties}

    types = ("system.replica_joined", "system.pal_joined", "system.shutdown")
    properties = {"replica_id": "r1", "analysis": "A person.", "shutdown_reason": "max_call_duration"}
    for number, event_type in enumerate(
        (*types, "application.perception_analysis", *["canvas.interaction"] * 5)
    ):
        second = END if event_type == "system.shutdown" else number
        yield body(event_type, second, {**properties, "interaction_id": f"i{number}"})
    count = max(2, size // (SHORT_TURN if short else TURN))
    turns = [_turn(number, SHORT_WORDS if short else WORDS) for number in range(count)]
    yield body("application.transcription_ready", END + 1, {"transcript": turns})


def _turn(number: int, words: int) -> dict[str, Any]:
    """Return a turn in the form of 2026; its words compress like speech."""
    chance = random.Random(number)  # noqa: S311 - the same words in each run
    spoken = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 8))) for _ in range(words)]
    return {
        "role": ("user", "assistant")[number % 2],
        "content": f"{' '.join(spoken).capitalize()}.",
        "timestamp": START.timestamp() + number,
        "seconds_from_start": float(number),
        "duration": 0.8,
        **({"inference_id": str(uuid.UUID(int=chance.getrandbits(128)))} if words == WORDS else {}),
    }


def _summary_row(subject: str) -> Row:
    rows: list[Row] = []

    def put_item(*, Item: Row, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        rows.append(Item)
        return {}

    events, _ = _store_conversation(subject, 2 * KILOBYTE)
    update = sum_up("conversation", [read_item(row) for row in events], Bodies("bodies"))
    if update is None:
        raise ValueError("a conversation without events")
    summaries = SummaryRows(cast("Any", SimpleNamespace(put_item=put_item)), "events")
    summaries.put_if_unchanged("conversation", subject, update, frozenset(), stored=None)
    return rows[0]


def measure(
    question: Question, python: str, folders: Sequence[Path], rounds: int = ROUNDS
) -> dict[str, float]:
    """Return the CPU in ms of the first answer and the median of later ones, and the calls of AWS for one."""
    events = [json.dumps(question.event).encode()] * (1 + WARM_UP + rounds)
    with (
        _function(question, folders) as (function, port),
        counts.start(python, function, events) as caller,
    ):
        loaded = caller.call(0)
        first = caller.call(1) - loaded
        used = [caller.call(WARM_UP)]
        before = _count_answers(port)
        used += [caller.call(1) for _ in range(rounds)]
        calls = (_count_answers(port) - before) / rounds
    times = [later - earlier for earlier, later in pairwise(used)]
    return {"first": 1000 * first, "median": 1000 * median(times), "calls": calls}


@contextmanager
def _function(question: Question, folders: Sequence[Path]) -> Iterator[tuple[rie.Function, int]]:
    """Run the store of a question; yield the function that uses it, and the store's port."""
    with rie.store({**question.answers(), **token_answer("read")}, sys.executable) as port:
        environment = environment_of(f"http://127.0.0.1:{port}")
        credentials = {name: rie.LAMBDA[name] for name in rie.LAMBDA if name.startswith("AWS_")}
        yield rie.Function(_HANDLER, tuple(folders), {**credentials, **environment}), port


def _count_answers(port: int) -> int:
    """Return how many requests the store has answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("COUNT", "/")
    return int(connection.getresponse().read())


def count_instructions(question: Question, python: str, folder: Path) -> str:
    """Return millions of instructions per answer, or `-` without valgrind."""
    if shutil.which("valgrind") is None:
        return "-"
    events = [json.dumps(question.event).encode()] * counts.EVENTS
    with _function(question, [folder]) as (function, _):
        count = counts.count_calls(python, function, events)
    return f"{count.callback:.1f}"


def main() -> None:
    """Print a line for each question; exit with 1 if one exceeds its limits."""
    try:
        python, folder = packages.package("ReadFunction", "read")
    except LookupError as error:
        sys.exit(f"make bench-read: {error}")
    sys.stdout.write(f"{'':32}{'CPU ms':>8}{'at most':>8}{'first':>8}{'calls':>7}{'M instructions':>16}\n")
    exceeded = False
    for name, question in QUESTIONS.items():
        figures = measure(question, python, [folder])
        exceeded |= figures["median"] > question.most or figures["calls"] > question.calls
        numbers = f"{figures['median']:8.1f}{question.most:8g}{figures['first']:8.1f}{figures['calls']:7g}"
        sys.stdout.write(f"{name:32}{numbers}{count_instructions(question, python, folder):>16}\n")
        sys.stdout.flush()
    sys.exit(exceeded)


if __name__ == "__main__":
    main()
