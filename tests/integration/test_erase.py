"""Erasing removes a conversation from every store, leaves its neighbours, and nothing brings it back."""

import gzip
import json
import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
from inprocess import failing, forget
from planting import CANARY, ERASED, NEIGHBOURS, Target, noise, of, plant, world_of
from projecting import once_before, project_all, records, row_of, store, summaries

from tavus_callbacks.aws import clients
from tavus_callbacks.domain.callbacks.event import Callback
from tavus_callbacks.domain.callbacks.quarantine import quarantine_entry
from tavus_callbacks.domain.common.errors import Unfileable
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.repair.tavus_record import parse_record
from tavus_callbacks.runtime import wiring
from tavus_callbacks_cli.erasure import recordings as recordings_of
from tavus_callbacks_cli.erasure.erase import erase
from tavus_callbacks_cli.operations import backfill
from tavus_callbacks_cli.operations.quarantine import list_entries, redrive
from tavus_callbacks_cli.operations.reindex import rebuild_summaries
from tavus_callbacks_cli.operations.selection import Selection

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def world(api, recordings, pushing, monkeypatch):
    """Return a stack with every store."""
    with world_of(api, recordings, pushing["signed"], monkeypatch) as made:
        yield made


@pytest.mark.slow
def test_a_conversation_goes_and_one_that_begins_alike_stays(world):
    """Given two conversations with stored, failed and recorded data, the other one stays unchanged."""
    for conversation in (ERASED, "c12"):
        world.kept(conversation)
        world.recorded(conversation)
        world.quarantined(conversation)
    world.failed()
    before = of("c12", world.everything())

    result = world.erase("conversation", ERASED, "--yes")

    assert 0 == result.exit_code, result.output
    assert [] == world.of(ERASED)
    assert before == of("c12", world.everything())


def test_a_compressed_body_that_names_somebody_goes(world):
    """Quarantine and spill are searched behind gzip too, and a neighbour stays."""
    bodies = {name: gzip.compress(json.dumps([name, CANARY]).encode()) for name in (ERASED, "c12")}
    for body in bodies.values():
        assert 400 == world.api.post(body).status
    with failing("dynamodb", "UpdateItem", error="AccessDeniedException"):
        assert 400 == world.api.post(gzip.compress(json.dumps([ERASED]).encode())).status

    receipt = json.loads(world.erase("conversation", ERASED, "--yes", "--json").stdout)

    assert (1, 1) == (receipt["counts"]["quarantine"], receipt["counts"]["spilled"])
    [left] = world.api.quarantine()
    kept = world.api.get(f"/quarantine/{left['quarantine_id']}/body", token=world.api.quarantine_token).body
    assert bodies["c12"] == kept


@pytest.mark.slow
def test_nothing_is_left_anywhere_and_the_neighbours_are_untouched(world):
    """No store contains the canary; ids that begin alike keep all their data."""
    plant(world)
    texts = world.everything()
    before = {name: of(name, texts) for name in NEIGHBOURS}
    assert 20 < len(of(ERASED, texts))

    result = world.erase("conversation", ERASED, "--yes", "--json")

    assert 0 == result.exit_code, result.output
    left = world.everything()
    assert [] == of(ERASED, left)
    assert before == {name: of(name, left) for name in NEIGHBOURS}
    assert 404 == world.api.get(f"/conversations/{ERASED}").status


@pytest.mark.slow
def test_the_receipt_says_what_went_what_is_left_and_what_is_beyond_reach(world, tmp_path):
    """The receipt has counts and names by store, tombstones, and the places that cannot be reached."""
    plant(world)
    file = tmp_path / "receipt.json"

    result = world.erase("conversation", ERASED, "--yes", "--json", "--receipt", str(file))

    receipt = json.loads(result.stdout)
    assert receipt == json.loads(file.read_text())
    assert 0o600 == file.stat().st_mode & 0o777
    counts = {
        # One of them is of a spilled callback, whose row could not be put.
        "bodies": 2,
        "events": 5,
        "failed": 3,
        "index entries": 1,
        "pushes": 10,
        "quarantine": 2,
        "recordings": 2,
        "recordings bucket": 6,
        "spilled": 3,
        "summaries": 1,
        "variants": 1,
    }
    assert counts == receipt["counts"]
    assert counts == {store: len(names) for store, names in receipt["erased"].items()}
    assert [("conversation", ERASED, None)] == [
        (each["kind"], each["subject"], each["tombstone_until"]) for each in receipt["subjects"]
    ]
    assert receipt["invalidation"]
    whole = json.dumps(receipt["beyond_reach"])
    for word in ("point-in-time", "stream", "logs", "backups", "consumers", "DELETE", f"{ERASED}?hard=true"):
        assert word in whole
    assert CANARY not in result.stdout


def test_a_record_that_is_set_aside_during_the_erasure_goes_too(world):
    """A function that looked before the tombstone was there writes after the bucket was searched."""
    world.api.post(world.body(ERASED, "system.shutdown", 0))
    waiting = [world.failed]

    def write_once(store):
        if store == "events" and waiting:
            waiting.pop()()

    selection = Selection(frozenset({("conversation", ERASED)}))
    erase(Target(world).deployment(), selection, None, now(), write_once)

    assert ([], []) == (waiting, world.of(ERASED))


@pytest.mark.slow
def test_what_cloudfront_knows_of_the_folder_is_forgotten(world):
    """The path ends with a slash and a star: it covers every query of an object, and not c12."""
    world.recorded(ERASED)

    world.erase("conversation", ERASED, "--yes")

    assert [f"/tavus/{ERASED}/*"] == invalidated(world)


def invalidated(world):
    """Return the paths of the last invalidation."""
    client, which = boto3.client("cloudfront"), {"DistributionId": world.outputs["DistributionId"]}
    [listed] = client.list_invalidations(**which)["InvalidationList"]["Items"]
    answer = client.get_invalidation(**which, Id=listed["Id"])
    return answer["Invalidation"]["InvalidationBatch"]["Paths"]["Items"]


@pytest.mark.slow
def test_consumers_are_told_last_and_pushes_that_wait_go(world):
    """Waiting pushes are removed, and the announcement of the erasure comes last."""
    world.kept(ERASED)
    world.kept("c12")
    project_all(world.api)

    receipt = json.loads(world.erase("conversation", ERASED, "--yes", "--json").stdout)

    waiting = [json.loads(text)["detail"] for text in world.messages("PushQueueUrl")]
    assert ["conversation.erased"] == [each["type"] for each in waiting if each["subject"] == ERASED]
    assert receipt["counts"]["pushes"] == sum(each["subject"] == "c12" for each in waiting)


@pytest.mark.slow
def test_a_repeat_finds_nothing_and_ends_the_same(world):
    """A second erasure changes nothing, the tombstone stays, and copies see the repetition."""
    world.kept(ERASED)
    first = json.loads(world.erase("conversation", ERASED, "--yes", "--json").stdout)
    cursor = world.api.get("/erasures").value["cursor"]

    again = json.loads(world.erase("conversation", ERASED, "--yes", "--json").stdout)

    assert first["counts"]["events"] == 3
    assert {} == again["counts"]
    tombstones = [each["tombstone"] for each in first["subjects"]]
    assert tombstones == [each["tombstone"] for each in again["subjects"]]
    [erasure] = world.api.get("/erasures", f"after={cursor}").value["erasures"]
    assert (tombstones, again["erased_at"]) == ([erasure["digest"]], erasure["erased_at"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "nth"),
    [
        ("PutItem", 2),
        ("DeleteItem", 1),
        ("DeleteItem", 3),
    ],
)
def test_an_erasure_that_stops_half_way_is_started_again(world, operation, nth):
    """The same command by tag finds the rest after an interruption."""
    world.kept(ERASED)
    project_all(world.api)
    seen = []

    def reached(_parameters):
        seen.append(True)
        return len(seen) == nth

    with failing("dynamodb", operation, error="AccessDeniedException", when=reached):
        stopped = world.erase("--tag", f"user:{ERASED}", "--yes")
    assert (1 if len(seen) >= nth else 0) == stopped.exit_code

    again = world.erase("--tag", f"user:{ERASED}", "--yes")

    assert 0 == again.exit_code
    assert [] == world.of(ERASED)


@pytest.mark.slow
def test_a_dry_run_changes_nothing(world):
    """A dry run names what would be removed, writes no tombstone, and releases spilled messages."""
    world.kept(ERASED)
    world.spilled(ERASED)
    before = sorted(world.everything())

    result = world.erase("conversation", ERASED, "--dry-run", "--json")

    assert 0 == result.exit_code, result.output
    receipt = json.loads(result.stdout)
    assert (True, 3) == (receipt["dry_run"], receipt["counts"]["spilled"])
    assert before == sorted(world.everything())
    assert "stored" == world.api.post(world.body(ERASED, "system.shutdown", 9)).value["status"]


@pytest.mark.slow
def test_nothing_goes_without_a_yes(world):
    """The question names what would be removed, and no leaves it."""
    world.kept(ERASED)

    result = world.erase("conversation", ERASED, input="n\n")

    assert 1 == result.exit_code
    assert "conversation c1: 1 bodies, 3 events, 1 variants." in result.stderr
    assert 3 <= len(world.of(ERASED))


@pytest.mark.slow
def test_a_tag_is_erased_everywhere_it_stands(world):
    """Subjects of every kind are removed, also from the spill, with quarantine by the same tag."""
    world.kept(ERASED)
    world.api.post({"video_id": "v1", "status": "ready", "said": CANARY}, query=f"user={ERASED}")
    project_all(world.api)
    with failing("dynamodb", "PutItem", error="AccessDeniedException"):
        world.api.post(world.body("cnew", "system.shutdown", 1), query=f"user={ERASED}")
    world.api.post(b"no sense", query=f"user={ERASED}")
    world.kept("c12")

    receipt = json.loads(world.erase("--tag", f"user:{ERASED}", "--yes", "--json").stdout)

    erased = [(each["kind"], each["subject"]) for each in receipt["subjects"]]
    assert [("conversation", ERASED), ("conversation", "cnew"), ("video", "v1")] == erased
    assert (1, 1) == (receipt["counts"]["quarantine"], receipt["counts"]["spilled"])
    assert [] == [each for each in world.everything() if CANARY in each and "of c12" not in each]
    assert 3 == len(world.api.events("c12"))


@pytest.fixture
def claims(world):
    """Let the erased conversation claim others' objects, and others claim an object that it claims."""
    for key in ("tavus/c12/1", "shared/x", "own/y.mp4"):
        world.recordings.put(key, f"{CANARY} {key}".encode())
        world.recordings.say(ERASED, bucket_name=world.recordings.bucket, s3_key=key)
    world.recordings.claim("tavus/c12/1")
    world.recordings.say("c12", bucket_name=world.recordings.bucket, s3_key="shared/x")
    world.recordings.say("c12", bucket_name=world.recordings.bucket, s3_key=f"tavus/{ERASED}/1")
    world.recordings.put(f"tavus/{ERASED}/1", f"{CANARY} {ERASED}".encode())
    project_all(world.api)
    return world


def test_another_s_recording_stays_whoever_claims_it(claims):
    """An object in another's folder, or claimed by another, is left and listed; its own is removed."""
    receipt = json.loads(claims.erase("conversation", ERASED, "--yes", "--json").stdout)

    left = {each["name"]: each["reason"] for each in receipt["left"]}
    assert {"tavus/c12/1", "shared/x"} == left.keys()
    assert "folder of conversation c12" in left["tavus/c12/1"]
    assert "conversation c12 claims it too" == left["shared/x"]
    kept = {
        each["Key"] for each in claims.s3.list_object_versions(Bucket=claims.recordings.bucket)["Versions"]
    }
    assert {"tavus/c12/1", "shared/x"} == kept
    assert {"/own/y*", f"/tavus/{ERASED}/*"} == set(invalidated(claims))


def test_a_failed_copy_is_erased_or_named(world):
    """An empty object is removed.

    A copy to another provider may have been delivered later, so it is listed.
    """
    for key, provider in (("own/a", "s3"), ("own/b", "gcs")):
        world.recordings.put(key, b"")
        world.recordings.say(
            ERASED, "application.recording_copy_failed", s3_key=key, storage_provider=provider
        )
    world.recordings.put("own/b")

    receipt = json.loads(world.erase("conversation", ERASED, "--yes", "--json").stdout)

    left = {each["name"]: each["reason"] for each in receipt["left"]}
    assert {"own/b": "its copy to gcs failed: if it was delivered later, erase it there"} == left
    kept = {each["Key"] for each in world.s3.list_object_versions(Bucket=world.recordings.bucket)["Versions"]}
    assert {"own/b"} == kept


@pytest.mark.slow
def test_the_forger_s_own_erasure_takes_nobody_s_recording(claims):
    """Erasing a conversation that claimed others' objects leaves those objects."""
    claims.erase("conversation", "c12", "--yes")

    kept = {
        each["Key"] for each in claims.s3.list_object_versions(Bucket=claims.recordings.bucket)["Versions"]
    }
    assert {f"tavus/{ERASED}/1", "shared/x", "own/y.mp4"} == kept


def test_an_entry_whose_body_is_gone_stops_no_erasure(world):
    """S3 may remove an expired body before DynamoDB removes its row, which then names nobody."""
    world.quarantined("c12")
    bucket = world.api.environment["BODIES_BUCKET"]
    for key in [key for key in world.api.object_keys() if key.startswith("quarantine/")]:
        world.s3.delete_object(Bucket=bucket, Key=key)

    result = world.erase("conversation", ERASED, "--yes", "--json")

    assert 0 == result.exit_code, result.output
    assert 2 == [item["type"] for item in world.api.items()].count("quarantine")


def test_who_is_in_no_summary_yet_is_found_by_a_tag(world):
    """Events may wait before they are in a summary."""
    world.api.post(world.body("c7", "system.shutdown", 1), query=f"user={ERASED}")
    world.api.post(world.body("c8", "system.shutdown", 1), query="user=another")

    receipt = json.loads(world.erase("--tag", f"user:{ERASED}", "--yes", "--json").stdout)

    assert ["c7"] == [each["subject"] for each in receipt["subjects"]]
    assert ([], 1) == (world.api.events("c7"), len(world.api.events("c8")))


def test_a_tag_of_any_characters_is_found(world):
    """Colons, spaces, letters of any script and encoded characters match; a longer tag does not."""
    for number, query in enumerate(("user=a%3A%20%2B%26%C3%BC", "user=a%3A%20%2B%26%C3%BC2")):
        world.api.post(world.body(f"t{number}", "system.shutdown", 1), query=query)
    project_all(world.api)

    receipt = json.loads(world.erase("--tag", "user:a: +&ü", "--yes", "--json").stdout)

    assert ["t0"] == [each["subject"] for each in receipt["subjects"]]
    assert 1 == len(world.api.events("t1"))


def test_many_conversations_are_one_path_for_cloudfront(monkeypatch):
    """CloudFront takes 15 paths with a star at once; for more, the whole cache is dropped."""
    monkeypatch.setattr(recordings_of, "claimed_recordings", lambda *_: ())

    def paths(count):
        selection = Selection(frozenset(("conversation", f"c{number}") for number in range(count)))
        return recordings_of.invalidation_paths(SimpleNamespace(), selection)

    assert 15 == len(paths(15))
    assert ["/*"] == paths(16)


@pytest.mark.slow
def test_an_id_with_a_slash_is_no_folder_of_another(world):
    """`c1/x` may be an id, but everything below c1's folder is c1's."""
    world.recordings.put(f"tavus/{ERASED}/x/deep", CANARY.encode())
    world.api.post(world.body(f"{ERASED}/x", "system.shutdown", 1))

    receipt = json.loads(world.erase("conversation", f"{ERASED}/x", "--yes", "--json").stdout)

    assert {"events": 1} == receipt["counts"]
    assert world.of(ERASED)


@pytest.mark.slow
def test_messages_that_somebody_else_holds_are_told_and_end_with_1(world):
    """A queue cannot be searched, so the receipt counts the messages that were not seen."""
    world.spilled(ERASED)
    url = world.outputs["SpillQueueUrl"]
    world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=600)

    result = world.erase("conversation", ERASED, "--yes", "--json")

    receipt = json.loads(result.stdout)
    assert 1 == result.exit_code
    assert [("spill", "1 messages")] == [(each["store"], each["name"]) for each in receipt["left"]]


@pytest.mark.slow
def test_what_comes_late_by_any_way_does_not_bring_it_back(world):
    """Late callbacks, drained and redriven ones, stream records and objects are answered and dropped."""
    world.kept(ERASED)
    world.recorded(ERASED)
    late = records(world.api)
    world.erase("conversation", ERASED, "--yes")

    world.come_late(ERASED, late)

    assert [] == world.of(ERASED)
    assert {"erased"} == {each["outcome"] for each in world.api.records() if each["message"] == "late"}
    assert f'"{ERASED}"' not in json.dumps(
        [each for each in world.api.records() if each.get("outcome") == "erased"]
    )


@pytest.mark.slow
def test_quarantine_that_an_upgrade_could_file_is_removed_instead(world):
    """Redriving an entry about an erased subject drops it, and the outcome says so."""
    world.kept(ERASED)
    body = json.dumps(world.body(ERASED, "system.shutdown", 6)).encode()
    entry = quarantine_entry(Callback(body, "", "test", NOW), Unfileable("By an older version."))
    world.erase("conversation", ERASED, "--yes")
    wiring.quarantine().add(entry, "request")
    forget()

    [entry] = list_entries(store(world.api))
    outcome = redrive(store(world.api), entry, None, dry_run=False)

    assert "erased" == outcome.outcome
    assert [] == world.of(ERASED)


@pytest.mark.slow
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_tavus_still_has_is_not_filed_again(world, dry_run):
    """A backfill leaves an erased conversation erased, and the outcome says why."""
    world.kept(ERASED)
    world.erase("conversation", ERASED, "--yes")
    event = {"event_type": "system.shutdown", "timestamp": "2027-03-01T12:00:00Z", "noise": noise(ERASED)}
    there = SimpleNamespace(conversation=lambda name: parse_record(name, {"events": [event]}))
    work = backfill.prepare(there, store(world.api), world.api.tokens_table, None)

    filed = backfill.backfill_conversation(work, ERASED, dry_run=dry_run)

    assert "erased" == filed.outcome
    assert [] == world.of(ERASED)


@pytest.mark.slow
def test_readers_are_told_nothing_of_who_was_erased(world):
    """View, events, lists and pulling leave out what a late writer stored, even before the stream is read."""
    world.kept(ERASED)
    world.kept("c12")
    project_all(world.api)
    kept = [item for item in world.api.items() if item["pk"] == f"conversation#{ERASED}"]
    event = world.api.events(ERASED)[0]["event_id"]
    world.erase("conversation", ERASED, "--yes")
    forget()
    for item in kept:
        clients.dynamodb().put_item(TableName=world.api.environment["EVENTS_TABLE"], Item=row_of(item))

    assert 404 == world.api.get(f"/conversations/{ERASED}").status
    assert 404 == world.api.get(f"/events/{event}/body").status
    assert [] == world.api.events(ERASED)
    assert {"c12"} == {each["subject"] for each in world.api.pull()}
    listed = world.api.get("/conversations").value["conversations"]
    assert ["c12"] == [each["conversation_id"] for each in listed]


@pytest.mark.slow
def test_reindex_makes_no_summary_of_who_was_erased(world):
    """Late events of an erased subject make no summary."""
    world.kept(ERASED)
    project_all(world.api)
    kept = [item for item in world.api.items() if item["pk"] == f"conversation#{ERASED}"]
    world.erase("conversation", ERASED, "--yes")
    for item in kept:
        clients.dynamodb().put_item(TableName=world.api.environment["EVENTS_TABLE"], Item=row_of(item))

    list(rebuild_summaries(store(world.api), [("conversation", ERASED)]))

    assert {} == summaries(world.api)


@pytest.mark.slow
def test_a_summary_that_is_made_while_its_subject_is_erased_is_taken_back(world):
    """The function looked for the tombstone just before it was there."""
    world.kept(ERASED)
    late = records(world.api)

    with once_before(clients.dynamodb(), "PutItem", lambda: erase_aside(world)):
        assert [] == project_all(world.api, order=late[:1])

    assert [] == world.of(ERASED)


def erase_aside(world):
    """Erase as another process does, apart from the waiting function."""
    aside = threading.Thread(target=world.erase, args=("conversation", ERASED, "--yes"))
    aside.start()
    aside.join()


@pytest.mark.slow
def test_a_recording_that_is_noted_while_its_conversation_is_erased_is_taken_back(world):
    """The same holds for a function that found an object."""
    world.recordings.put(f"tavus/{ERASED}/1")

    with once_before(clients.dynamodb(), "UpdateItem", lambda: erase_aside(world)):
        world.recordings.tell(f"tavus/{ERASED}/1")

    assert [] == world.recordings.rows()
