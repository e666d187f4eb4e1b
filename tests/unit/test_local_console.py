"""The output of the local stack is readable, and harmless for any body."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from encodings_of_tokens import SHORT
from tavus_callbacks_cli.local_stack.console import exchange_line, failure_line, printable, show_start
from tavus_callbacks_cli.local_stack.http.gateway import Exchange
from tavus_callbacks_cli.local_stack.http.payload import Answer
from tavus_callbacks_cli.local_stack.http.routes import Route

POST = Route("POST", "/callbacks/{token}", "ReceiveFunction")
STORED = {
    "status": "stored",
    "kind": "conversation",
    "subject": "c1",
    "event_type": "system.shutdown",
    "issues": [],
}


def shown(
    status: int, content: Any, *, route: Route = POST, failure: str | None = None, is_terminal: bool = False
) -> str:
    """Return the output of an exchange."""
    exchange = Exchange(route, {}, Answer(status, (), json.dumps(content).encode()), failure)
    line = exchange_line(exchange, Path("logs/ReceiveFunction.log"))
    out = io.StringIO()
    console = Console(
        file=out,
        highlight=False,
        force_terminal=is_terminal,
        color_system="standard" if is_terminal else "auto",
    )
    if line:
        console.print(line, soft_wrap=True)
    return out.getvalue()


@pytest.mark.parametrize(("port", "option"), [(8787, ""), (9000, " --port 9000")])
def test_the_next_commands_name_a_port_that_is_not_the_usual_one(port: int, option: str) -> None:
    """The printed commands use this stack, even if another one runs on the usual port."""
    running = SimpleNamespace(
        port=port,
        callback_url="http://a/callbacks/t",
        console_url="http://a/#key=k",
        export_line="export A='b'",
    )
    stack: Any = SimpleNamespace(running=running, state=SimpleNamespace(folder="data"), note=None)
    out = io.StringIO()

    show_start(Console(file=out, highlight=False), stack, None)

    assert f"  tavus-callbacks show latest --local{option}\n" in out.getvalue()
    assert "console   http://a/#key=k\n" in out.getvalue()
    assert "  export A='b'\n" in out.getvalue()


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("plain", "plain"),
        (r"\x1b[31mred\x00\n", "\x1b[31mred\x00\n"),
        (r"\u202eabc", "\u202eabc"),
        (r"\ud800", "\ud800"),
        ("会話 ü", "会話 ü"),
        ("it is -REDACTED-", f"it is {SHORT}"),
        ("a" * 23 + "…" + "b" * 8, "a" * 400 + "b" * 8),
        (r"\n" * 11 + r"\…" + r"\t" * 8, "\n" * 40 + "\t" * 8),
    ],
)
def test_text_is_printable_and_short(expected: str, text: str) -> None:
    """Every character that is not printable is escaped, and the middle of a long text left out."""
    assert expected == printable(text, 32)


def test_a_callback_is_one_line() -> None:
    """Kind, subject, event type, outcome and issues are on one line, without colours in a file."""
    line = shown(200, {**STORED, "issues": [{"field": "timestamp", "detail": "no time"}, "variant"]})

    assert line.count("\n") == 1
    assert "\x1b" not in line
    for part in ("conversation", "c1", "system.shutdown", "stored", "timestamp", "no time", "variant"):
        assert part in line


def test_the_longest_kind_stands_apart_from_its_subject() -> None:
    """Both can be recognised and copied."""
    assert " transcription t1 " in shown(200, {**STORED, "kind": "transcription", "subject": "t1"})


def test_a_terminal_gets_colours() -> None:
    """Stored is green."""
    assert "\x1b[32mstored" in shown(200, STORED, is_terminal=True)


def test_terminal_escapes_of_a_body_are_shown_escaped() -> None:
    """No byte of a body reaches the terminal as an instruction to it."""
    line = shown(200, {**STORED, "subject": "\x1b]0;x\x07", "event_type": "[red]x", "issues": ["\x1b[2J"]})

    assert "\x1b" not in line
    assert "\x07" not in line
    assert r"\x1b]0;x\x07" in line
    assert "[red]x" in line


@pytest.mark.parametrize(
    ("expected", "status", "content"),
    [
        ("422  conversation_id is empty", 422, {"detail": "conversation_id is empty"}),
        ("401  Unauthorized", 401, {"title": "Unauthorized"}),
        ("503", 503, ["no object"]),
    ],
)
def test_a_refusal_says_why(expected: str, status: int, content: Any) -> None:
    """The line has the status and the problem's detail."""
    assert f"refused  {expected}" in shown(status, content)


def test_a_callback_below_the_token_is_a_line_without_the_rest_of_its_path() -> None:
    """It is a callback like any other."""
    below = Route("POST", "/callbacks/{token}/{rest+}", "ReceiveFunction")

    assert shown(200, STORED)[8:] == shown(200, STORED, route=below)[8:] != ""


def test_reading_makes_no_line() -> None:
    """Only callbacks are shown."""
    assert shown(200, {"events": []}, route=Route("GET", "/events", "ReadFunction")) == ""


def test_a_failure_names_function_and_log() -> None:
    """A person is led to the traceback."""
    line = shown(500, {}, route=Route("GET", "/events", "ReadFunction"), failure="KeyError: 'x'")

    assert "GET /events: ReadFunction failed: KeyError: 'x'. See logs/" in line


def test_a_trigger_that_fails_is_a_line(tmp_path: Path) -> None:
    """The output names the reason and the log, because no request waits for an answer."""
    line = failure_line("ResolveFunction", "KeyError: 'x'\ntrace", tmp_path).plain

    assert "ResolveFunction failed: KeyError: 'x'. See " in line
    assert str(tmp_path / "ResolveFunction.log") in line
    assert "trace" not in line
