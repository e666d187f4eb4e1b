"""Data and answers of an earlier version: reading them, and asking a local stack the same again.

The files lie in tests/data/before_the_move, and its README says how they were written. This module reaches a
stack by HTTP, the command line, `running.json` and boto3 only, so it survives changes of the code's layout.
"""

import base64
import hashlib
import json
import re
import socket
import tarfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import boto3
import httpx
from botocore.config import Config
from click.testing import CliRunner

from tavus_callbacks_cli.main import main

FOLDER = Path(__file__).parent / "data" / "before_the_move"
STATE, CALLBACKS, EXPECTED = FOLDER / "state.tar.xz", FOLDER / "callbacks.json", FOLDER / "expected.json"

# A hundred years: rows must not expire, and nothing may become overdue, before somebody reads this again.
_YEARS = {"days": 36_500, "minutes": 52_560_000}
PARAMETERS = {
    "EventRetentionDays": str(_YEARS["days"]),
    "QuarantineRetentionDays": str(_YEARS["days"]),
    "ExpectRecording": "true",
}
CONSTANTS = dict.fromkeys(
    ("PRESUMED_ENDED_AFTER_MINUTES", "RECORDING_MISSING_AFTER_MINUTES"), _YEARS["minutes"]
)
# The team's server answers 410 to pushes about this subject while `refuses` is set.
REFUSED = "c-before-refused"

_FUNCTIONS = "arn:aws:lambda:us-east-1:123456789012:function"
_LONGEST = 1500
_GENERATED = re.compile(r"\{(noise|filler):([0-9]+)\}")
_PATIENCE = 60
# Members of rows that say when and how this run wrote them, and what S3 called an object then.
_OF_THIS_RUN = (
    *("looked_at", "modified_at", "version", "receipt", "receipt_shard"),
    *("expires_at", "last_request_id", "revision"),
)
# Attributes by type of row that the earlier version did not have.
_LATER = {"object_came": ("recording_ids",), "tombstone": ("listing_shard", "listed")}
# The name of a member, not of a row or a push.
_MEMBER = re.compile("[a-z_]+")
_REPEAT = re.compile(r"(untimed-[0-9a-f]{32})(?:-([0-9]{6}))?$")
# Longest time between two equal bodies without a time that makes the second one a repeat: decision 0066.
_WINDOWS, _WINDOW = {"guardrail": 2, "objective": 2}, 3600

Json = dict[str, Any]


def callbacks(*stages: str) -> list[Json]:
    """Return the callbacks of some stages, in the order in which they were sent."""
    return [entry for entry in json.loads(CALLBACKS.read_text()) if entry["stage"] in stages]


def content(entry: Json) -> bytes:
    """Return the bytes of a callback; large texts are generated, so that the file stays small."""
    if "base64" in entry:
        return base64.b64decode(entry["base64"])
    text = entry["text"] if "text" in entry else json.dumps(entry["body"], ensure_ascii=False)
    return _GENERATED.sub(lambda match: _generate(match[1], int(match[2])), text).encode()


def _generate(what: str, length: int) -> str:
    if what == "filler":
        return "f" * length
    blocks = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(length // 64 + 1))
    return "".join(blocks)[:length]


def expected() -> Json:
    """Return what the earlier version answered."""
    answers: Json = json.loads(EXPECTED.read_text())
    return answers


def unpack(folder: Path) -> None:
    """Write the earlier version's state into the state folder of a stack."""
    with tarfile.open(STATE) as archive:
        archive.extractall(folder, filter="data")


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def wait_until(look: Callable[[], Any], seconds: float = _PATIENCE) -> Any:
    """Return the first true answer; raises AssertionError if none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
    return answer


@dataclass
class TeamServer:
    """The server that pushes are posted to: their bodies in order of arrival."""

    url: str = ""
    bodies: list[Json] = field(default_factory=list)
    refuses: bool = False

    def pushes(self) -> dict[str, Json]:
        """Return what was pushed, by push id; a push may come twice."""
        return {push["push_id"]: masked_push(push) for push in list(self.bodies)}

    def take(self) -> dict[str, Json]:
        """Return what was pushed, and forget it."""
        pushes = self.pushes()
        self.bodies.clear()
        return pushes


@contextmanager
def team_server() -> Iterator[TeamServer]:
    """Run a server on this machine that takes pushes."""
    server = TeamServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            push = json.loads(self.rfile.read(int(self.headers["content-length"])))
            is_refused = server.refuses and push["subject"] == REFUSED
            if not is_refused:
                server.bodies.append(push)
            self.send_response(410 if is_refused else 204)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server.url = f"http://127.0.0.1:{listener.server_port}/pushes"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()


class Stack:
    """A running local stack, reached as anybody can reach it."""

    def __init__(self, folder: Path) -> None:
        """Read the `running.json` of a stack's state folder."""
        self.folder = folder
        self.running: Json = json.loads((folder / "running.json").read_text())
        self.outputs: dict[str, str] = self.running["outputs"]
        self._clients: Json = {}
        self.http = httpx.Client(base_url=self.running["api_url"], timeout=30, trust_env=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the stack's services."""
        if service not in self._clients:
            running, config = self.running, Config(proxies={})
            session = boto3.Session(
                running["aws_access_key_id"], running["aws_secret_access_key"], region_name=running["region"]
            )
            self._clients[service] = session.client(
                service, endpoint_url=running["endpoint_url"], config=config
            )
        return self._clients[service]

    def close(self) -> None:
        """Close the connections: an open socket that is collected later fails another test."""
        for client in [self.http, *self._clients.values()]:
            client.close()

    def post(self, entry: Json, token: str | None = None) -> Json:
        """Send a callback and return the answer."""
        secret = token or self.running["callback_url"].rpartition("/")[2]
        headers = {"content-type": "application/json", **entry.get("headers", {})}
        url = f"/callbacks/{secret}?{entry.get('query', '')}"
        answer = self.http.post(url, content=content(entry), headers=headers)
        return {"status": answer.status_code, "body": answer.json()}

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        """Send a `GET` with the stack's own token of the right scope, or another."""
        scope = "quarantine_token" if path.startswith("/quarantine") else "read_token"
        return self.http.get(path, headers={"authorization": f"Bearer {token or self.running[scope]}"})

    def answer(self, path: str) -> Json:
        """Return the answer to a `GET`, without what differs from run to run."""
        response = self.get(path)
        if response.status_code == httpx.codes.FOUND:
            return {"status": 302, "location": _masked_link(response.headers["location"])}
        if path.endswith("/body"):
            digest = hashlib.sha256(response.content).hexdigest()
            return {"status": response.status_code, "bytes": len(response.content), "sha256": digest}
        if "json" not in response.headers["content-type"]:
            return {"status": response.status_code, "text": shortened(response.text)}
        return {"status": response.status_code, "body": masked_answer(path, response.json())}

    def rows(self) -> dict[str, Json]:
        """Return every row of the events table by its key, as DynamoDB writes it in JSON."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.outputs["EventsTableName"], ConsistentRead=True)
        )
        return {key(row): _in_json(row) for page in pages for row in page["Items"]}

    def waiting(self, queue: str) -> int:
        """Return how many messages a queue holds, in flight or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def objects(self, bucket: str) -> list[str]:
        """Return the keys of a bucket."""
        listed = self.client("s3").list_objects_v2(Bucket=self.outputs[bucket])
        return [entry["Key"] for entry in listed.get("Contents", ())]


def command(root: Path, *arguments: str) -> Any:
    """Run a command on the local stack and return its JSON; 1 is the exit code of a finding."""
    return json.loads(run(root, *arguments, "--local", "--json"))


def run(root: Path, *arguments: str) -> str:
    """Run the command line and return what it prints."""
    result = CliRunner().invoke(main, arguments, env={"TAVUS_CALLBACKS_STATE": str(root)})
    assert result.exit_code in (0, 1), result.output
    return result.stdout


def key(row: Json) -> str:
    """Return a row's key as one text."""
    return f"{row['pk']['S']} {row['sk']['S']}"


def _in_json(value: Any) -> Any:
    """Return DynamoDB's values with bytes in base64, as a snapshot holds them."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _in_json(member) for name, member in value.items()}
    return [_in_json(member) for member in value] if isinstance(value, list) else value


def changes(before: dict[str, Json], after: dict[str, Json]) -> dict[str, Json | None]:
    """Return the rows that differ or are new, as they are now, and None for each that is gone.

    Index entries and the notes of their coverage, which the earlier version did not have, are left out.
    """
    old, new = (
        {name: masked_row(row) for name, row in rows.items() if row["type"]["S"] not in ("entry", "coverage")}
        for rows in (before, after)
    )
    return {name: new.get(name) for name in sorted(old.keys() | new) if _differ(old.get(name), new.get(name))}


def _differ(old: Json | None, new: Json | None) -> bool:
    """Return whether a row differs; the facts of a summary may get further members."""
    if old and new and new["type"] == {"S": "summary"}:
        return bool(differences(old, new))
    return old != new


def differences(before: Any, now: Any, place: str = "") -> list[str]:
    """Return where two pieces of JSON differ, and how; further members do not count."""
    before, now = _parse_facts(before), _parse_facts(now)
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(name for name in before.keys() | now if name in before or not _MEMBER.fullmatch(name))
        pairs = ((name, before.get(name, "nothing"), now.get(name, "nothing")) for name in names)
        return [line for name, old, new in pairs for line in differences(old, new, f"{place}/{name}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        numbered = enumerate(zip(before, now, strict=True))
        return [line for number, pair in numbered for line in differences(*pair, f"{place}/{number}")]
    return [] if before == now else [f"{place}: {before!r:.300} was expected, not {now!r:.300}"]


def _parse_facts(value: Any) -> Any:
    """Return the facts of a summary without empty members, which need not be stored, or another value."""
    is_facts = isinstance(value, str) and value.startswith('{"receipt":')
    return _without_empty(json.loads(value)) if is_facts else value


def _without_empty(facts: Json) -> Json:
    members = (
        (name, _without_empty(each) if isinstance(each, dict) else each) for name, each in facts.items()
    )
    return {name: each for name, each in members if each not in (None, [], False)}


def masked_row(row: Json) -> Json:
    """Return a row without what says when this run wrote it; deflated values are inflated.

    Another build of zlib may deflate the same text to other bytes.
    """
    later = _LATER.get(row.get("type", {}).get("S"), ())
    return {name: _readable(value) for name, value in row.items() if name not in (*_OF_THIS_RUN, *later)}


def _readable(value: Json) -> Any:
    if "M" in value:
        return {"M": masked_row(value["M"])}
    if "B" not in value:
        return value
    data = base64.b64decode(value["B"])
    for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        try:
            return {"deflated": shortened(_parse_facts(zlib.decompress(data, bits).decode()))}
        except (zlib.error, UnicodeDecodeError):
            continue
    return value


def masked_push(push: Json) -> Json:
    """Return a push without its time where that is the time at which S3 took the object."""
    timed_by_s3 = push["type"] == "recording.available"
    return shortened({**push, "timestamp": "when S3 took it"} if timed_by_s3 else push)


def masked_answer(path: str, answer: Json) -> Json:
    """Return an answer without what differs from run to run.

    The last cursor of the feed holds the time of asking, and a link holds a port, a time and a signature.
    """
    if path.startswith("/events?limit"):
        answer = {**answer, "events": [_entry(event) for event in answer["events"]]}
    if is_end_of_feed(path, answer):
        answer = {**answer, "cursor": "of the time of asking"}
    if "url" in answer and "recording_id" in answer:
        answer = {**answer, "url": _masked_link(answer["url"]), "expires_at": "an hour or more from now"}
    if "recordings" in answer:
        answer = {**answer, "recordings": list(map(_masked_recording, answer["recordings"]))}
    masked: Json = shortened(answer)
    return masked


def _masked_recording(recording: Json) -> Json:
    """Return a recording, without S3's members of its object, which differ if the bucket is asked again.

    That is so for keys outside all folders, and after a redrive; a restart puts each object again.
    """
    if not str(recording["key"]).startswith(("exports/", "tavus/c-failed")):
        return recording
    return {name: value for name, value in recording.items() if name not in _OF_THIS_RUN}


def _entry(event: Json) -> str:
    """Return an event's id and a digest: the list of its subject holds the whole."""
    digest = hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
    return f"{event.get('variant_id') or event['event_id']} {digest[:16]}"


def is_end_of_feed(path: str, answer: Json) -> bool:
    """Tell whether a page of the feed holds fewer events than it may."""
    query = parse_qs(urlsplit(path).query)
    return path.startswith("/events?limit") and len(answer["events"]) < int(query["limit"][0])


def _masked_link(url: str) -> str:
    parts = urlsplit(url)
    names = sorted(parse_qs(parts.query))
    signed = {"Expires", "Signature", "Key-Pair-Id"} & set(names)
    shown = [text for text in parts.query.split("&") if text.partition("=")[0] not in signed]
    return "&".join([f"{parts.path}?", *shown, *sorted(signed)])


def shortened(value: Any) -> Any:
    """Return JSON with a digest in place of each long text."""
    if isinstance(value, dict):
        return {name: shortened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shortened(member) for member in value]
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{len(value)} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()}"
    return value


def in_path(text: str) -> str:
    """Write a text as one part of a path or a query."""
    return quote(text, safe="")


def commands(root: Path) -> Json:
    """Return what the commands print that read the store without the API."""
    lines = (
        "token list",
        "failed list",
        "quarantine redrive --all --dry-run",
        "stats --since 2026-11-01",
        "drift --since 2026-11-01",
    )
    answers = {line: command(root, *line.split()) for line in lines}
    # Reading and posting just now were uses.
    for token in answers["token list"]["tokens"]:
        del token["last_used_at"]
    # Entries of one event type come in any order.
    for findings in answers.values():
        findings.get("drift", []).sort(key=json.dumps)
    return answers


def redrive(root: Path, stack: Stack, server: TeamServer, recorded: Json) -> Json:
    """Give everything that failed or was spilled to its function; return what came of it."""
    before, sqs = stack.rows(), stack.client("sqs")
    for message in recorded["spilled"]:
        sqs.send_message(QueueUrl=stack.outputs["SpillQueueUrl"], MessageBody=json.dumps(message))
    envelope = json.dumps(recorded["envelope"])
    sqs.send_message(QueueUrl=stack.outputs["PushDeadQueueUrl"], MessageBody=envelope)
    outcome = command(root, "failed", "redrive", "--all")
    wait_until_told(stack, server)
    return {
        "outcome": outcome,
        "rows": changes(before, stack.rows()),
        "pushes": server.take(),
        "left": stack.objects("FailedBucketName"),
    }


def wait_until_told(stack: Stack, server: TeamServer) -> None:
    """Wait until the queues are empty and no push has come for a while."""
    seen = -1
    while seen != (seen := len(server.bodies)) or any(map(stack.waiting, ("SpillQueueUrl", "PushQueueUrl"))):
        time.sleep(0.5)


def tell_again(root: Path, stack: Stack, server: TeamServer) -> Json:
    """Give stored events to `project`, as Lambda keeps a batch that failed; return what was pushed."""
    rows = rows_to_tell(stack.rows())
    records = [
        {
            "eventName": "INSERT",
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "SequenceNumber": str(number),
                "Keys": {"pk": row["pk"], "sk": row["sk"]},
                "NewImage": row,
            },
        }
        for number, row in enumerate(rows)
    ]
    failure = {
        "requestContext": {
            "functionArn": f"{_FUNCTIONS}:tavus-callbacks-local-ProjectFunction",
            "condition": "RetryAttemptsExhausted",
        },
        "timestamp": "2026-11-29T10:00:00.000Z",
        "payload": json.dumps({"Records": records}),
    }
    bucket, place = stack.outputs["FailedBucketName"], "aws/lambda/all"
    stack.client("s3").put_object(Bucket=bucket, Key=place, Body=json.dumps(failure).encode())
    outcome = command(root, "failed", "redrive", place)
    wait_until_told(stack, server)
    return {"outcome": outcome, "pushes": server.take()}


def reindex(root: Path, stack: Stack) -> Json:
    """Make the summaries again, and return those that changed."""
    rows = stack.rows()
    command(root, "reindex")
    return changes(rows, stack.rows())


def rows_to_tell(rows: dict[str, Json]) -> list[Json]:
    """Choose an event of each type, those without a summary, and those of a subject with many pushes."""
    chosen, types = [], set()
    for name, row in sorted(rows.items()):
        if row["type"]["S"] not in ("event", "variant"):
            continue
        is_new = f"{row['pk']['S']} s1" not in rows or row["subject"]["S"] == "c-before-two"
        type_ = (row["kind"]["S"], row["event_type"]["S"], row["type"]["S"])
        if is_new or type_ not in types:
            chosen.append(rows[name])
        types.add(type_)
    return chosen


def send_again(stack: Stack, recorded: Json) -> list[tuple[Json, list[Json]]]:
    """Send all callbacks again; return what was answered the first time, and now.

    A body without a time is sent twice, and only once of equal bodies: the first may be a new event.
    """
    entries = callbacks("kept", "late", "failing")
    answers, seen = [], set[str]()
    for entry, first in zip(entries, recorded["first"], strict=True):
        line = line_of(first)
        if line is None:
            answers.append((first, [stack.post(entry)]))
        elif line[0] not in seen:
            seen.add(line[0])
            answers.append((first, [stack.post(entry), stack.post(entry)]))
    return answers


def line_of(answer: Json) -> tuple[str, int] | None:
    """Return the id of an event without a time, and which repeat it is; None for any other answer."""
    found = _REPEAT.search(answer["body"].get("event_id", ""))
    return (answer["body"]["event_id"][: found.end(1)], int(found[2] or 0)) if found else None


def next_in_line(first: Json, recorded: Json) -> tuple[str, str]:
    """Return status and event id that a body without a time gets when it comes again now."""
    lines = [line for answer in recorded["first"] if (line := line_of(answer))]
    name, _ = line_of(first) or ("", 0)
    last = max(number for other, number in lines if other == name)
    window = _WINDOWS.get(first["body"]["family"], _WINDOW)
    if time.time() - recorded["written_at"] < window:
        return "duplicate", first["body"]["event_id"]
    return "stored", f"{name}-{last + 1:06}"
