"""`simulate` sends a scenario to a callback_url and compares every answer with the expected one."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx
import pytest
from click.testing import CliRunner, Result

from samples import TOKEN
from tavus_callbacks_cli.local_stack import registry
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.simulator import scenario as simulator

STORED = {
    "status": "stored",
    "kind": "video",
    "subject": "v1",
    "event_type": "video.ready",
    "issues": ["unusable_time"],
}


class Receiver:
    """A receiver on this machine with a list of answers; the last one is repeated."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.paths: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/callbacks/{TOKEN}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.paths.append(self.path)
                self.rfile.read(int(self.headers["content-length"]))
                status, content = (
                    receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                )
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    """Remove a callback_url that this machine may offer."""
    monkeypatch.delenv("TAVUS_CALLBACKS_CALLBACK_URL", raising=False)


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["simulate", *arguments])


def test_without_a_scenario_all_are_listed_with_what_they_send():
    """The list needs no target."""
    result = run()

    assert 0 == result.exit_code
    for name in simulator.names():
        assert f"{name} " in result.stdout
        assert simulator.load(name).description in result.stdout


def test_the_list_is_there_for_programs():
    """The JSON has names and descriptions."""
    scenarios = json.loads(run("--json").stdout)["scenarios"]

    assert simulator.names() == [scenario["name"] for scenario in scenarios]


def test_an_expected_answer_is_a_line_and_success():
    """A line has the answer, the subject and the issues."""
    with Receiver((200, STORED)) as receiver:
        result = run("video", "--url", receiver.url)

    assert 0 == result.exit_code
    assert "200 stored     video v1 video.ready  unusable_time\n" == result.stdout
    assert "1 of 1 responses are as expected." in result.stderr
    assert [f"/callbacks/{TOKEN}?simulated=true"] == receiver.paths


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, STORED | {"status": "duplicate"}),
        (401, {"title": "Unauthorized", "status": 401, "detail": "No live token of the right scope."}),
        (500, {"message": "Internal Server Error"}),
        (200, []),
    ],
)
def test_another_answer_is_told_and_ends_with_1(status, content):
    """The line has the expected answer, too."""
    with Receiver((status, content)) as receiver:
        result = run("video", "--url", receiver.url)

    assert 1 == result.exit_code
    assert "expected 200 stored" in result.stdout
    assert "1 of 1 answers are not as expected." in result.stderr


def test_a_refusal_can_be_what_is_expected():
    """A problem's `status` is a number and not an outcome; its reason is printed."""
    with Receiver((400, {"status": 400, "detail": "The body is empty."})) as receiver:
        result = run("malformed", "--url", receiver.url)

    assert "400 refused    The body is empty." == result.stdout.splitlines()[0]


def test_a_terminal_breaks_an_answer_between_words(monkeypatch):
    """Every further line is indented as far as the details."""
    detail = "The body has no subject. A callback has a conversation_id and an event_type, or an id."
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    with Receiver((400, {"status": 400, "detail": detail})) as receiver:
        first, second, *_ = run("malformed", "--url", receiver.url).stdout.splitlines()

    assert first.endswith("A callback has a conversation_id and an")
    assert second == f"{' ' * 15}event_type, or an id."


def test_json_holds_expectation_and_answer():
    """JSON has everything that a program needs to compare."""
    with Receiver((200, STORED)) as receiver:
        result = run("video", "--url", receiver.url, "--json")

    expected = {"status_code": 200, "status": "stored"}
    callback = {"expected": expected, "status_code": 200, "answer": STORED, "is_expected": True}
    assert {"scenario": "video", "callbacks": [callback]} == json.loads(result.stdout)


def test_the_token_in_the_callback_url_is_not_shown():
    """The target is printed without its token."""
    with Receiver((200, STORED)) as receiver:
        result = run("video", "--url", receiver.url)

    assert f"on {receiver.origin}/callbacks/-REDACTED-" in result.stderr
    assert TOKEN not in result.output


def test_the_environment_names_a_callback_url(monkeypatch):
    """With the variable, --url is optional."""
    with Receiver((200, STORED)) as receiver:
        monkeypatch.setenv("TAVUS_CALLBACKS_CALLBACK_URL", receiver.url)

        assert 0 == run("video").exit_code


def test_local_sends_to_the_local_stack_and_not_through_its_tunnel(monkeypatch):
    """A tunnel may lead elsewhere by now, and --local ignores the environment."""
    monkeypatch.setenv("TAVUS_CALLBACKS_CALLBACK_URL", "https://example.com/callbacks/x")
    with Receiver((200, STORED)) as receiver:
        tunnel = f"https://a.tunnel.invalid/callbacks/{TOKEN}"
        running = RunningStack(
            1, 1, receiver.origin, tunnel, "", "", "", "", "", "", {"TavusApiUrl": receiver.origin}
        )
        monkeypatch.setattr(registry, "running_stacks", lambda: [running])

        assert 0 == run("video", "--local").exit_code

    assert [f"/callbacks/{TOKEN}?simulated=true"] == receiver.paths


@pytest.mark.parametrize(
    "arguments",
    [
        ("video",),
        ("video", "--url", "example.com/callbacks/x"),
        ("video", "--url", "http://example.com/callbacks/x"),
        ("video", "--url", "https://example.com/callbacks/x", "--local"),
        ("video", "--port", "9001"),
        ("vidoe", "--url", "https://example.com/callbacks/x"),
    ],
    ids=" ".join,
)
def test_no_place_to_send_to_is_a_usage_error(arguments):
    """Nothing is sent."""
    result = run(*arguments)

    assert 2 == result.exit_code
    assert "--" in result.stderr


def test_no_answer_at_all_says_what_to_check():
    """A stack that is down gives no traceback."""
    with Receiver((200, STORED)) as receiver:
        gone = receiver.url

    result = run("video", "--url", gone)

    assert 1 == result.exit_code
    assert "No answer" in result.stderr
    assert TOKEN not in result.output


@pytest.mark.parametrize(("options", "expected"), [((), 0.03), (("--real-time",), 0.3)])
def test_delays_are_compressed_unless_asked_for(options, expected, monkeypatch):
    """The order of a scenario stays; only --real-time waits as long as it says."""
    slept: list[float] = []
    monkeypatch.setattr("tavus_callbacks_cli.simulator.send.time.sleep", slept.append)
    with Receiver((200, STORED)) as receiver:
        run("replacement", "--url", receiver.url, *options)

    assert [0, pytest.approx(expected)] == slept


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, "show vsim --stack NAME"), ({"TAVUS_CALLBACKS_STACK": "mine"}, "show vsim")],
)
def test_the_next_command_shows_what_was_sent(environment, expected, monkeypatch):
    """Its target is the default, or a name to fill in; a callback URL names no stack."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={**STORED, "subject": "vsim"}))
    monkeypatch.setattr(
        "tavus_callbacks_cli.simulator.send.http_client", lambda _: httpx.Client(transport=transport)
    )
    result = run("video", "--url", f"https://api.example/callbacks/{TOKEN}")

    assert result.stderr.endswith(f"Next: tavus-callbacks {expected}\n")


def test_the_next_command_for_this_machine_names_its_port():
    """A callback URL of a local stack, as `env` sets it, needs no name to fill in."""
    with Receiver((200, {**STORED, "subject": "vsim"})) as receiver:
        result = run("video", "--url", receiver.url)

    port = receiver.origin.rpartition(":")[2]
    assert result.stderr.endswith(f"Next: tavus-callbacks show vsim --local --port {port}\n")


def test_an_empty_url_means_no_other(monkeypatch):
    """An empty shell variable must not send the scenario elsewhere."""
    with Receiver((200, STORED)) as receiver:
        monkeypatch.setenv("TAVUS_CALLBACKS_CALLBACK_URL", receiver.url)

        assert 2 == run("video", "--url", "").exit_code

    assert [] == receiver.paths


def test_a_video_needs_a_stack_of_this_machine():
    """A callback_url has no bucket for the video, so nothing is sent."""
    with Receiver((200, STORED)) as receiver:
        result = run("recording", "--url", receiver.url)

    assert 2 == result.exit_code
    assert "It needs --local" in result.stderr
    assert [] == receiver.paths


def test_losing_wants_the_local_stand_in():
    """Only the local stand-in can return a lost callback."""
    result = run("conversation", "--url", "https://example.com/callbacks/x", "--lose", "system.shutdown")

    assert 2 == result.exit_code
    assert "--lose needs --local" in result.stderr
