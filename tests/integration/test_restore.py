"""Restoring: items are lost, AWS restores a table beside, and its items are copied back."""

import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import click
import pytest
from click.testing import CliRunner
from inprocess import forget
from projecting import facts_of, post_scenario, project_all, row_of, store, summaries

from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.summaries.summary import unpack_facts
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations import reindex
from tavus_callbacks_cli.operations.restore import Restore, copied_subjects
from tavus_callbacks_cli.targets import choose
from tavus_callbacks_cli.tokens import revoke_token

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BESIDE = "events-of-yesterday"
OUTCOMES = ("copied", "there", "expired", "erased")


def client():
    """Return the client of an operator."""
    return boto3.client("dynamodb", region_name="us-east-1")


def restore_beside(api, name=BESIDE):
    """Let AWS restore the current events table beside it."""
    client().restore_table_to_point_in_time(
        SourceTableName=api.environment["EVENTS_TABLE"], TargetTableName=name, UseLatestRestorableTime=True
    )


def lose_everything(api, but=()):
    """Delete every item of the events table."""
    for item in api.items():
        if item["type"] not in but:
            key = row_of({"pk": item["pk"], "sk": item["sk"]})
            client().delete_item(TableName=api.environment["EVENTS_TABLE"], Key=key)


def copy_back(api, *, dry_run=False):
    """Copy the missing items and rebuild their summaries; return the outcomes in order."""
    kept = store(api)
    copies = list(Restore(kept, BESIDE).copy(dry_run=dry_run))
    if not dry_run:
        list(reindex.rebuild_summaries(kept, copied_subjects(Counter(copies))))
    return [each.outcome for each in copies]


@pytest.fixture
def conversation(api):
    """Return a conversation with summary and recordings, and restore a table that has it."""
    post_scenario(api, "conversation", now=NOW)
    assert [] == project_all(api)
    restore_beside(api)
    return api.get("/conversations").value["conversations"][0]["conversation_id"]


def views(api, conversation):
    """Return a conversation as readers see it."""
    paths = ("", "/events", "/transcript", "/recordings")
    each = [api.get(f"/conversations/{conversation}{path}").value for path in paths]
    return [*each, api.get("/conversations").value, api.pull()]


def test_what_was_lost_is_seen_again_as_it_was(api, conversation):
    """Events, transcript, recordings, lists and the order of receipt are as before."""
    before = views(api, conversation)
    lose_everything(api)
    assert 404 == api.get(f"/conversations/{conversation}").status

    outcomes = copy_back(api)

    assert before == views(api, conversation)
    assert {"copied", "derived"} == set(outcomes)


def test_what_is_newer_stays(api, conversation):
    """An existing row is not overwritten, and events after the backup are shown, too."""
    table = boto3.resource("dynamodb", region_name="us-east-1").Table(api.environment["EVENTS_TABLE"])
    [first, *_] = [item for item in api.items() if item["type"] == "event"]
    table.update_item(
        Key={"pk": first["pk"], "sk": first["sk"]},
        UpdateExpression="SET #label = :label",
        ExpressionAttributeNames={"#label": "label"},
        ExpressionAttributeValues={":label": "newer"},
    )
    late = {
        "conversation_id": conversation,
        "event_type": "system.call_over",
        "timestamp": "2026-11-21T12:00:00Z",
    }
    api.post(late)
    project_all(api)
    before = views(api, conversation)

    outcomes = copy_back(api)

    assert before == views(api, conversation)
    assert {"there", "derived"} == set(outcomes)


def test_a_summary_counts_what_came_after_the_backup(api, conversation):
    """The old summary is not copied: the new one is built from all events."""
    fresh = {
        "conversation_id": conversation,
        "event_type": "application.perception_analysis",
        "timestamp": "2026-11-21T12:00:00Z",
        "properties": {"analysis": "calm"},
    }
    lose_everything(api)
    api.post(fresh)
    project_all(api)

    copy_back(api)

    received = [event["received_at"] for event in api.events(conversation)]
    facts = unpack_facts(summaries(api)["conversation", conversation]["facts"])
    assert facts_of(api, "conversation", conversation) == facts
    assert min(received) in facts


def test_a_revoked_token_stays_revoked(api, conversation):  # noqa: ARG001 - it makes the table beside
    """Tokens are in another table, so an old events table revives none."""
    revoke_token(api.tokens_table, label="test", now=datetime.now(UTC))
    lose_everything(api)

    copy_back(api)

    # A runtime that has just started remembers no token.
    forget()
    assert 401 == api.post({"conversation_id": "c1", "event_type": "system.shutdown"}).status


def test_to_try_writes_nothing(api, conversation):
    """A dry run names what the run would copy."""
    lose_everything(api, but=("recording", "use"))

    tried = copy_back(api, dry_run=True)

    assert 404 == api.get(f"/conversations/{conversation}").status
    assert sorted(tried) == sorted(copy_back(api))


def test_it_can_be_started_again(api, conversation):
    """The next run finds the copies of an interrupted one and does the rest."""
    before = views(api, conversation)
    lose_everything(api)
    half = Restore(store(api), BESIDE).copy(dry_run=False)
    copied = [next(half) for _ in range(3)]
    half.close()

    outcomes = copy_back(api)
    list(reindex.rebuild_summaries(store(api), reindex.subjects(store(api))))

    assert before == views(api, conversation)
    assert [each.outcome for each in copied].count("copied") <= outcomes.count("there")


def test_what_has_expired_is_left_out(api):
    """A restored table has no time to live; its expired rows are not copied."""
    lose_everything(api)
    restore_beside(api)
    for number, expires_at in enumerate((int(time.time()) - 60, int(time.time()) + 3600)):
        item = {"pk": f"video#v{number}", "sk": "e1#x", "type": "event", "expires_at": expires_at}
        client().put_item(TableName=BESIDE, Item=row_of(item))

    assert ["copied", "expired"] == sorted(copy_back_rows(api))
    assert ["video#v1"] == [item["pk"] for item in api.items()]


def copy_back_rows(api):
    """Copy without summaries, for rows that are not whole events."""
    return [each.outcome for each in Restore(store(api), BESIDE).copy(dry_run=False)]


def test_an_erased_subject_stays_erased(api, conversation):
    """A backup does not bring an erased subject back."""
    lose_everything(api)

    tombstones = Tombstones(client(), api.environment["EVENTS_TABLE"])
    tombstones.add("conversation", conversation, at=datetime.now(UTC), lifetime=None)

    outcomes = copy_back(api)

    assert 404 == api.get(f"/conversations/{conversation}").status
    assert "erased" in outcomes


@pytest.fixture
def command(api, monkeypatch):
    """Let the command work on this stack, and return a function that runs it."""
    target = SimpleNamespace(name="stack of this process", options=(), store=lambda: store(api))
    monkeypatch.setattr(choose, "choose", lambda *_, **__: target)
    return lambda *arguments: CliRunner().invoke(
        main, ["restore", "--from", BESIDE, *arguments, "--stack", "x"]
    )


def test_the_marker_of_erasures_is_not_read_for_every_page(api, conversation):  # noqa: ARG001 - its rows
    """A table of many pages costs two reads of the marker a minute: its own, and the stack's."""
    kept, markers = replace(store(api), client=client()), []
    events = kept.client.meta.events
    events.register("provide-client-params.dynamodb.Scan", lambda params, **_: {**params, "Limit": 2})
    events.register("provide-client-params.dynamodb.GetItem", lambda params, **_: markers.append(params))

    copies = list(Restore(kept, BESIDE).copy(dry_run=True))

    assert len(copies) > 6
    assert 2 == len(markers)


@pytest.mark.parametrize("is_before", [True, False])
def test_tombstones_count_from_before_the_moment_and_after_it(api, command, is_before):
    """A tombstone may be in the restored table or in the stack's."""
    for name in ("c-kept", "c-erased"):
        api.post({"conversation_id": name, "event_type": "system.shutdown"})
    restore_beside(api)
    lose_everything(api)
    table = BESIDE if is_before else api.environment["EVENTS_TABLE"]
    Tombstones(client(), table).add("conversation", "c-erased", at=NOW, lifetime=None)

    result = command("--json")

    assert 0 == result.exit_code, result.output
    # With the use of the token, and the tombstone and its marker.
    assert {"copied": 4 if is_before else 2, "there": 0, "expired": 0, "erased": 1} == {
        name: count for name, count in json.loads(result.stdout).items() if name in OUTCOMES
    }
    assert {"c-kept"} == {item["subject"] for item in api.items() if item["type"] in ("event", "summary")}
    forget()
    late = api.post({"conversation_id": "c-erased", "event_type": "system.shutdown"})
    assert "erased" == late.value["status"]


def test_the_command_says_what_it_did(api, command):
    """People get a sentence and programs get numbers; a dry run writes nothing."""
    api.post({"conversation_id": "c1", "event_type": "system.shutdown"})
    restore_beside(api)
    lose_everything(api)

    tried, done, again = command("--dry-run"), command(), command("--json")

    assert "2 rows of 1 subjects would be copied. 0 were there already." in tried.stderr
    assert "2 rows of 1 subjects were copied. 0 were there already." in done.stderr
    expected = {"copied": 0, "there": 2, "expired": 0, "erased": 0}
    assert {**expected, "subjects": 0, "summaries": 0, "dry_run": False} == json.loads(again.stdout)
    assert ["c1"] == [item["subject"] for item in api.items() if item["type"] == "summary"]


def test_quarantine_that_comes_back_is_told_where_somebody_was_erased(api, command):
    """No tombstone says whom an entry names, so erasures must be repeated."""
    api.post(b'{"conversation_id": "c-erased", ')
    restore_beside(api)
    lose_everything(api)

    first = command("--dry-run")
    Tombstones(client(), api.environment["EVENTS_TABLE"]).add(
        "conversation", "c-erased", at=NOW, lifetime=None
    )
    second = command()

    assert "erase" not in first.stderr
    assert "Erase those ids again" in second.stderr


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("EVENTS_TABLE", "the stack's own table"),
        ("TOKENS_TABLE", "not an events table"),
        (None, "There is no table 'nobody'"),
    ],
)
def test_a_wrong_table_is_refused(api, source, reason):
    """The stack's own table, another one and a missing one are refused with advice."""
    with pytest.raises(click.ClickException, match=reason):
        Restore(store(api), api.environment[source] if source else "nobody").row_count()
