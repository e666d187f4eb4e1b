"""An object that was seen in another bucket than the stack's counts as not there, for every reader.

This happens after `Recordings` was off and on again, and after a restore into a new stack.
"""

import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from inprocess import forget
from planting import ERASED, Target, world_of
from projecting import project_all, remove_rows, row_of, store
from recording_stack import COPY_FAILED

from tavus_callbacks.aws import clients
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.handlers import watch
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations.restore import Restore
from tavus_callbacks_cli.targets import choose

KEY = "tavus/c1/1772366400000"
NEW = "the-bucket-of-today"


@pytest.fixture
def seen(recordings, monkeypatch):
    """Return a stack that expects recordings, with an ended conversation and its object."""
    monkeypatch.setenv("EXPECT_RECORDING", "true")
    forget()
    at = iso(datetime.now(UTC) - timedelta(hours=1))
    recordings.api.post({"conversation_id": "c1", "event_type": "system.shutdown", "timestamp": at})
    recordings.put(KEY)
    recordings.tell(KEY)
    project_all(recordings.api)
    return recordings


def move(recordings, monkeypatch, bucket=NEW):
    """Give the stack another bucket."""
    if bucket is None:
        monkeypatch.delenv("RECORDINGS_BUCKET")
    else:
        clients.s3().create_bucket(Bucket=bucket)
        monkeypatch.setenv("RECORDINGS_BUCKET", bucket)
        recordings.bucket = bucket
    forget()
    project_all(recordings.api)


def missing(recordings):
    """Return the missing parts in the view and in the list."""
    [listed] = recordings.api.get("/conversations").value["conversations"]
    view = recordings.api.get("/conversations/c1").value
    return [one["what"] for one in view["missing"]], listed["missing"]


def test_an_announced_recording_is_missing_and_has_no_link(seen, monkeypatch):
    """List, view, link and `latest` agree. The answer names the old bucket, and a new object counts."""
    seen.claim(KEY)
    assert "available" == seen.only("c1")["status"]
    old = seen.bucket
    move(seen, monkeypatch)
    seen.ahead = timedelta(minutes=61)

    one = seen.only("c1")
    assert ("missing", None, KEY) == (one["status"], one["size"], one["key"])
    assert ["missing"] == [one["status"] for one in seen.api.get("/conversations/c1").value["recordings"]]
    for name in ("latest", "1772366400000"):
        reply = seen.link("c1", name)
        assert (409, "missing") == (reply.status, reply.value["recording_status"])
        assert f"last seen in bucket {old}" in reply.value["detail"]

    seen.put(KEY)
    seen.tell(KEY)
    assert ("available", 302) == (seen.only("c1")["status"], seen.link("c1").status)


@pytest.mark.parametrize("bucket", [NEW, None])
def test_without_a_callback_nothing_is_known_of_it(seen, monkeypatch, bucket):
    """View and list both report the recording as missing; with `Recordings=off` they agree too."""
    assert (["transcript"], ["transcript"]) == missing(seen)
    move(seen, monkeypatch, bucket)

    assert (["transcript", "recording"], ["transcript", "recording"]) == missing(seen)
    assert [] == seen.api.get("/conversations/c1").value["recordings"]
    assert 404 == seen.link("c1", "1772366400000").status
    if bucket:
        seen.put(KEY)
        seen.tell(KEY)
        assert (["transcript"], ["transcript"]) == missing(seen)


def test_an_object_that_went_from_another_bucket_is_waited_for(seen, monkeypatch):
    """A look that finds nothing in the new bucket does not mean that the object was deleted."""
    seen.claim(KEY)
    move(seen, monkeypatch)
    seen.ahead = timedelta(minutes=2)

    assert ["pending", "pending"] == [seen.only("c1")["status"], seen.only("c1")["status"]]


@pytest.mark.parametrize(("is_moved", "status"), [(False, "available"), (True, "missing")])
def test_rows_of_earlier_versions_are_looked_for_once(seen, monkeypatch, is_moved, status):
    """They name no bucket, so only a look shows whether the object is in today's bucket."""
    seen.claim(KEY)
    forget_buckets(seen)
    if is_moved:
        move(seen, monkeypatch)
    seen.ahead = timedelta(minutes=2)
    seen.calls.clear()

    assert (409 if is_moved else 302) == seen.link("c1").status
    assert status == seen.only("c1")["status"]
    assert (2 if is_moved else 1) == len(seen.asked("HeadObject"))
    assert (["transcript"], ["transcript"]) == missing(seen)


def forget_buckets(recordings):
    """Change rows and notes to those of earlier versions."""
    for item in recordings.api.items():
        if item["type"] in ("recording", "object_came"):
            clients.dynamodb().update_item(
                TableName=recordings.api.environment["EVENTS_TABLE"],
                Key=row_of({"pk": item["pk"], "sk": item["sk"]}),
                UpdateExpression="REMOVE seen_in, had_bytes, #bucket",
                ExpressionAttributeNames={"#bucket": "bucket"},
            )


def test_it_is_told_once(bus, seen, monkeypatch):
    """The object in the new bucket is the same recording, so no second push is sent."""
    seen.claim(KEY)
    move(seen, monkeypatch)
    seen.claim(KEY, duration=14)
    seen.put(KEY)
    seen.tell(KEY)

    assert ["recording.available"] == [one for one in bus.types() if one.startswith("recording.")]


def test_a_restored_recording_is_available_once_its_object_is_copied(seen, monkeypatch):
    """The rows are copied from the old stack. The recording plays once its object is copied too."""
    seen.claim(KEY)
    table = seen.api.environment["EVENTS_TABLE"]
    clients.dynamodb().restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName="beside", UseLatestRestorableTime=True
    )
    remove_rows(seen.api, seen.api.items())
    move(seen, monkeypatch)
    list(Restore(store(seen.api), "beside").copy(dry_run=False))

    assert 409 == seen.link("c1").status
    assert "available" != seen.only("c1")["status"]
    seen.put(KEY)
    seen.tell(KEY)
    assert ("available", 302) == (seen.only("c1")["status"], seen.link("c1").status)


def test_problems_list_it(seen, monkeypatch):
    """A recording whose object stayed in the old bucket is missing; an empty one has failed."""
    seen.claim(KEY)
    move(seen, monkeypatch)
    seen.put("tavus/c1/1772366400001", b"")
    seen.claim("tavus/c1/1772366400001")
    project_all(seen.api)
    seen.ahead = timedelta(minutes=61)

    found = {one["what"]: one["count"] for one in problems(seen, monkeypatch)}

    assert {"recordings missing": 1, "recordings failed": 1} == found


def problems(recordings, monkeypatch):
    """Run the command against the read side alone, and return the problems of recordings."""
    world = type("W", (), {"api": recordings.api})
    monkeypatch.setattr(choose, "choose", lambda *_, **__: Target(world))
    monkeypatch.setattr("tavus_callbacks_cli.operations.problems.operator_problems", lambda _: [])
    result = CliRunner().invoke(main, ["problems", "--json"])
    found = json.loads(result.stdout)["problems"]
    assert bool(found) == result.exit_code, result.output
    return [problem for problem in found if problem["what"].startswith("recordings")]


def test_problems_survive_recordings_off(seen, monkeypatch):
    """Recordings that were announced before are not problems then."""
    seen.claim(KEY)
    seen.say("c1", COPY_FAILED, s3_key="tavus/c1/2")
    move(seen, monkeypatch, None)

    assert [] == problems(seen, monkeypatch)


def test_problems_survive_an_id_that_no_path_carries(recordings, monkeypatch):
    """Anybody with the callback URL can send such an id. Problems of other conversations are still shown."""
    for conversation_id in ("a/b", "..", "c2"):
        recordings.say(conversation_id, COPY_FAILED, s3_key=f"calls/{conversation_id}")
    project_all(recordings.api)

    [found] = problems(recordings, monkeypatch)

    assert ("recordings failed", 3, "tavus-callbacks recording c2") == (
        found["what"],
        found["count"],
        found["next"],
    )


@pytest.fixture
def world(api, recordings, pushing, monkeypatch):
    """Return a stack with every store."""
    with world_of(api, recordings, pushing["signed"], monkeypatch) as made:
        made.kept(ERASED)
        project_all(api)
        yield made


def test_an_erasure_names_what_lies_in_another_bucket(world, monkeypatch):
    """The object cannot be removed there; an empty object in today's bucket is removed."""
    world.recordings.put(f"tavus/{ERASED}/9")
    world.recordings.tell(f"tavus/{ERASED}/9")
    old = world.recordings.bucket
    clients.s3().create_bucket(Bucket=NEW)
    clients.s3().put_bucket_versioning(Bucket=NEW, VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("RECORDINGS_BUCKET", NEW)
    world.recordings.bucket = world.outputs["RecordingsBucketName"] = NEW
    forget()
    for key in (f"tavus/{ERASED}/1", "own/y.mp4"):
        world.recordings.put(key, b"")
        world.recordings.say(ERASED, bucket_name=NEW, s3_key=key)

    receipt = json.loads(world.erase("conversation", ERASED, "--yes", "--json").stdout)

    [left] = [one for one in receipt["left"] if old in one["reason"]]
    assert (f"tavus/{ERASED}/9", "recordings bucket") == (left["name"], left["store"])
    assert "Versions" not in clients.s3().list_object_versions(Bucket=NEW)


def test_an_export_says_that_it_is_not_here(world, tmp_path, monkeypatch):
    """The README names it, and nothing is downloaded."""
    world.recordings.put(f"tavus/{ERASED}/1")
    world.recordings.claim(f"tavus/{ERASED}/1")
    move(world.recordings, monkeypatch)
    world.recordings.put(f"tavus/{ERASED}/2", b"")
    world.recordings.claim(f"tavus/{ERASED}/2")

    file = tmp_path / "c1.zip"
    result = CliRunner().invoke(main, ["export", ERASED, "--to", str(file), "--json"])

    assert 0 == result.exit_code, result.output
    with zipfile.ZipFile(file) as archive:
        names, readme = archive.namelist(), archive.read("README.txt").decode()
    assert [] == [name for name in names if name.endswith(".mp4")]
    assert f"Recording 1 of {ERASED} is not included: it is pending." in readme
    assert f"Recording 2 of {ERASED} is not included: it is failed." in readme


def test_the_schedule_waits_for_it_again(seen, monkeypatch):
    """The schedule looks for it in today's bucket and finds it there."""
    seen.claim(KEY)
    move(seen, monkeypatch)
    looked = []
    monkeypatch.setattr(watch, "write_record", lambda _logger, _message, record: looked.append(record))
    context = type("C", (), {"get_remaining_time_in_millis": lambda _: 900_000})()
    for _ in range(2):
        watch.handler({}, context)
        seen.put(KEY)

    assert [1, 1] == [record["looked"] for record in looked]
    assert "available" == seen.only("c1")["status"]
