"""A key outside of all folders belongs to a conversation only if no other conversation claims it."""

import json
import zipfile
from datetime import timedelta

import pytest
from click.testing import CliRunner
from inprocess import beside
from planting import Target, world_of
from projecting import store
from recording_stack import COPY_FAILED, READY

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.items import write_item
from tavus_callbacks.aws.stores.recordings import claim_key
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations.reindex import rebuild_summaries
from tavus_callbacks_cli.operations.restore import Restore
from tavus_callbacks_cli.targets import choose

KEY = "shared/x"


@pytest.fixture
def world(api, recordings, pushing, monkeypatch):
    """Return a stack with every store."""
    with world_of(api, recordings, pushing["signed"], monkeypatch) as made:
        yield made


def say(recordings, conversation_id, key=KEY, event_type=READY):
    """Let a callback of a conversation claim a key."""
    recordings.say(conversation_id, event_type, bucket_name=recordings.bucket, s3_key=key)


def claims(api):
    """Return the conversations with a claim row."""
    return sorted(item["subject"] for item in api.items() if item["type"] == "claim")


def outcome(recordings, conversation_id):
    """Return the status of a conversation's recording and the HTTP status of its URL."""
    return recordings.only(conversation_id)["status"], recordings.link(conversation_id).status


@pytest.mark.parametrize("suffix", ["", ".mp4"])
@pytest.mark.parametrize("event_type", [READY, COPY_FAILED])
@pytest.mark.parametrize("object_first", [True, False])
def test_a_second_claim_takes_the_recording_from_both(recordings, suffix, event_type, object_first):
    """One claimant is served, two are refused, in either order and with either form of the key."""
    if object_first:
        recordings.put(KEY)
    say(recordings, "c1")
    if not object_first:
        recordings.put(KEY)
        recordings.ahead = timedelta(minutes=2)  # a recording is checked once a minute
    assert ("available", 302) == outcome(recordings, "c1")

    say(recordings, "c2", KEY + suffix, event_type)

    for conversation_id in ("c1", "c2"):
        assert ("other_conversation", 409) == outcome(recordings, conversation_id)
        recording = recordings.only(conversation_id)
        assert (["other_conversation"], None) == (recording["issues"], recording["size"])
        view = recordings.api.get(f"/conversations/{conversation_id}").value
        assert ["other_conversation"] == [one["status"] for one in view["recordings"]]


def test_latest_skips_a_contested_recording(recordings):
    """`latest` is the conversation's own recording, even if that is older."""
    recordings.put("tavus/c1/1")
    recordings.claim("tavus/c1/1")
    recordings.put(KEY)
    say(recordings, "c1")
    say(recordings, "c2")
    assert "1" == recordings.link("c1", query="format=json").value["recording_id"]


def test_only_keys_outside_of_folders_are_asked_about(recordings):
    """A key in a folder costs no query and no row; a key outside costs one query a reading."""
    recordings.put("tavus/c1/1")
    recordings.claim("tavus/c1/1")
    assert [] == claims(recordings.api)

    def queries(conversation_id):
        recordings.calls.clear()
        recordings.all(conversation_id)
        return [call.operation for call in recordings.calls].count("Query")

    recordings.put(KEY)
    say(recordings, "c2")
    assert 1 == queries("c2") - queries("c1")


def test_no_push_is_sent_about_a_contested_recording(world):
    """The first claimant's push was sent before the second claim; the second one gets none."""
    world.recordings.put(KEY)
    for conversation_id in ("c1", "c2"):
        say(world.recordings, conversation_id)
    pushed = [json.loads(text)["detail"] for text in world.messages("PushQueueUrl")]
    about = [one["subject"] for one in pushed if one["type"].startswith("recording.")]
    assert ["c1"] == about


def test_an_erased_claimant_gives_the_recording_back(world):
    """The claim row is erased with its conversation, and the other claimant is served again."""
    world.recordings.put(KEY)
    for conversation_id in ("c1", "c2"):
        say(world.recordings, conversation_id)

    receipt = json.loads(world.erase("conversation", "c1", "--yes", "--json").stdout)

    assert (1, "conversation c2 claims it too") == (receipt["counts"]["claims"], receipt["left"][0]["reason"])
    assert ["c2"] == claims(world.api)
    assert ("available", 302) == outcome(world.recordings, "c2")


def test_a_claim_that_meets_an_erasure_leaves_no_row(recordings, monkeypatch):
    """A conversation that is erased while its recording is written keeps no claim row."""
    look = recordings_look(monkeypatch, recordings, "c1")
    recordings.put(KEY)
    say(recordings, "c1")
    assert (1, []) == (len(look), claims(recordings.api))
    assert [] == recordings.rows()


def recordings_look(monkeypatch, recordings, conversation_id):
    """Erase a conversation while its recording is being searched; return the checks."""
    from tavus_callbacks.logic import find_recording

    looked, look = [], find_recording.look_for_object

    def erase_first(*arguments):
        looked.append(arguments)
        tombstones = Tombstones(clients.dynamodb(), recordings.api.environment["EVENTS_TABLE"])
        beside(lambda: tombstones.add("conversation", conversation_id, at=now(), lifetime=None))
        return look(*arguments)

    monkeypatch.setattr(find_recording, "look_for_object", erase_first)
    return looked


def test_reindex_writes_the_claims_of_earlier_versions(recordings):
    """Recordings without claim rows are served before it and refused after it."""
    recordings.put(KEY)
    for conversation_id in ("c1", "c2"):
        say(recordings, conversation_id)
    kept = store(recordings.api)
    for conversation_id in ("c1", "c2"):
        kept.client.delete_item(TableName=kept.table, Key=write_item(claim_key(conversation_id, KEY)))
    assert ("available", 302) == outcome(recordings, "c1")

    list(rebuild_summaries(kept, [("conversation", "c1"), ("conversation", "c2")]))

    assert ["c1", "c2"] == claims(recordings.api)
    assert ("other_conversation", 409) == outcome(recordings, "c1")


def test_a_claim_expires_with_its_recording(recordings):
    """Otherwise a forger gets the key of a stored recording whose claim row has expired."""
    recordings.put(KEY)
    say(recordings, "c1")
    [recording] = recordings.rows()
    [claim] = [item for item in recordings.api.items() if item["type"] == "claim"]
    assert recording.get("expires_at") == claim.get("expires_at")


def test_restore_brings_no_claim_of_an_erased_conversation(recordings):
    """A claim row has the id of its conversation, so the tombstone counts."""
    kept = store(recordings.api)
    kept.client.restore_table_to_point_in_time(
        SourceTableName=kept.table, TargetTableName="beside", UseLatestRestorableTime=True
    )
    for name in ("c1", "c2"):
        row = {**claim_key(name, KEY), "type": "claim", "subject": name}
        kept.client.put_item(TableName="beside", Item=write_item(row))
    Tombstones(kept.client, kept.table).add("conversation", "c1", at=now(), lifetime=None)

    copies = Restore(kept, "beside").copy(dry_run=True)

    assert ["copied", "erased"] == sorted(copy.outcome for copy in copies)


@pytest.mark.parametrize("odd", ["ä b", "a#b", "~", "x" * 200])
def test_an_odd_id_claims_like_any_other(recordings, odd):
    """The id is the row's sort key, unchanged; the other claimant is refused."""
    recordings.put(KEY)
    say(recordings, odd)
    say(recordings, "c2")
    assert sorted([odd, "c2"]) == claims(recordings.api)
    assert ("other_conversation", 409) == outcome(recordings, "c2")


def test_the_command_line_hands_out_no_contested_recording(world, monkeypatch, tmp_path):
    """`recording` prints the status, and `export` leaves the recording out and says so."""
    world.recordings.put(KEY)
    for conversation_id in ("c1", "c2"):
        say(world.recordings, conversation_id)
    monkeypatch.setattr(choose, "choose", lambda *_, **__: Target(world))
    listed = CliRunner().invoke(main, ["recording", "c1"])
    assert "other_conversation" in listed.output

    file = tmp_path / "c1.zip"
    assert 0 == CliRunner().invoke(main, ["export", "c1", "--to", str(file)]).exit_code
    with zipfile.ZipFile(file) as archive:
        assert "of c1 is not included: it is other_conversation." in archive.read("README.txt").decode()
        assert not [name for name in archive.namelist() if name.endswith(".mp4")]
