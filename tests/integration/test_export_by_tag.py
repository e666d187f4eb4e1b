"""`export` and `erase` by tag take what belongs to the tag, list what they leave out, and agree."""

import json
import shlex
import zipfile
from itertools import count

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inprocess import failing
from planting import world_of
from projecting import project_all

from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations import export
from tavus_callbacks_cli.operations.selection import SUMMARY_DELAY

TAG = ("--tag", "user:666")
TRUE = "user=4711"
FORGED = "user=666"
COMPOSED, DECOMPOSED = "Jos%C3%A9", "Jose%CC%81"


@pytest.fixture
def world(api, recordings, pushing, monkeypatch):
    """Return a stack with every store."""
    with world_of(api, recordings, pushing["signed"], monkeypatch) as made:
        yield made


def send(world, subject, event_type, at, query, **properties):
    """Send a callback about a conversation; the same `at` and type are the same identity."""
    body = world.body(subject, event_type, at, **properties)
    return world.api.post(body, query=query).value["status"]


def exported(tmp_path, *tag):
    """Export by a tag; return the exit code, the output, and the archive's files."""
    file = tmp_path / "tag.zip"
    result = CliRunner().invoke(main, ["export", *(tag or TAG), "--to", str(file), "--force", "--json"])
    assert result.stdout, result.output
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return result, json.loads(result.stdout), files


def erased(world, *tag):
    """Erase by a tag; return the result and the receipt."""
    result = world.erase(*(tag or TAG), "--yes", "--json")
    assert result.stdout, result.output
    return result, json.loads(result.stdout)


def subjects(content):
    """Return the subjects of a receipt or an export."""
    return {(each["kind"], each["subject"]) for each in content["subjects"]}


def left_out(content):
    """Return the subjects that were left out, with the count of the reason."""
    listed = content["left_out"]
    return {(each["kind"], each["subject"]): " ".join(each["reason"].split()[:3]) for each in listed}


def test_a_forged_simulated_callback_hides_no_real_subject(world, tmp_path, monkeypatch):
    """Lists call such a subject simulated, but an export of what is stored about a person has it."""
    send(world, "real", "system.shutdown", 1, FORGED)
    send(world, "real", "system.replica_joined", 0, f"{FORGED}&simulated=true")
    project_all(world.api)
    # Later, when no recent event names the subject.
    monkeypatch.setattr(export, "SUMMARY_DELAY", -SUMMARY_DELAY)

    _, content, _ = exported(tmp_path)

    assert {("conversation", "real")} == subjects(content)


def test_simulated_subjects_are_exported_if_asked_for(world, tmp_path):
    """Without `--simulated` they are left out, whether a list has them yet or not, and a note says so."""
    send(world, "listed", "system.shutdown", 1, f"{FORGED}&simulated=true")
    send(world, "real", "system.shutdown", 1, FORGED)
    project_all(world.api)
    send(world, "recent", "system.shutdown", 1, f"{FORGED}&simulated=true")

    result, without, _ = exported(tmp_path)
    _, whole, _ = exported(tmp_path, *TAG, "--simulated")

    assert {("conversation", "real")} == subjects(without)
    assert "Simulated data is left out." in result.stderr
    assert {("conversation", name) for name in ("listed", "real", "recent")} == subjects(whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "is_first", "true_query"), [(2, True, TRUE), (2, False, ""), (7, True, ""), (7, False, TRUE)]
)
def test_a_forged_tag_takes_no_conversation(world, tmp_path, true_query, is_first, at):
    """This holds for a first or last callback, any identity, and any tag or none."""
    if is_first:
        send(world, "c7", "system.shutdown", at, FORGED, forged=True)
    send(world, "c7", "system.replica_joined", 1, true_query)
    send(world, "c7", "system.shutdown", 2, true_query)
    if not is_first:
        send(world, "c7", "system.shutdown", at, FORGED, forged=True)
    send(world, "mine", "system.shutdown", 3, FORGED)
    project_all(world.api)
    before = world.api.events("c7")

    export, said, files = exported(tmp_path)
    erasure, receipt = erased(world)

    assert (1, 1) == (export.exit_code, erasure.exit_code)
    assert {("conversation", "mine")} == subjects(said) == subjects(receipt)
    assert {("conversation", "c7"): "1 of 3"} == left_out(said) == left_out(receipt)
    assert "conversation c7: 1 of 3" in export.stderr
    assert "conversation c7: 1 of 3" in erasure.stderr
    assert "conversation c7: 1 of 3" in files["README.txt"].decode()
    assert not [name for name in files if "c7" in name]
    assert before == world.api.events("c7")
    assert [] == world.api.events("mine")
    assert "stored" == send(world, "c7", "system.replica_left", 9, true_query)


def test_a_true_callback_that_is_a_duplicate_of_a_forged_one_leaves_other_callbacks_to_decide(world):
    """The duplicate is not stored, so its tags are unknown; the next true callback decides."""
    assert "stored" == send(world, "c7", "system.shutdown", 2, FORGED)
    assert "duplicate" == send(world, "c7", "system.shutdown", 2, TRUE)
    send(world, "c7", "application.transcription_ready", 3, TRUE)
    project_all(world.api)

    _, receipt = erased(world)

    assert {("conversation", "c7"): "1 of 2"} == left_out(receipt)


@pytest.mark.slow
def test_the_command_that_is_printed_names_the_subject(world, tmp_path):
    """A shell reads any id as one argument."""
    subject = "-c $(id) 'x'"
    send(world, subject, "system.shutdown", 1, TRUE)
    send(world, subject, "system.shutdown", 2, FORGED)
    project_all(world.api)

    _, said, _ = exported(tmp_path)
    _, receipt = erased(world)

    erase = ["tavus-callbacks", "erase", "--stack", "x", "--", "conversation", subject]
    assert erase == shlex.split(receipt["left_out"][0]["command"])
    export = shlex.split(said["left_out"][0]["command"])
    assert ["--to", "FILE", "--stack", "x", "--", subject] == export[-6:]


@pytest.mark.slow
def test_objectives_guardrails_and_backfilled_events_may_lack_the_tag(world, tmp_path):
    """They have callback URLs of their own, or none."""
    send(world, "mine", "system.shutdown", 1, FORGED)
    world.api.post({"conversation_id": "mine", "objective_name": "o", "output_variables": {}})
    world.api.post({"conversation_id": "mine", "properties": {"guardrail": "g"}})
    project_all(world.api)

    export, said, _ = exported(tmp_path)
    erasure, receipt = erased(world)

    assert (0, 0) == (export.exit_code, erasure.exit_code)
    assert {("conversation", "mine")} == subjects(said) == subjects(receipt)
    assert 3 == said["events"] == receipt["counts"]["events"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["video", "document", "lipsync", "speech"])
def test_a_resource_belongs_if_all_its_callbacks_carry_the_tag(world, tmp_path, kind):
    """Every kind is exported and erased alike, and a forged callback takes none."""
    for subject, queries in (("mine", (FORGED, FORGED)), ("theirs", (TRUE, FORGED))):
        for status, query in zip(("processing", "ready"), queries, strict=True):
            world.api.post({f"{kind}_id": subject, "status": status}, query=query)
    project_all(world.api)

    _, said, files = exported(tmp_path)
    _, receipt = erased(world)

    assert {(kind, "mine")} == subjects(said) == subjects(receipt)
    assert {(kind, "theirs"): "1 of 2"} == left_out(said) == left_out(receipt)
    assert 2 == sum(name.startswith(f"{kind}/mine/events/") for name in files)


@pytest.mark.slow
@pytest.mark.parametrize(("stored", "asked"), [(COMPOSED, "Jose\u0301"), (DECOMPOSED, "Jos\u00e9")])
def test_a_tag_is_found_in_either_normal_form(world, tmp_path, stored, asked):
    """Summaries, recent events, quarantine and the spill match; the stored bytes do not change."""
    query = f"user={stored}"
    send(world, "listed", "system.shutdown", 1, query)
    project_all(world.api)
    send(world, "recent", "system.shutdown", 1, query)
    world.api.post(b"no sense", query=query)
    with failing("dynamodb", "PutItem", error="AccessDeniedException"):
        send(world, "spilled", "system.shutdown", 1, query)

    _, said, files = exported(tmp_path, "--tag", f"user:{asked}")
    _, receipt = erased(world, "--tag", f"user:{asked}")

    expected = {("conversation", "listed"), ("conversation", "recent")}
    assert expected == subjects(said)
    assert {*expected, ("conversation", "spilled")} == subjects(receipt)
    assert 1 == said["quarantine"] == receipt["counts"]["quarantine"]
    [event] = json.loads(files["conversation/recent/events.json"])["events"]
    assert event["tags"]["user"] != asked


def test_quarantine_with_the_tag_is_exported_with_its_bytes(world, tmp_path):
    """An entry is not a conversation, so its own tag decides."""
    world.api.post(b"\xff no text", query=FORGED)
    world.api.post(b"of another", query=TRUE)

    export, said, files = exported(tmp_path)

    assert (0, 1, []) == (export.exit_code, said["quarantine"], said["subjects"])
    [entry] = json.loads(files["quarantine.json"])["quarantine"]
    assert b"\xff no text" == files[f"quarantine/{entry['quarantine_id']}"]


@pytest.mark.slow
def test_a_forged_id_takes_nothing_that_only_contains_it(world, tmp_path):
    """A forged subject's id may be a word of every body: such bodies are listed, and stay."""
    send(world, "event_type", "system.shutdown", 1, FORGED)
    world.api.post(b'[{"event_type": "of a stranger"}]', query=TRUE)
    project_all(world.api)

    _, said, _ = exported(tmp_path)
    result, receipt = erased(world)

    assert 0 == said["quarantine"]
    assert "quarantine" not in receipt["counts"]
    [entry] = world.api.quarantine()
    assert [("quarantine", entry["quarantine_id"])] == [
        (each["store"], each["name"]) for each in receipt["left"]
    ]
    assert 1 == result.exit_code


def test_a_callback_in_the_spill_counts(world):
    """A waiting forged callback takes no conversation, and a waiting true one saves its own."""
    send(world, "c7", "system.shutdown", 1, TRUE)
    send(world, "c8", "system.shutdown", 1, FORGED)
    project_all(world.api)
    with failing("dynamodb", "PutItem", error="AccessDeniedException"):
        send(world, "c7", "system.shutdown", 2, FORGED)
        send(world, "c8", "application.transcription_ready", 3, TRUE)

    _, receipt = erased(world)

    assert {("conversation", "c7"): "1 of 2", ("conversation", "c8"): "1 of 2"} == left_out(receipt)
    assert {} == receipt["counts"]
    assert 2 == len(world.messages("SpillQueueUrl"))


@pytest.mark.slow
def test_pushes_and_failed_records_of_a_left_out_subject_stay(world):
    """Those of a subject that belongs are removed, also if nothing else knows the subject."""
    for subject, true in (("c7", TRUE), ("mine", FORGED)):
        send(world, subject, "system.replica_joined", 1, true)
        send(world, subject, "system.shutdown", 2, FORGED)
    project_all(world.api)
    unknown = {"push_id": "p", "type": "callback.x", "kind": "conversation", "subject": "gone"}
    text = json.dumps({"detail": {**unknown, "tags": {"user": ["1", "666"]}}})
    world.sqs.send_message(QueueUrl=world.outputs["PushQueueUrl"], MessageBody=text)
    images = [
        {"pk": {"S": f"conversation#{name}"}, "tags": {"M": {"user": {"S": "666"}}}}
        for name in ("c7", "gone")
    ]
    batch = {"payload": json.dumps({"Records": [{"dynamodb": {"NewImage": image}} for image in images]})}
    bucket = world.outputs["FailedBucketName"]
    world.s3.put_object(Bucket=bucket, Key="f", Body=json.dumps(batch).encode())
    before = pushed(world)["c7"]

    _, receipt = erased(world)

    assert {("conversation", "c7"): "1 of 2"} == left_out(receipt)
    assert {"c7": before, "mine": 1} == pushed(world)
    left = world.s3.get_object(Bucket=bucket, Key="f")["Body"].read().decode()
    assert (True, False) == ("#c7" in left, "#gone" in left)


def pushed(world):
    """Count the waiting pushes by their subjects."""
    names = [json.loads(text)["detail"]["subject"] for text in world.messages("PushQueueUrl")]
    return {name: names.count(name) for name in names}


@pytest.mark.slow
def test_an_erasure_that_stopped_goes_on_though_the_callbacks_that_decide_are_gone(world):
    """The rest does not carry the tag; the tombstone says that the subject belonged."""
    send(world, "mine", "system.shutdown", 1, FORGED)
    world.api.post({"conversation_id": "mine", "objective_name": "o", "output_variables": {}})
    project_all(world.api)
    deleted = []

    def is_second(_parameters):
        deleted.append(True)
        return len(deleted) == 2

    with failing("dynamodb", "DeleteItem", error="AccessDeniedException", when=is_second):
        assert 1 == world.erase(*TAG, "--yes").exit_code

    result, receipt = erased(world)

    assert (0, []) == (result.exit_code, receipt["left_out"])
    assert not {"event", "summary"} & {item["type"] for item in world.api.items()}


def test_an_older_stack_is_told_to_be_deployed_again(world, tmp_path):
    """Without GET /subjects an export by tag would lack kinds, so it writes nothing and says so."""
    routes = [route for route in world.api.routes if route.path != "/subjects"]
    object.__setattr__(world.api, "routes", routes)
    file = tmp_path / "tag.zip"

    result = CliRunner().invoke(main, ["export", *TAG, "--to", str(file)])

    assert (1, False) == (result.exit_code, file.exists())
    assert "Deploy it again" in result.stderr


QUERIES = st.sampled_from((FORGED, TRUE, "", "user=666&plan=x"))
TYPES = ("system.shutdown", "application.transcription_ready", "conversation.utterance", "objective", "video")
CALLBACKS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(TYPES), QUERIES), min_size=1, max_size=9
)
_RUNS = count()


def body_of(world, subject, event_type, number):
    """Make a callback with its own identity."""
    if event_type == "objective":
        return {"conversation_id": subject, "objective_name": f"o{number}", "output_variables": {}}
    if event_type == "video":
        return {"video_id": subject, "status": "ready", "timestamp": f"2027-03-01T12:00:{number:02}Z"}
    return world.body(subject, event_type, number)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(callbacks=CALLBACKS, is_summed_up=st.booleans())
def test_export_and_erase_name_the_same_subjects(world, tmp_path, callbacks, is_summed_up):
    """This holds for random tables, with summaries or without; the left-out subjects agree, too."""
    run = next(_RUNS)
    tag = ("--tag", f"user:666-{run}")
    for number, (subject, event_type, query) in enumerate(callbacks):
        body = body_of(world, f"{subject}{run}", event_type, number)
        world.api.post(body, query=query.replace("666", f"666-{run}"))
    if is_summed_up:
        project_all(world.api)
    if not any("666" in query for _, _, query in callbacks):
        return

    _, said, files = exported(tmp_path, *tag)
    _, receipt = erased(world, *tag)

    assert subjects(said) == subjects(receipt)
    assert left_out(said) == left_out(receipt)
    assert {f"{kind}/{subject}" for kind, subject in subjects(receipt)} == {
        "/".join(name.split("/")[:2]) for name in files if name.endswith("/events.json")
    }
