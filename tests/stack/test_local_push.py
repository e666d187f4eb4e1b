"""The local stack pushes to the team's server: signed, soon, and again after a failure."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner

from tavus_callbacks.domain.pushes.push import Push
from tavus_callbacks_cli.local_stack.account import isolated_session
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.registry import register
from tavus_callbacks_cli.local_stack.stack import LocalStack, local_stack
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.local_stack.template import pattern
from tavus_callbacks_cli.main import main

# A stack of its own, for the shared one posts nowhere; tests/integration/test_push.py tries the sender too.
pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.xdist_group("push")]

ROOT = Path(__file__).resolve().parents[2]
CONSUME = (ROOT / "docs" / "consume.md").read_text()
EXAMPLE = (ROOT / "docs" / "examples" / "subscribe.yaml").read_text()
PATIENCE = 60


@dataclass
class Server:
    """The team's server: the requests with their times, and its next answers (204 otherwise)."""

    url: str = ""
    came: list[tuple[float, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def about(self, subject: str) -> list[dict[str, Any]]:
        """Return the pushes about a subject."""
        return [push for push in map(json.loads, self.bodies()) if push["subject"] == subject]

    def bodies(self) -> list[bytes]:
        """Return what came."""
        return [body for _, _, body in list(self.came)]

    def first(self, subject: str) -> float:
        """Return when the first push about a subject came."""
        return min(at for at, _, body in self.came if json.loads(body)["subject"] == subject)


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server on this machine."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = server.answers.pop(0) if server.answers else 204
            if status == 204:
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.came.append((time.monotonic(), headers, body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}/pushes"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalStack, Server]]:
    """Run a stack that posts to a server."""
    with serving() as server:
        folder = tmp_path_factory.mktemp("state")
        options = Options(port=0, state_root=folder, parameters={"PushUrl": server.url})
        with local_stack(options) as stack:
            yield stack, server


def client(stack: LocalStack, service: Any) -> Any:
    """Return a client of the embedded services."""
    return isolated_session(stack.running.aws_access_key_id).client(
        service, endpoint_url=stack.running.endpoint_url
    )


def secret_of(stack: LocalStack) -> str:
    """Return the secret as its owner reads it."""
    arn = stack.running.outputs["PushSecretArn"]
    return str(client(stack, "secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def shutdown(stack: LocalStack, subject: str) -> float:
    """Post a callback; return the seconds that it took."""
    body = {"conversation_id": subject, "event_type": "system.shutdown", "timestamp": "2026-03-01T12:01:00Z"}
    started = time.monotonic()
    httpx.post(stack.running.callback_url, params={"user": "4711"}, json=body).raise_for_status()
    return time.monotonic() - started


def eventually(look: Callable[[], Any]) -> Any:
    """Return what is there after a while."""
    ends = time.monotonic() + PATIENCE
    while not (found := look()) and time.monotonic() < ends:
        time.sleep(0.01)
    assert found
    return found


def snippet(language: str, word: str) -> str:
    """Return the block of docs/consume.md in a language that holds a word."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", CONSUME, re.MULTILINE | re.DOTALL)
    [found] = [str(block) for block in blocks if word in block]
    return found


def test_what_is_kept_is_pushed_soon(world: tuple[LocalStack, Server]) -> None:
    """At the median within a second, or within 25 times what keeping it took where the machine is slow."""
    stack, server = world
    kept, pushed = [], []
    for number in range(9):
        subject = f"csoon{number}"
        kept.append(shutdown(stack, subject))
        now = time.monotonic()
        eventually(lambda subject=subject: server.about(subject))
        pushed.append(max(0.0, server.first(subject) - now))

    assert median(pushed) < max(1.0, 25 * median(kept))


def test_the_receiver_of_the_documents_takes_every_push(world: tuple[LocalStack, Server]) -> None:
    """The Python of docs/consume.md accepts a push and refuses a changed one."""
    stack, server = world
    shutdown(stack, "cpython")
    eventually(lambda: len(server.about("cpython")) == 2)
    names: dict[str, Any] = {}
    exec(snippet("python", "standardwebhooks"), names)  # noqa: S102 - our own documentation's words
    secret = secret_of(stack)

    for _, headers, body in server.came:
        assert [204, 204] == [names["receive"](one, body, headers) for one in (secret, f"whsec_{secret}")]
        assert 401 == names["receive"](secret, body.replace(b'"version":1', b'"version":2'), headers)


def test_the_consumer_of_the_documents_reads_every_push(world: tuple[LocalStack, Server]) -> None:
    """The function of docs/consume.md reads each push, and the rules of its example match what they name."""
    stack, server = world
    shutdown(stack, "cbus")
    told = {push["type"]: push for push in eventually(lambda: server.about("cbus"))}
    eventually(lambda: len(server.about("cbus")) == 2)
    told = {push["type"]: push for push in server.about("cbus")}
    names: dict[str, Any] = {}
    exec(snippet("python", "def handler"), names)  # noqa: S102 - our own documentation's words
    answers = {name: names["handler"]({"detail": push}, None) for name, push in told.items()}
    template = yaml.safe_load(re.sub(r"!\w+ ", "", EXAMPLE))
    rules = template["Resources"]["Transcripts"]["Properties"]["Events"]["Ready"]["Properties"]["Pattern"]
    others = template["Resources"]["ToEverything"]["Properties"]["EventPattern"]
    events = [
        {"source": "tavus-callbacks", "detail-type": name, "detail": told[name]} for name in sorted(told)
    ]
    ready = {**events[0], "detail-type": "transcript.ready"}

    assert yaml.safe_load(snippet("yaml", "detail-type")) == rules
    assert {"4711"} == {answer["user"] for answer in answers.values()}
    assert {push["push_id"] for push in told.values()} == {answer["id"] for answer in answers.values()}
    assert all(Push.model_validate(push).version == 1 for push in told.values())
    assert [False, True] == [pattern.matches(others, event) for event in events]
    assert pattern.matches(rules, ready)
    assert not pattern.matches(rules, {**ready, "detail": {**ready["detail"], "simulated": True}})


def test_a_rule_of_ones_own_fills_a_queue(world: tuple[LocalStack, Server]) -> None:
    """Other rules on the bus receive pushes too."""
    stack, server = world
    sqs, events, bus = client(stack, "sqs"), client(stack, "events"), stack.running.outputs["EventBusName"]
    url = sqs.create_queue(QueueName="own")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = json.dumps({"source": ["tavus-callbacks"], "detail": {"tags": {"user": ["4711"]}}})
    events.put_rule(Name="own", EventBusName=bus, EventPattern=wanted)
    events.put_targets(Rule="own", EventBusName=bus, Targets=[{"Id": "own", "Arn": arn}])
    shutdown(stack, "cown")
    [message, *_] = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    eventually(lambda: len(server.about("cown")) == 2)

    assert "cown" == json.loads(message["Body"])["detail"]["subject"]


def test_a_server_that_is_down_gets_it_later(world: tuple[LocalStack, Server]) -> None:
    """Not taken once, it comes again after the sender's own rest."""
    stack, server = world
    server.answers = [500, 503]
    shutdown(stack, "cdown")
    refused = time.monotonic()
    eventually(lambda: len(server.about("cdown")) == 2)

    assert [] == server.answers
    assert server.first("cdown") - refused > 4
    assert {"callback.system.shutdown", "conversation.ended"} == {
        push["type"] for push in server.about("cdown")
    }


@pytest.fixture
def found(
    world: tuple[LocalStack, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let `--local` find this stack and no other of this machine."""
    stack, _ = world
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with register(open_state(tmp_path, stack.running.port, fresh=False), stack.running):
        yield


@pytest.mark.usefixtures("found")
def test_a_server_that_was_down_hears_nothing_of_an_erased_conversation(
    world: tuple[LocalStack, Server],
) -> None:
    """Pushes wait for their next try while the conversation is erased: only the erasure is posted."""
    stack, server = world
    server.answers = [500] * 100
    for event_type in ("system.shutdown", "application.transcription_ready"):
        body = {"conversation_id": "cforget", "event_type": event_type, "timestamp": "2026-03-01T12:01:00Z"}
        httpx.post(stack.running.callback_url, json=body).raise_for_status()
    eventually(lambda: len(server.answers) <= 96 and waiting(stack) >= 4)

    erased = CliRunner().invoke(main, ["erase", "conversation", "cforget", "--yes", "--json", "--local"])
    server.answers = []
    eventually(lambda: waiting(stack) == 0)

    seen = json.loads(erased.stdout)["counts"].get("pushes", 0)
    assert seen < 4, "no push waited for its next try"
    assert ["conversation.erased"] == [push["type"] for push in server.about("cforget")]


def waiting(stack: LocalStack) -> int:
    """Return how many messages the push queue holds, those in flight too."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = stack.running.outputs["PushQueueUrl"]
    found = client(stack, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


@pytest.mark.more
@pytest.mark.usefixtures("found")
def test_what_was_given_up_is_listed_and_redriven(world: tuple[LocalStack, Server]) -> None:
    """Gone for good, it lies with all that failed; the command gives it to the server again."""
    stack, server = world
    server.answers = [410, 410]
    shutdown(stack, "cgone")
    s3, bucket = client(stack, "s3"), stack.running.outputs["FailedBucketName"]
    eventually(lambda: len(s3.list_objects_v2(Bucket=bucket).get("Contents", ())) == 2)
    listed = CliRunner().invoke(main, ["failed", "list", "--json", "--local"])
    redriven = CliRunner().invoke(main, ["failed", "redrive", "--all", "--json", "--local"])

    assert {"tavus-callbacks-local-PushFunction"} == {
        one["function"] for one in json.loads(listed.stdout)["failed"]
    }
    assert ["taken"] * 2 == [one["outcome"] for one in json.loads(redriven.stdout)["failed"]]
    assert 2 == len(server.about("cgone"))
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_no_log_of_the_stack_holds_what_was_said(world: tuple[LocalStack, Server]) -> None:
    """Logs hold no bodies, no secret and no address of the server."""
    stack, server = world
    sentence = "my canary sings at midnight"
    body = {
        "conversation_id": "ccanary",
        "event_type": "application.transcription_ready",
        "properties": {"transcript": [{"role": "user", "content": sentence}]},
    }
    httpx.post(stack.running.callback_url, json=body).raise_for_status()
    eventually(lambda: len(server.about("ccanary")) == 2)
    logs = {path.stem: path.read_text() for path in stack.state.logs.glob("*Function.log")}

    assert "ccanary" in logs["PushFunction"]
    for canary in (sentence, secret_of(stack), server.url, stack.running.callback_url):
        assert not [name for name, log in logs.items() if canary in log]
