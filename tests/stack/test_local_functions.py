"""Handlers run as on Lambda: in a process, one event at a time, with the template's environment."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tavus_callbacks_cli.local_stack.functions.local_function import (
    ANSWER_LIMIT,
    WORKERS_AT_MOST,
    AnswerTooLarge,
    Function,
    FunctionFailed,
    FunctionTimedOut,
    LocalFunction,
)

pytestmark = pytest.mark.stack

HANDLERS = """
import os, sys, time

def echo(event, context):
    print("printed by the handler")
    os.write(1, b"written to stdout\\n")
    sys.stdin.read()
    return {"event": event, "environment": dict(os.environ), "pid": os.getpid()}

def context(event, context):
    names = ("function_name", "memory_limit_in_mb", "invoked_function_arn", "aws_request_id")
    members = {name: getattr(context, name) for name in names}
    return {**members, "left": context.get_remaining_time_in_millis()}

def slow(event, context):
    time.sleep(event)
    return os.getpid()

def faulty(event, context):
    if event == "raise":
        raise KeyError("no such thing")
    if event == "end":
        os._exit(3)
    if event == "exit":
        sys.exit("over")
    if isinstance(event, int):
        return "x" * event
    return {"set": {1}, "surrogate": "\\ud800"}[event]
"""

Make = Callable[..., LocalFunction]
Children = Callable[[int], set[int]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make functions of the handlers above, and end them."""
    (tmp_path / "handlers.py").write_text(HANDLERS)
    made = []

    def make_function(handler: str, *, timeout: float = 10) -> LocalFunction:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(tmp_path),
            "AWS_LAMBDA_FUNCTION_NAME": "name",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        }
        function = Function("Thing", "arn:x", handler, timeout, environment, tmp_path / "Thing.log")
        made.append(LocalFunction(function))
        return made[-1]

    yield make_function
    for function in made:
        function.stop()


def test_event_and_answer_are_json(make: Make) -> None:
    """Events and answers pass through JSON, as on Lambda."""
    event = {"text": "ü 会話", "number": 1.5, "tuple": (1, 2), "nothing": None}

    answer = make("handlers.echo").invoke(event)

    assert answer["event"] == {**event, "tuple": [1, 2]}


def test_a_handler_sees_the_functions_environment_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this process's environment leaks into it."""
    monkeypatch.setenv("TAVUS_API_KEY", "mine")

    answer = make("handlers.echo").invoke({})

    assert answer["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "name"
    assert "TAVUS_API_KEY" not in answer["environment"]


def test_what_a_handler_prints_is_in_the_log(make: Make) -> None:
    """Output of the handler never mixes with its answer."""
    function = make("handlers.echo")

    function.invoke({})

    log = function.function.log.read_text()
    assert "printed by the handler" in log
    assert "written to stdout" in log


def test_a_handler_gets_a_context(make: Make) -> None:
    """The context has name, memory, ARN, request id and remaining time."""
    answer = make("handlers.context", timeout=5).invoke({})

    assert (answer["function_name"], answer["memory_limit_in_mb"]) == ("name", 512)
    assert answer["invoked_function_arn"] == "arn:x"
    assert answer["aws_request_id"]
    assert 0 < answer["left"] <= 5000


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        ("KeyError: 'no such thing'", "raise"),
        ("its process ended", "end"),
        ("its process ended", "exit"),
        ("TypeError", "set"),
        ("UnicodeEncodeError", "surrogate"),
    ],
)
def test_a_failing_handler_fails_its_event_only(make: Make, reason: str, event: Any) -> None:
    """The failure says why, and the next event is served."""
    function = make("handlers.faulty")

    with pytest.raises(FunctionFailed, match=reason):
        function.invoke(event)

    assert function.invoke(3) == "xxx"


def test_an_event_that_is_no_text_is_no_failure_of_the_function(make: Make) -> None:
    """A lone surrogate stops the caller: no retry helps, and the process has not ended."""
    with pytest.raises(UnicodeEncodeError):
        make("handlers.echo").invoke({"text": "\ud800"})


def test_a_handler_that_cannot_be_loaded_fails(make: Make) -> None:
    """The error names the missing module."""
    with pytest.raises(FunctionFailed, match="No module named 'nowhere'"):
        make("nowhere.handler").invoke({})


def test_an_answer_over_six_megabytes_fails(make: Make) -> None:
    """Lambda would not hand it back."""
    with pytest.raises(AnswerTooLarge):
        make("handlers.faulty").invoke(ANSWER_LIMIT + 1)


def test_the_timeout_ends_the_process(make: Make) -> None:
    """A handler that hangs is killed, and the next event gets a new process."""
    function = make("handlers.slow", timeout=0.5)
    before = function.invoke(0)

    with pytest.raises(FunctionTimedOut):
        function.invoke(60)

    assert before != function.invoke(0)
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


def test_an_event_after_idle_processes_were_killed_is_served(make: Make) -> None:
    """The next event gets a new process, even if all idle ones were killed."""
    function = make("handlers.slow")
    with ThreadPoolExecutor(WORKERS_AT_MOST) as threads:
        idle = list(threads.map(function.invoke, [1] * WORKERS_AT_MOST))
    for pid in set(idle):
        os.kill(pid, signal.SIGKILL)
        # Until its last thread has ended, its parent cannot see that it did.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert function.invoke(0) not in idle


def test_events_at_once_are_served_by_several_processes(make: Make) -> None:
    """Events run in parallel up to the number of workers, and each worker handles one at a time."""
    function = make("handlers.slow")

    with ThreadPoolExecutor(2 * WORKERS_AT_MOST) as threads:
        processes = list(threads.map(function.invoke, [1] * WORKERS_AT_MOST))
        again = list(threads.map(function.invoke, [0] * 20))

    assert len(set(processes)) == WORKERS_AT_MOST
    assert set(again) <= set(processes)


def test_stopping_ends_a_handler_that_hangs(make: Make) -> None:
    """Ctrl-C does not wait for a slow handler."""
    function = make("handlers.slow", timeout=60)
    function.prewarm()
    with ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(function.invoke, 60)
        time.sleep(0.5)
        started = time.monotonic()

        function.stop()

        assert time.monotonic() - started < 5
        with pytest.raises(FunctionFailed):
            hanging.result(timeout=5)
