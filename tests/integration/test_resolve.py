"""Recordings are found in every order, and nothing in a callback is trusted."""

import itertools
from datetime import timedelta

import pytest
from inprocess import failing, forget
from recording_stack import COPY_FAILED, SAID_AT

from tavus_callbacks.runtime.settings import MissingVariable

KEY = "tavus/c123/1718780000000"


def test_the_callback_first_then_the_object(recordings):
    """An announced recording is pending until its object makes it available, with size and type."""
    recordings.claim(KEY, duration=14)
    before = recordings.only("c123")
    recordings.put(KEY, b"12345", ContentType="video/mp4")
    recordings.tell(KEY)
    after = recordings.only("c123")

    assert ("pending", True, None) == (before["status"], before["announced"], before["size"])
    assert ("available", True, 5) == (after["status"], after["announced"], after["size"])
    assert ("video/mp4", 14.0, KEY) == (after["content_type"], after["duration"], after["key"])
    assert before["recording_id"] == after["recording_id"] == "1718780000000"


def test_the_object_first_then_the_callback(recordings):
    """An unannounced recording can be watched; its callback only adds details."""
    recordings.put(KEY)
    recordings.tell(KEY)
    before = recordings.only("c123")
    recordings.claim(KEY, duration=14)
    after = recordings.only("c123")

    assert ("available", False, None) == (before["status"], before["announced"], before["duration"])
    assert ("available", True, 14.0) == (after["status"], after["announced"], after["duration"])


def test_a_lost_callback_opens_no_conversation(recordings):
    """The object is listed as unannounced, and the conversation has no events."""
    recordings.put(KEY)
    recordings.tell(KEY)

    assert ("available", False, KEY) == tuple(
        recordings.only("c123")[name] for name in ("status", "announced", "key")
    )
    assert [] == recordings.api.events("c123")
    assert [] == recordings.api.pull()


@pytest.mark.slow
def test_every_order_has_one_end(recordings):
    """Callback, S3 event, their duplicates and a read give the same recording in every order."""
    ends = set()
    orders = set(itertools.permutations(("call", "call", "tell", "tell", "read")))
    assert 30 == len(orders)
    for number, order in enumerate(orders):
        conversation_id = f"c{number}"
        key = f"tavus/{conversation_id}/1718780000000"
        steps = {
            "call": lambda key=key: recordings.claim(key, duration=14, said_at=SAID_AT),
            "tell": lambda key=key: (recordings.put(key), recordings.tell(key)),
            "read": lambda conversation_id=conversation_id: recordings.all(conversation_id),
        }
        for step in order:
            steps[step]()
        one = recordings.only(conversation_id)
        assert key == one.pop("key")
        varying = ("conversation_id", "version", "modified_at", "received_at")
        ends.add(repr({name: value for name, value in one.items() if name not in varying}))

    assert 1 == len(ends)


def test_the_claim_that_says_most_stays_in_every_order(recordings):
    """An earlier claim without a duration does not hide a later one with it."""
    claims = {
        "without": {"said_at": SAID_AT},
        "with": {"said_at": SAID_AT + timedelta(hours=1), "duration": 99},
    }
    for order in itertools.permutations(claims):
        conversation_id = f"c-{order[0]}-first"
        for name in order:
            recordings.claim(f"tavus/{conversation_id}/1718780000000", **claims[name])

        assert 99 == recordings.only(conversation_id)["duration"]


def test_several_recordings_keep_their_ids_in_every_order(recordings):
    """Two recordings stay two in every order, and a later one with a smaller key changes no id."""
    for number, order in enumerate(itertools.permutations(("1718780000005", "1718780000001"))):
        seen = []
        for name in order:
            key = f"tavus/c{number}/{name}"
            recordings.claim(key)
            recordings.put(key)
            recordings.tell(key)
            seen.append({one["recording_id"] for one in recordings.all(f"c{number}")})

        assert [{order[0]}, set(order)] == seen


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"bucket_name": "{ours}", "s3_key": KEY}, ("available", KEY, [])),
        ({"bucket_name": "{ours}", "s3_key": KEY + ".mp4"}, ("available", KEY, [])),
        ({"storage_provider": "s3", "storage_uri": "s3://{ours}/" + KEY}, ("available", KEY, [])),
        ({"s3_key": KEY}, ("available", KEY, [])),
        (
            {"bucket_name": "{ours}", "s3_key": KEY, "storage_uri": "s3://theirs/else"},
            ("available", KEY, ["storage_conflict"]),
        ),
        (
            {"bucket_name": "theirs", "s3_key": "else", "storage_uri": "s3://{ours}/" + KEY},
            ("available", KEY, ["storage_conflict"]),
        ),
        (
            {"bucket_name": "theirs", "s3_key": KEY, "storage_uri": "s3://others/else"},
            ("other_bucket", KEY, ["storage_conflict"]),
        ),
        ({"bucket_name": "theirs", "s3_key": KEY}, ("other_bucket", KEY, [])),
        ({"storage_uri": "s3://theirs/" + KEY}, ("other_bucket", KEY, [])),
        ({"storage_provider": "gcs", "storage_uri": "gs://theirs/" + KEY}, ("other_provider", KEY, [])),
        ({"storage_provider": "azure_blob", "s3_key": KEY}, ("other_provider", KEY, [])),
        ({"storage_uri": "https://theirs.example/x.mp4"}, ("other_provider", "x.mp4", [])),
        ({}, ("failed", None, [])),
        ({"bucket_name": "{ours}", "s3_key": ""}, ("failed", None, [])),
    ],
)
def test_every_published_form_has_its_status(recordings, members, expected):
    """Old and new members, alone, together and contradicting; both forms of a key are one object."""
    recordings.put(KEY)
    recordings.say(
        "c123", **{name: text.replace("{ours}", recordings.bucket) for name, text in members.items()}
    )

    one = recordings.only("c123")
    assert expected == (one["status"], one["key"], one["issues"])


@pytest.mark.parametrize(
    "key",
    [
        "javascript:alert(1)",
        "https://evil.example/x.mp4",
        "../secret",
        "tavus/../../x",
        "/etc/passwd",
        "k" * 2048,
        "tavus/c123/a\nb",
        7,
        None,
        ["tavus"],
    ],
)
def test_a_hostile_key_never_reaches_s3(recordings, key):
    """The recording has failed, with a message; no object is requested, then or later."""
    recordings.calls.clear()
    recordings.say("c123", bucket_name=recordings.bucket, s3_key=key)
    one = recordings.only("c123")
    link = recordings.link("c123")

    assert ("failed", None) == (one["status"], one["key"])
    assert 409 == link.status
    assert [] == recordings.asked("HeadObject")


def test_no_other_bucket_and_no_address_of_a_body_is_asked(recordings):
    """Every request goes to the stack's own bucket, table or secret."""
    recordings.calls.clear()
    recordings.say("c123", bucket_name="theirs", s3_key=KEY, storage_uri="s3://others/x")
    recordings.say("c123", storage_uri="https://evil.example/x.mp4", bucket_name="evil.example")
    recordings.say("c123", storage_provider="gcs", storage_uri="gs://theirs/x")
    recordings.claim(KEY)
    recordings.all("c123")
    recordings.link("c123")

    hosts = {call.host for call in recordings.calls}
    assert hosts <= {f"{recordings.bucket}.s3.amazonaws.com", "dynamodb.us-east-1.amazonaws.com"}
    assert {KEY, KEY + ".mp4"} == set(recordings.asked("HeadObject"))


@pytest.mark.parametrize(("named", "heads"), [(KEY, 1), (KEY + ".mp4", 2)])
def test_one_head_under_its_name_and_two_otherwise(recordings, named, heads):
    """An object under the claimed key costs one request."""
    recordings.put(KEY)
    recordings.calls.clear()

    recordings.claim(named)

    assert heads == len(recordings.asked("HeadObject"))


@pytest.mark.parametrize("key", ["daily-co-test-upload.txt", "tavus/c123", "other/c123/1", "tavus/c/1/2"])
def test_an_object_outside_the_layout_is_ignored(recordings, key):
    """Daily's probe and other objects there are no recordings; the log counts them."""
    recordings.put(key)
    recordings.tell(key)

    assert [] == recordings.rows()
    assert "object ignored" == recordings.api.records()[-1]["message"]


def test_an_object_that_was_deleted_is_missing(recordings):
    """A deleted recording is not waited for."""
    recordings.put(KEY)
    recordings.claim(KEY)
    recordings.delete(KEY)
    recordings.tell(KEY, "Object Deleted")

    assert "missing" == recordings.only("c123")["status"]
    assert 409 == recordings.link("c123").status


def test_an_unknown_object_that_was_deleted_leaves_nothing(recordings):
    """Absence is stored only for recordings that have a row."""
    recordings.tell(KEY, "Object Deleted")

    assert [] == recordings.rows()


def test_a_pending_recording_becomes_missing_in_time(recordings):
    """After the configured minutes it is missing; an object that comes later is found all the same."""
    recordings.claim(KEY)
    recordings.ahead = timedelta(minutes=59)
    before = recordings.only("c123")["status"]
    recordings.ahead = timedelta(minutes=61)
    after = recordings.only("c123")["status"]
    recordings.put(KEY)
    recordings.tell(KEY)

    assert ["pending", "missing", "available"] == [before, after, recordings.only("c123")["status"]]


def test_a_failed_copy_says_what_tavus_said(recordings):
    """`recording_copy_failed` is a recording with status failed and its message."""
    recordings.say("c123", COPY_FAILED, error_message="AccessDenied on PutObject")

    one = recordings.only("c123")
    assert ("failed", "AccessDenied on PutObject", True) == (one["status"], one["message"], one["announced"])


FAILURE = {
    "recording_id": "00000000-0000-4000-8000-000000000001",
    "storage_provider": "s3",
    "error_code": "DESTINATION_AUTH_FAILED",
    "error_message": "token exchange failed",
}


@pytest.mark.slow
def test_a_failed_copy_that_comes_later_is_one_available_recording(recordings):
    """Failure, file and callback give one available recording in every order, even if the failure repeats."""
    ends = set()
    for number, order in enumerate(set(itertools.permutations(("fail", "fail", "ready", "file")))):
        conversation_id = f"c{number}"
        key = f"tavus/{conversation_id}/1718780000000"
        steps = {
            "fail": lambda key=key: recordings.say(key.split("/")[1], COPY_FAILED, s3_key=key, **FAILURE),
            "ready": lambda key=key: recordings.claim(key, duration=14),
            "file": lambda key=key: (recordings.put(key), recordings.tell(key)),
        }
        for step in order:
            steps[step]()
        one = recordings.only(conversation_id)
        ends.add((one["recording_id"], one["status"], one["duration"], one["message"], one["error_code"]))

    assert {("1718780000000", "available", 14.0, None, None)} == ends


def test_a_failed_copy_is_found_when_no_event_tells_of_its_file(recordings):
    """A read looks for it at most once a minute, because Tavus may deliver it later."""
    recordings.say("c123", COPY_FAILED, s3_key=KEY, **FAILURE)
    before = recordings.only("c123")["status"]
    recordings.put(KEY)
    recordings.ahead = timedelta(minutes=2)

    assert ["failed", "available"] == [before, recordings.only("c123")["status"]]


def test_a_failed_copy_to_another_provider_is_looked_for_nowhere(recordings):
    """Its file never comes into this bucket."""
    recordings.calls.clear()
    recordings.say("c123", COPY_FAILED, s3_key=KEY, **{**FAILURE, "storage_provider": "gcs"})
    one = recordings.only("c123")

    assert ("failed", "gcs", KEY) == (one["status"], one["provider"], one["key"])
    assert [] == recordings.asked("HeadObject")


@pytest.mark.parametrize(("left", "status"), [(b"", "failed"), (b"video", "missing")])
def test_a_failed_copy_stays_failed_when_its_empty_object_is_deleted(recordings, left, status):
    """Only an object with bytes counts as a later delivery."""
    recordings.say("c123", COPY_FAILED, s3_key=KEY, **FAILURE)
    recordings.put(KEY, left)
    recordings.tell(KEY)
    recordings.delete(KEY)
    recordings.tell(KEY, "Object Deleted")

    assert status == recordings.only("c123")["status"]


def test_a_late_read_of_the_bucket_does_not_undo_a_newer_one(recordings):
    """The later look stays, in whatever order the looks are written."""
    recordings.put(KEY)
    recordings.claim(KEY)
    recordings.ahead = -timedelta(minutes=5)
    recordings.delete(KEY)
    recordings.tell(KEY, "Object Deleted")

    assert 5 == recordings.only("c123")["size"]


def test_nothing_that_resolve_writes_wakes_it_again(recordings):
    """The stream's filter matches only the callback's event."""
    woken, take = [], recordings.stream._deliver
    recordings.stream._deliver = lambda shard, batch: (woken.append(len(batch)), take(shard, batch))
    recordings.claim(KEY)
    recordings.put(KEY)
    recordings.tell(KEY)
    recordings.ahead = timedelta(seconds=61)
    recordings.claim("tavus/c124/1")
    recordings.all("c124")
    recordings.stream.deliver_new()

    assert [1, 1] == woken
    assert 2 == len(recordings.rows())


@pytest.mark.parametrize("change", ["INSERT", "MODIFY", "REMOVE"])
def test_no_row_of_a_recording_passes_the_filter(recordings, change):
    """This holds even for a row that has the event's type too."""
    image = {"type": {"S": "recording"}, "event_type": {"S": "application.recording_ready"}}

    assert not recordings.mapping.accepts({"eventName": change, "dynamodb": {"NewImage": image}})


def test_a_large_body_is_read_from_its_bucket(recordings):
    """A callback whose body is in the bodies bucket is handled like any other."""
    noise = "".join(f"{number:x}" for number in range(40_000))
    recordings.claim(KEY, noise=noise)

    assert "pending" == recordings.only("c123")["status"]


def test_a_head_that_is_refused_is_no_missing_object(recordings):
    """403 is a configuration fault: it is raised and retried, not stored as absence."""
    with failing("s3", "HeadObject", error="403"), pytest.raises(Exception, match="403"):
        recordings.tell(KEY)


def test_without_a_bucket_it_does_not_start(recordings, monkeypatch):
    """The error names the missing variable."""
    monkeypatch.delenv("RECORDINGS_BUCKET")
    forget()

    with pytest.raises(MissingVariable, match="RECORDINGS_BUCKET"):
        recordings.tell(KEY)
