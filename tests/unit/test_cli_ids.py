"""Ids as people type them: `latest` and short event ids."""

import click
import pytest
from fake_target import run

from tavus_callbacks_cli.operations.ids import resolve_event, resolve_on, resolve_subject
from tavus_callbacks_cli.targets.api_client import NotFound

REF = f"{'0' * 20}-a2592e11{'0' * 24}"
OTHER = f"{'0' * 20}-b2592e11{'0' * 24}"
WHOLE = f"conversation.c1.{REF}"


def an_event(event_id, **members):
    """Make an event as the API answers it."""
    _, subject, _ = event_id.split(".")
    return {"event_id": event_id, "subject": subject, **members}


def page(*events):
    """Make a page of events."""
    return {"events": list(events), "cursor": None}


def test_latest_is_the_newest_conversation_and_takes_one_request(target, capsys):
    """The id is noted, so that a person can repeat the command."""
    target.answers = [{"conversations": [{"conversation_id": "c9"}], "cursor": "more"}]
    with target.open_api("read") as api:
        assert "c9" == resolve_subject(api, "latest", None, {"simulated": "false"})

    assert ["/conversations?limit=1&simulated=false"] == target.asked
    assert "latest is conversation c9\n" == capsys.readouterr().err


def test_latest_of_a_kind_comes_from_its_list_or_its_events(target):
    """An objective has no list, so its newest event names it."""
    target.answers = [{"videos": [{"id": "v1"}], "cursor": None}, page(an_event(f"objective.o1.{REF}"))]
    with target.open_api("read") as api:
        assert ["v1", "o1"] == [resolve_subject(api, "latest", kind, {}) for kind in ("video", "objective")]

    assert ["/videos?limit=1", "/events?limit=1&kind=objective&order=newest"] == target.asked


def test_no_latest_is_an_error_that_says_so(target):
    """An empty list ends the command."""
    target.answers = [{"conversations": [], "cursor": None}]
    with target.open_api("read") as api, pytest.raises(NotFound, match="No conversation is stored there yet"):
        resolve_subject(api, "latest", None, {})


def test_a_whole_id_asks_nothing(target):
    """Only `latest` and short ids need a request."""
    with target.open_api("read") as api:
        assert "c1" == resolve_subject(api, "c1", None, {})
        assert WHOLE == resolve_event(api, WHOLE)
        assert resolve_event(api, "c1") is None

    assert [] == target.asked


def test_a_short_id_names_an_event_or_a_variant_of_its_subject(target):
    """The events of the subject are read, and variants count."""
    variant = f"{WHOLE}-vb2592e11{'0' * 24}"
    event = an_event(WHOLE, variants=[an_event(WHOLE, variant_id=variant)])
    target.answers = [page(event), page(event), page()]
    with target.open_api("read") as api:
        assert WHOLE == resolve_event(api, "c1:a2592e11")
        assert variant == resolve_event(api, "c1:b2592e11", "conversation")
        assert resolve_event(api, "c1:c2592e11", "conversation") is None

    assert {"/events?limit=200&kind=conversation&subject=c1"} == set(target.asked)


def test_a_short_id_of_several_events_lists_the_whole_ids(target):
    """Equal bodies that came again have one digest."""
    target.answers = [page(an_event(WHOLE), an_event(f"{WHOLE}-000001"))]
    with target.open_api("read") as api, pytest.raises(click.ClickException) as error:
        resolve_event(api, "c1:a2592e11")

    assert f"'c1:a2592e11' is short for 2 events. Use one of:\n  {WHOLE}\n  {WHOLE}-000001" == str(
        error.value
    )


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("transcript",), "/conversations/c9/transcript"),
        (("recording",), "/conversations/c9/recordings"),
        (("show",), "/conversations/c9"),
        (("export", "--to", "never.zip"), "/events?limit=200&kind=conversation&subject=c9"),
        (("replay", "--to", "http://localhost:1/"), "/events?limit=200&kind=conversation&subject=c9"),
    ],
)
def test_commands_take_latest(target, command, path, tmp_path, monkeypatch):
    """After the list, the command asks for the conversation that it chose."""
    monkeypatch.chdir(tmp_path)
    target.answers = [{"conversations": [{"conversation_id": "c9"}], "cursor": None}]

    run(command[0], "latest", *command[1:])

    assert ["/conversations?limit=1&simulated=false", path] == [
        each.removesuffix("?limit=200") for each in target.asked
    ]


def test_show_prints_the_body_of_a_short_event_id(target):
    """The body is asked for by the whole id."""
    target.answers = [page(an_event(WHOLE)), {"event_type": "system.shutdown"}]

    assert 0 == run("show", "c1:a2592e11", "--json").exit_code
    assert f"/events/{WHOLE}/body" == target.asked[-1]


def test_an_event_is_not_taken_for_a_subject(target):
    """An erasure under the id of an event would find nothing; other ids of that form are subjects."""
    target.answers = [page(an_event(WHOLE)), page()]

    with pytest.raises(click.UsageError, match="Use the id of its subject: c1"):
        resolve_on(target, "c1:a2592e11", "conversation")
    assert "c2:a2592e11" == resolve_on(target, "c2:a2592e11", "conversation")


def test_replay_posts_the_one_event_that_is_named(target):
    """The other events of the subject are left out."""
    members = {"kind": "conversation", "event_type": "e", "received_at": "2027-01-01T00:00:00.000000Z"}
    events = [an_event(f"conversation.c1.{ref}", **members, tags={}, label="") for ref in (REF, OTHER)]
    target.answers = [page(*events)] * 2

    result = run("replay", "c1:b2592e11", "--dry-run", "--to", "http://localhost:1/", "--json")

    assert (0, True, False) == (result.exit_code, OTHER in result.stdout, REF in result.stdout)
