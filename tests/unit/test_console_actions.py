"""The page does what the console allows, in the words and documents of the command line."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import click
import httpx
import pytest
from console_pages import ask, console, document, read_api
from fake_target import FakeTarget
from receiver import receiving

from samples import TOKEN
from tavus_callbacks_cli.console import server
from tavus_callbacks_cli.console.actions import ACTIONS, allowed_actions
from tavus_callbacks_cli.simulator.scenario import names
from tavus_callbacks_cli.targets.api_client import NotFound, Unavailable
from tavus_callbacks_cli.targets.choose import LocalTarget, StackTarget, UrlTarget

ALL = ("redrive", "replay", "send")
EVENT = {
    "event_id": "conversation.c1.1-a",
    "event_type": "system.shutdown",
    "received_at": "2027-03-01T12:00:00Z",
    "tags": {"user": "4711"},
}


def api(request, count=1):
    """Answer a conversation of one event, or more."""
    if request.url.path.endswith("/body"):
        return httpx.Response(200, text='{"a": 1.0}')
    return httpx.Response(200, json={"events": [EVENT] * count, "cursor": None})


@pytest.mark.parametrize(
    ("expected", "target", "is_allowed"),
    [
        (ALL, LocalTarget(None), False),
        ((), StackTarget("s", None), False),
        (("redrive", "replay"), StackTarget("s", None), True),
        ((), UrlTarget("https://a.example", {}), False),
        (("replay",), UrlTarget("https://a.example", {}), True),
    ],
    ids=["local", "stack", "stack with permission", "url", "url with permission"],
)
def test_a_deployed_stack_is_changed_only_with_permission(expected, target, is_allowed):
    """A console that only looks has no actions; nothing is sent to a deployed stack."""
    assert expected == allowed_actions(target, is_allowed=is_allowed)


@pytest.mark.parametrize("action", ALL)
def test_an_action_that_is_not_allowed_has_no_path(action):
    """A page cannot ask for more than the console was started with."""
    assert 404 == ask(console(), "POST", f"/console/actions/{action}", {}).status


@pytest.mark.parametrize(("is_live", "live"), [(True, "push"), (False, "poll")])
def test_the_config_says_what_the_console_is(is_live, live):
    """A page learns target, pages, actions and how to name the target in a command."""
    target = FakeTarget(name="stack s in r", options=("--stack", "s$(id)"))
    page = console(target=target, actions=("replay",), chunks=(lambda: None) if is_live else None)

    config = document(ask(page, "GET", "/console/config"))

    assert "stack s in r" == config["target"]
    assert "/console/read" == config["api"]
    assert live == config["live"]
    assert ["replay"] == config["actions"]
    assert "--stack 's$(id)'" == config["option"]
    assert "https://d111.cloudfront.net" == config["cdn_url"]
    assert "conversations" in config["pages"]
    assert "try" not in config["pages"]


def test_each_scenario_is_listed():
    """The page Try offers what `simulate` lists."""
    scenarios = document(ask(console(), "GET", "/console/scenarios"))["scenarios"]

    assert names() == [scenario["name"] for scenario in scenarios]
    assert all(scenario["description"] and scenario["callbacks"] for scenario in scenarios)


@pytest.mark.parametrize(
    ("action", "content"),
    [
        ("redrive", {}),
        ("redrive", {"entry_id": None}),
        ("redrive", {"entry_id": 1, "dry_run": True}),
        ("redrive", {"entry_id": None, "dry_run": "no"}),
        ("replay", {"kind": "conversation", "subject": "c1", "to": "https://a.example/"}),
        ("replay", {"kind": "conversation", "subject": 1, "to": "https://a.example/", "dry_run": True}),
        ("replay", {"kind": "conversation", "subject": "c1", "to": "FILE:///etc/passwd", "dry_run": True}),
        ("replay", {"kind": "conversation", "subject": "c1", "to": "https://[::1", "dry_run": True}),
        ("replay", {"kind": "conversation", "subject": "c1", "to": "http://a b/", "dry_run": False}),
        ("replay", {"kind": "conversation", "subject": "c1", "to": "http://a:99999/", "dry_run": False}),
        (
            "replay",
            {"kind": "conversation", "subject": "c1", "to": "http://\u2764_-/", "dry_run": False},
        ),
        ("send", {}),
        ("send", {"scenario": "conversation", "body": "{}"}),
        ("send", {"scenario": "no such"}),
        ("send", {"scenario": "../conversation"}),
        ("send", {"body": {}}),
    ],
)
def test_an_incomplete_action_does_nothing(action, content):
    """A dry run is never guessed, and each refusal says what is wrong."""
    target = LocalTarget(SimpleNamespace(own_callback_url="http://127.0.0.1:1/callbacks/x"))
    with pytest.raises(click.UsageError) as caught:
        ACTIONS[action](target, read_api(api), content)

    assert caught.value.message


def test_a_replay_begins_with_a_dry_run():
    """A dry run posts nothing; then the bodies are posted as they were stored, without a token."""
    page = console(api, actions=("replay",))
    with receiving() as application:
        content = {"kind": "conversation", "subject": "c1", "to": application.url}

        dry = ask(page, "POST", "/console/actions/replay", {**content, "dry_run": True})

        assert ["would be posted"] == [each["outcome"] for each in document(dry)["events"]]
        assert [] == application.bodies

        real = ask(page, "POST", "/console/actions/replay", {**content, "dry_run": False})

    assert [("taken", 204)] == [(each["outcome"], each["status_code"]) for each in document(real)["events"]]
    assert [b'{"a": 1.0}'] == application.bodies
    assert ["/webhook?secret=canary&user=4711"] == application.paths
    assert "authorization" not in application.headers[0]


def test_a_replay_to_a_busy_address_keeps_nobody_waiting():
    """A page gets its answer at once: the address asks to wait, and the rest is not posted."""
    page = console(lambda request: api(request, 2), actions=("replay",))
    with receiving(429) as application:
        content = {"kind": "conversation", "subject": "c1", "to": application.url, "dry_run": False}
        answer = ask(page, "POST", "/console/actions/replay", content)

    outcomes = [(each["outcome"], each["status_code"]) for each in document(answer)["events"]]
    assert [("refused", 429), ("not posted", None)] == outcomes


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound("gone")),
        (400, click.UsageError("wrong")),
        (503, Unavailable("later")),
        (502, click.ClickException("The AWS credentials have expired.")),
    ],
)
def test_an_action_that_fails_is_a_problem(monkeypatch, status, error):
    """The page shows the sentence that the command line prints."""

    def fail(*_):
        raise error

    monkeypatch.setitem(server.ACTIONS, "replay", fail)

    answer = ask(console(actions=("replay",)), "POST", "/console/actions/replay", {})

    assert (status, error.message) == (answer.status, document(answer)["detail"])


def test_actions_run_one_at_a_time(monkeypatch):
    """Two actions at once do not mix: one waits for the other."""
    running, most = [], []

    def act(*_):
        running.append(1)
        most.append(len(running))
        threading.Event().wait(0.01)
        running.pop()
        return {"events": []}

    monkeypatch.setitem(server.ACTIONS, "replay", act)
    page = console(actions=("replay",))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(page, "POST", "/console/actions/replay", {}), range(8)))

    assert {200} == {answer.status for answer in answers}
    assert [1] * 8 == most


def test_an_action_beside_a_long_one_says_that_it_is_busy(monkeypatch):
    """Nobody waits for minutes, and pages are read meanwhile."""
    monkeypatch.setattr(server, "_PATIENCE", 0.01)
    is_running, may_end = threading.Event(), threading.Event()

    def act(*_):
        is_running.set()
        may_end.wait(5)
        return {"events": []}

    monkeypatch.setitem(server.ACTIONS, "replay", act)
    page = console(api, actions=("replay",))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, page, "POST", "/console/actions/replay", {})
        assert is_running.wait(5)
        second = ask(page, "POST", "/console/actions/replay", {})
        reading = ask(page, "GET", "/console/read/events")
        may_end.set()

    assert (200, 409, 200) == (first.result().status, second.status, reading.status)


def test_an_action_is_logged_by_its_count_only(capsys):
    """The terminal shows that something happened, and no id, address or body."""
    content = {"kind": "conversation", "subject": "c1", "to": f"https://a.example/{TOKEN}", "dry_run": True}

    ask(console(api, actions=("replay",)), "POST", "/console/actions/replay", content)

    captured = capsys.readouterr()
    assert ("", "replay: 1\n") == (captured.out, captured.err)


def test_problems_without_a_quarantine_token_are_shown_with_a_note():
    """Readable files are shown, and unreadable ones are named."""

    def respond(request):
        assert "quarantine" not in request.url.path
        rows = {"conversation_id": "c1", "recordings": 1, "recording_statuses": ["missing"]}
        times = {"received_first_at": "2027-03-01T12:00:00Z", "received_last_at": "2027-03-01T12:00:00Z"}
        return httpx.Response(
            200, json={"conversations": [{**rows, **times, "simulated": False}], "cursor": None}
        )

    target = UrlTarget("https://a.example", {})
    reader = read_api(respond, quarantine=click.UsageError("Set a quarantine token."))

    shown = document(ask(console(target=target, read_api=reader), "GET", "/console/problems"))

    assert ["recordings missing"] == [problem["what"] for problem in shown["problems"]]
    assert "Set a quarantine token." == shown["notes"][0]
    assert "--stack NAME" in shown["notes"][1]
