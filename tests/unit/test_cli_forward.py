"""`forward` posts what arrives to an application, and prints what became of it."""

import json
import os
import re
import signal

import pytest
from fake_target import run
from receiver import receiving
from stored_events import EventsTarget, event

from tavus_callbacks_cli.operations.ids import shorten_event_id
from tavus_callbacks_cli.targets import choose


@pytest.fixture
def target(monkeypatch, waits):  # noqa: ARG001 - no command waits
    """Let every command work on a fake; Ctrl-C follows its last answer."""
    fake = EventsTarget(options=("--stack", "s"))
    monkeypatch.setattr(choose, "choose", lambda *_, **__: fake)
    return fake


def page(*events):
    """Make a page of the feed."""
    return {"events": list(events), "cursor": "c"}


def test_what_arrives_is_posted_and_printed(target):
    """A line has the time, type, short id, status and milliseconds; tags and the stored bytes go along."""
    target.answers = [page(), page(event(1), event(2, "system.replica_joined"))]
    with receiving(200) as application:
        result = run("forward", "--to", application.url)

    assert 0 == result.exit_code
    first, second = result.stdout.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d system\.shutdown +c1:00000001 +200 +\d+ ms", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d system\.replica_joined +c2:00000002 +204 +\d+ ms", second)
    assert [event(1)["event_id"], event(2)["event_id"]] == application.event_ids
    assert f'{{"is": 1.0, "id": "{event(1)["event_id"]}"}}'.encode() == application.bodies[0]
    assert "/webhook?secret=canary&user=4711" == application.paths[0]
    assert "x-tavus-callbacks-replay" not in application.headers[0]
    assert "waiting for events, Ctrl-C to stop" in result.stderr
    assert "2 taken, 0 not taken" in result.stderr


def test_json_is_an_object_a_line(target):
    """A program reads the same facts."""
    target.answers = [page(event(1))]
    with receiving() as application:
        result = run("forward", "--to", application.url, "--json")

    outcome = json.loads(result.stdout)
    milliseconds = outcome.pop("milliseconds")
    assert isinstance(milliseconds, int)
    assert outcome == {
        "short_id": "c1:00000001",
        "event_id": event(1)["event_id"],
        "event_type": "system.shutdown",
        "received_at": "2027-03-01T12:00:01.000000Z",
        "outcome": "taken",
        "status_code": 204,
        "reason": None,
    }


def test_it_begins_with_what_was_missed(target):
    """`--since` is where the feed begins; filters choose as in `tail`."""
    target.answers = [page(event(1), event(2, "x"), event(3, "x", tags={"simulated": "true"}))]
    with receiving() as application:
        run("forward", "--to", application.url, "--since", "2027-03-01T12:00:00Z", "--event-type", "x")

    assert "/events?after=2027-03-01T12%3A00%3A00.000000Z" == target.asked[0]
    assert [event(2)["event_id"]] == application.event_ids


def test_what_is_not_taken_is_tried_three_times(target, waits):
    """Then the next event follows, and the end says how to post the lost ones again."""
    target.answers = [page(event(1), event(2))]
    with receiving(500, 503, 418) as application:
        result = run("forward", "--to", application.url)

    assert [0, 0.5, 2, 0] == waits[:4]
    assert ["418", "204"] == [line.split()[3] for line in result.stdout.splitlines()]
    assert 4 == len(application.bodies)
    assert "1 taken, 1 not taken" in result.stderr
    again = "tavus-callbacks replay --since 2027-03-01T12:00:01.000000Z --to URL --stack s"
    assert f"`{again}`" in result.stderr


def test_the_command_that_posts_again_chooses_the_same_events(target):
    """It would otherwise post those of other people too."""
    target.answers = [page(event(1))]
    choice = ("--kind", "conversation", "--label", "website", "--event-type", "system.shutdown")
    choice += ("--tag", "user:4711", "--simulated")
    with receiving(500, 500, 500) as application:
        result = run("forward", "--to", application.url, *choice)

    assert f"--to URL {' '.join(choice)} --stack s`" in result.stderr


def test_a_stack_that_refuses_half_way_ends_it_with_the_summary(target):
    """A token can be revoked meanwhile. The message names the losses until then."""
    target.answers = [page(event(1)), (401, {})]
    with receiving(500, 500, 500) as application:
        result = run("forward", "--to", application.url)

    assert 1 == result.exit_code
    assert "0 taken, 1 not taken" in result.stderr
    assert result.stderr.endswith("Error: Make a token.\n")


@pytest.mark.parametrize("answer", [{"events": 1}, {}, "<html>", (200, [])])
@pytest.mark.parametrize("command", ["forward", "replay", "tail"])
def test_what_is_no_page_of_events_is_a_sentence(target, command, answer):
    """Another program may answer at the address, from the start or later."""
    target.answers = [{**page(event(1)), "looked_until": event(1)["received_at"]}, answer]
    with receiving() as application:
        to = ("--json",) if command == "tail" else ("--to", application.url)
        result = run(command, "--since", "1h", *to)

    assert 1 == result.exit_code
    assert "Is it up?" in result.stderr
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("command", [("forward",), ("replay", "--since", "1h")])
def test_a_stack_that_is_busy_at_the_start_is_waited_for(target, waits, command):
    """It is there, as a wrong address is not."""
    target.answers = [(429, {"detail": "Throttled"}), page(event(1))]
    with receiving() as application:
        run(*command, "--to", application.url)

    assert 1 == waits[0]
    assert [event(1)["event_id"]] == application.event_ids


def test_sigterm_ends_it_with_the_summary(target):
    """A service manager stops it in this way."""
    target.answers = [page(event(1)), page()]
    with receiving() as application:
        application.note = lambda: os.kill(os.getpid(), signal.SIGTERM)
        result = run("forward", "--to", application.url)

    assert 0 == result.exit_code
    assert "0 taken, 0 not taken" in result.stderr


@pytest.mark.parametrize("command", [("forward", "--to", "http://localhost:1/"), ("tail", "--json")])
def test_a_beginning_to_come_is_noted(target, command):
    """Nothing would be shown until then."""
    target.answers = [page()]

    assert "2027-03-01 is in the future" in run(*command, "--since", "2027-03-01").stderr


def test_an_application_that_is_not_there_does_not_end_it(target):
    """The line says why, and it goes on."""
    target.answers = [page(event(1)), page(event(2))]
    with receiving() as application:
        url = application.url
    result = run("forward", "--to", url)

    assert 0 == result.exit_code
    lines = result.stdout.splitlines()
    assert 2 == len(lines)
    assert all("no answer" in line and line.endswith("Connection refused") for line in lines)


def test_an_event_that_is_gone_is_left_out(target):
    """It was erased after it was listed."""
    target.answers, target.failures = [page(event(1), event(2))], [404]
    with receiving() as application:
        result = run("forward", "--to", application.url)

    assert [event(2)["event_id"]] == application.event_ids
    assert "not posted" in result.stdout.splitlines()[0]


@pytest.mark.parametrize("command", [("forward", "--to", "http://localhost:1/"), ("tail", "--json")])
def test_it_waits_longer_after_each_429(target, waits, command):
    """The pause doubles to a minute, and is a second again after an answer. Nothing is left out."""
    busy = (429, {"detail": "Throttled"})
    target.answers = [page(), *[busy] * 8, page(), busy, page()]

    result = run(*command)

    assert 0 == result.exit_code
    assert [1, 1, 2, 4, 8, 16, 32, 60, 60, 1, 1, 1] == waits
    assert "Throttled" in result.stderr
    assert "Next attempt in 32 s." in result.stderr
    assert {"/events?after=c"} == set(target.asked[1:])


def test_it_ends_at_once_where_it_cannot_begin(target):
    """A wrong address or a refused token ends the command."""
    target.answers = [(401, {})]

    assert 1 == run("forward", "--to", "http://localhost:1/").exit_code


@pytest.mark.parametrize(
    ("expected", "event_id"),
    [
        ("c1:a2592e11", f"conversation.c1.{'0' * 20}-a2592e11{'0' * 24}"),
        ("c1:a2592e11", f"conversation.c1.untimed-a2592e11{'0' * 24}-000002"),
        ("c1:b2592e11", f"conversation.c1.{'0' * 20}-a2592e11{'0' * 24}-vb2592e11{'0' * 24}"),
        ("of another form", "of another form"),
    ],
)
def test_a_short_id_names_subject_and_digest(expected, event_id):
    """A variant has the digest of its own content."""
    assert (expected, event_id) == shorten_event_id(event_id)


def test_nothing_stored_steers_the_terminal(target):
    """Escapes and rich's markup are printed as text."""
    evil = "\x1b[2J[bold red]\u202e"
    target.answers = [page(event(1, evil, subject=evil))]
    with receiving() as application:
        output = run("forward", "--to", application.url).output

    assert "[bold red]" in output
    assert not {"\x1b", "\u202e"} & set(output)
