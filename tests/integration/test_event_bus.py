"""Every stored event, and every push derived from it, is published at least once under a fixed id."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from inprocess import failing, forget
from jsonschema import Draft202012Validator
from projecting import calls, once_before, post_scenario, project_all, records, row_of, store, summaries

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.event_bus import EventBus
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes import derived
from tavus_callbacks.domain.pushes.push import callback_push, erased_push
from tavus_callbacks.handlers import project
from tavus_callbacks.logic import publish
from tavus_callbacks.logic.publish import Publisher
from tavus_callbacks.logic.summarize import keep_facts, summarize
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.settings import settings
from tavus_callbacks_cli.openapi.pushes_schema import schema
from tavus_callbacks_cli.operations.reindex import rebuild_summaries

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOINED = {"conversation_id": "c1", "event_type": "system.replica_joined", "timestamp": "2026-03-01T12:00:00Z"}
SHUTDOWN = {"conversation_id": "c1", "event_type": "system.shutdown", "timestamp": "2026-03-01T12:01:00Z"}
TRANSCRIPT = {
    "conversation_id": "c1",
    "event_type": "application.transcription_ready",
    "timestamp": "2026-03-01T12:01:01Z",
    "properties": {"transcript": [{"role": "user", "content": "hello"}]},
}
CONVERSATION = (JOINED, SHUTDOWN, TRANSCRIPT)
SCENARIOS = ("conversation", "drift", "duplicates", "replica", "replica-failed", "video", "video-failed")
TOLD_BEFORE = ["conversation.complete", "conversation.ended", "conversation.started"]
MEANT = ["conversation.complete", "conversation.ended", "conversation.started", "transcript.ready"]


def test_scenarios_are_told_by_the_schema(api, bus):
    """Each stored event is published once, and every push fits the published schema."""
    for name in SCENARIOS:
        post_scenario(api, name, now=NOW)

    assert [] == project_all(api)

    told, validator = bus.events(), Draft202012Validator(schema())
    for event in told:
        validator.validate(event["detail"])
        assert (event["detail-type"], "tavus-callbacks") == (event["detail"]["type"], event["source"])
    kept = [item for item in api.items() if item["type"] in ("event", "variant")]
    callbacks = [event for event in told if event["detail-type"].startswith("callback.")]
    assert len(kept) == len(callbacks)
    assert len(told) == len({event["detail"]["push_id"] for event in told})
    meant = {event["detail-type"] for event in told} - {event["detail-type"] for event in callbacks}
    assert meant >= {
        *MEANT,
        "video.ready",
        "video.failed",
        "replica.ready",
        "replica.failed",
        "perception.ready",
    }


def test_what_is_told_twice_has_the_same_id(api, bus):
    """A repeated record publishes the callback again, but no derived push."""
    for body in CONVERSATION:
        api.post(body, query="user=4711")
    project_all(api)
    first = bus.pushes()
    project_all(api)
    again = bus.pushes()

    meant = [push["type"] for push in first if not push["type"].startswith("callback.")]
    assert MEANT == sorted(meant)
    assert {"user": "4711"} == first[0]["tags"]
    assert {push["push_id"] for push in again} < {push["push_id"] for push in first}
    assert ["callback."] * 3 == [push["type"][:9] for push in again]


@pytest.mark.usefixtures("bus")
def test_a_subject_of_a_batch_is_written_once(api):
    """A subject's events of one batch are merged: one read, one write, and two checks for tombstones."""
    wiring.summaries().entries.cover("conversation")
    for body in CONVERSATION:
        api.post(body)
    order = records(api)
    with calls(clients.dynamodb()) as asked:
        project_all(api, order=order)

    looks = Counter(params["Key"]["sk"]["S"] for name, params in asked if name == "GetItem")
    assert {"s1": 1, "tombstone": 2} == looks
    assert 1 == [name for name, _ in asked].count("PutItem")


def test_while_the_bus_is_down_nothing_is_taken_for_told(api, bus):
    """The records fail and the summary stays the same; the retry publishes everything."""
    for body in CONVERSATION:
        api.post(body)
    with failing("events", "PutEvents", error="ThrottlingException"):
        failed = project_all(api)
    before = summaries(api)
    project_all(api)

    assert 3 == len(failed)
    assert {} == before
    assert 3 + len(MEANT) == len(bus.pushes())


def test_a_crash_before_the_summary_is_written_tells_again(api, bus):
    """Pushes that were published but not stored as published are published again, under the same ids."""
    for body in CONVERSATION:
        api.post(body)
    with failing("dynamodb", "PutItem", error="InternalServerError"):
        failed = project_all(api)
    first = {push["push_id"] for push in bus.pushes()}
    project_all(api)

    assert 3 == len(failed)
    assert 3 + len(MEANT) == len(first)
    assert first == {push["push_id"] for push in bus.pushes()}


def test_two_writers_of_one_summary_tell_everything(api, bus):
    """The second writer reads the published types again and adds the new ones."""
    for body in CONVERSATION:
        api.post(body)
    one, *others = records(api)
    with once_before(clients.dynamodb(), "PutItem", lambda: project_all(api, order=others)):
        project_all(api, order=[one])

    told = bus.pushes()
    assert set(MEANT) <= {push["type"] for push in told}
    # The joining was put before the other writer came, which announces the start by it; not once more.
    assert 1 == [push["type"] for push in told].count("callback.system.replica_joined")
    assert set(MEANT) == set(summaries(api)["conversation", "c1"]["told"])


def test_a_rebuilt_summary_knows_what_was_told(api, bus):
    """A rebuild publishes nothing and causes no repeats."""
    for body in CONVERSATION:
        api.post(body)
    project_all(api)
    bus.pushes()
    list(rebuild_summaries(store(api), [("conversation", "c1")]))
    project_all(api)

    assert ["callback."] * 3 == [name[:9] for name in bus.types()]


def test_the_schedule_tells_what_is_overdue_once(api, bus, monkeypatch):
    """A conversation completes when its transcript is overdue; then nothing more is published."""
    api.post(SHUTDOWN)
    project_all(api)
    bus.pushes()
    monkeypatch.setattr(publish, "now", lambda: datetime.now(UTC) + timedelta(minutes=5))
    publisher = Publisher(wiring.event_bus(), settings().fold, derived.types_by_time)
    for subject in ("c1", "nobody") * 2:
        summarize(wiring.summaries(), "conversation", subject, keep_facts, publisher)
    [complete] = bus.pushes()
    api.post(TRANSCRIPT)
    project_all(api)

    assert ("conversation.complete", ["transcript"]) == (complete["type"], complete["data"]["missing"])
    assert "conversation.complete" not in bus.types()
    assert {("conversation", "c1")} == summaries(api).keys()


def test_a_presumed_end_of_an_earlier_version_is_not_pushed_again_but_its_shutdown_is(api, bus, monkeypatch):
    """Earlier versions noted both ends as `conversation.ended`; the schedule notes which one it was."""
    api.post(JOINED)
    project_all(api)
    bus.pushes()
    before = {**summaries(api)["conversation", "c1"], "told": TOLD_BEFORE}
    clients.dynamodb().put_item(TableName=api.environment["EVENTS_TABLE"], Item=row_of(before))
    monkeypatch.setattr(publish, "now", lambda: datetime.now(UTC) + timedelta(seconds=61))
    publisher = Publisher(wiring.event_bus(), settings().fold, derived.types_by_time)
    summarize(wiring.summaries(), "conversation", "c1", keep_facts, publisher)
    told, by_schedule = summaries(api)["conversation", "c1"]["told"], bus.pushes()
    api.post(SHUTDOWN)
    project_all(api)
    ends = [push for push in bus.pushes() if push["type"] == "conversation.ended"]

    assert [] == by_schedule
    assert ["conversation.complete", "conversation.presumed_ended", "conversation.started"] == told
    assert ["ended"] == [push["data"]["status"] for push in ends]


def test_a_reindex_before_the_shutdown_is_projected_leaves_its_push(api, bus):
    """The row of an earlier version still says which end was published, though its facts now have both."""
    api.post(JOINED)
    project_all(api)
    before = {**summaries(api)["conversation", "c1"], "told": TOLD_BEFORE}
    clients.dynamodb().put_item(TableName=api.environment["EVENTS_TABLE"], Item=row_of(before))
    api.post(SHUTDOWN)
    list(rebuild_summaries(store(api), [("conversation", "c1")]))
    bus.pushes()
    project_all(api)

    ends = [push["data"]["status"] for push in bus.pushes() if push["type"] == "conversation.ended"]
    assert ["ended"] == ends


def test_a_stack_without_a_bus_tells_nobody(api, bus, monkeypatch):
    """Nothing counts as published, so that a bus that is added later gets everything."""
    monkeypatch.delenv("EVENT_BUS")
    forget()
    api.post(SHUTDOWN)
    project_all(api)

    assert [] == bus.pushes()
    assert "told" not in summaries(api)["conversation", "c1"]


def push(size=0, number=0):
    """Return a push of about a size."""
    body = json.dumps({"x": "a" * size}).encode()
    item = {
        "kind": "conversation",
        "subject": "c1",
        "ref": f"{number:020}-{'a' * 32}",
        "family": "conversation",
        "event_type": "x" * 200,
        "received_at": "2026-03-01T12:00:01.000000Z",
        "label": "prod",
        "tags": {},
        "issues": [],
        "content": "c",
        "body_size": len(body),
    }
    return callback_push(StoredEvent.from_row(item), body)


class FakeEventBridge:
    """Accepts requests, but refuses the first entries as often as asked."""

    def __init__(self, refusing=0):
        self.requests, self.refusing, self.taken = [], refusing, []

    def put_events(self, Entries):  # noqa: N803  # botocore's own name
        """Answer as EventBridge does: one result for each entry."""
        self.requests.append(Entries)
        return {"Entries": [self._answer(entry) for entry in Entries]}

    def _answer(self, entry):
        if self.refusing:
            self.refusing -= 1
            return {"ErrorCode": "ThrottlingException"}
        self.taken.append(entry["Detail"])
        return {"EventId": "1"}


@pytest.mark.parametrize(
    ("sizes", "expected"), [([10] * 23, [10, 10, 3]), ([190_000] * 3, [1, 1, 1]), ([], [])]
)
def test_requests_stay_within_what_the_bus_takes(sizes, expected):
    """A request has at most ten entries and 256 KB. The bus gets a long type cut, the detail has it whole."""
    client = FakeEventBridge()
    EventBus(client, "bus").put([push(size, number) for number, size in enumerate(sizes)])

    assert expected == [len(entries) for entries in client.requests]
    for entry in (entry for entries in client.requests for entry in entries):
        assert 128 == len(entry["DetailType"])
        assert json.loads(entry["Detail"])["type"].endswith("x" * 200)


def test_entries_that_the_bus_refuses_are_put_again():
    """All refused entries are put again, and no others."""
    client = FakeEventBridge(refusing=4)
    EventBus(client, "bus").put([push(number=number) for number in range(12)])

    assert [10, 2, 4] == [len(entries) for entries in client.requests]
    assert 12 == len(set(client.taken))


def test_entries_that_the_bus_goes_on_refusing_fail():
    """The stream sends the records again, and finally the failed bucket has them."""
    with pytest.raises(StoreDown, match="ThrottlingException"):
        EventBus(FakeEventBridge(refusing=99), "bus").put([erased_push("conversation", "c1", at=NOW)])


def test_a_batch_of_large_bodies_is_taken_one_by_one(api, bus, monkeypatch):
    """Memory cannot hold all of them at once."""
    monkeypatch.setattr(project, "TOGETHER", 1)
    for body in CONVERSATION:
        api.post(body)
    with calls(clients.dynamodb()) as asked:
        project_all(api)

    assert 3 == Counter(name for name, _ in asked)["PutItem"]
    assert 3 + len(MEANT) == len(bus.pushes())


def test_a_recording_is_told_once(recordings, bus):
    """It is published when its object is there, whichever came first, with the conversation's tags."""
    key = "tavus/c123/1718780000000"
    recordings.claim(key, duration=14)
    nothing = bus.types()
    recordings.put(key, b"12345", ContentType="video/mp4")
    project_all(recordings.api)
    bus.pushes()
    recordings.tell(key)
    [told] = bus.pushes()
    recordings.tell(key)
    recordings.claim(key, duration=15)

    assert [] == nothing
    assert ("recording.available", "/conversations/c123/recordings/1718780000000") == (
        told["type"],
        told["url"],
    )
    assert (5, 14.0, "video/mp4") == tuple(
        told["data"][name] for name in ("size", "duration", "content_type")
    )
    assert ["test"] == told["labels"]
    assert [] == bus.types()


def test_a_recording_that_a_read_found_is_told_by_its_event(recordings, bus):
    """A read stores what it finds and publishes nothing; S3's event does that."""
    key = "tavus/c123/1718780000000"
    recordings.claim(key)
    recordings.put(key)
    recordings.ahead = timedelta(minutes=2)
    recordings.all("c123")
    recordings.ahead = timedelta(0)
    recordings.tell(key)

    assert ["recording.available"] == bus.types()


def test_an_object_without_a_callback_is_told_too(recordings, bus):
    """Its conversation has no events, so the push has no tags."""
    key = "tavus/c123/1718780000000"
    recordings.put(key)
    recordings.tell(key)
    [told] = bus.pushes()

    assert ("recording.available", {}, []) == (told["type"], told["tags"], told["labels"])


def test_a_recording_that_failed_is_told_once(recordings, bus):
    """The push has Tavus's own message."""
    recordings.say("c123", "application.recording_copy_failed", error_message="no access")
    [told] = bus.pushes()

    assert ("recording.failed", "no access") == (told["type"], told["data"]["message"])


def test_a_recording_that_failed_and_came_later_is_told_once_each(recordings, bus):
    """Both pushes are about one recording. A repeated failure or an emptied object publishes nothing."""
    key = "tavus/c123/1718780000000"
    failure = {"s3_key": key, "error_code": "DESTINATION_AUTH_FAILED", "error_message": "no access"}
    recordings.say("c123", "application.recording_copy_failed", **failure)
    for body in (b"video", b"", b"video"):
        recordings.put(key, body)
        recordings.tell(key)
        recordings.say("c123", "application.recording_copy_failed", **failure)
    failed, available = bus.pushes()

    assert ["recording.failed", "recording.available"] == [failed["type"], available["type"]]
    assert {"1718780000000"} == {one["data"]["recording_id"] for one in (failed, available)}
    assert ("DESTINATION_AUTH_FAILED", None) == tuple(
        one["data"]["error_code"] for one in (failed, available)
    )
    assert failed["data"]["explanation"].startswith("DESTINATION_AUTH_FAILED: ")
    assert available["data"]["message"] is None


def test_an_empty_object_is_told_as_failed(recordings, bus):
    """The push has the reason. Once the object has bytes, a push says that it is available."""
    key = "tavus/c123/1718780000000"
    recordings.put(key, b"")
    recordings.tell(key)
    recordings.put(key)
    recordings.tell(key)
    failed, available = bus.pushes()

    assert ("recording.failed", "failed", "The object has 0 bytes.") == (
        failed["type"], failed["data"]["status"], failed["data"]["message"]
    )  # fmt: skip
    assert ("recording.available", "available") == (available["type"], available["data"]["status"])


def test_a_row_that_names_one_push_is_read(recordings, bus):
    """Earlier versions stored only the type of the last push."""
    key = "tavus/c123/1718780000000"
    recordings.claim(key)
    [row] = recordings.rows()
    clients.dynamodb().update_item(
        TableName=recordings.api.environment["EVENTS_TABLE"],
        Key=row_of({"pk": row["pk"], "sk": row["sk"]}),
        UpdateExpression="SET told = :told",
        ExpressionAttributeValues={":told": {"S": "recording.available"}},
    )
    recordings.put(key)
    recordings.tell(key)

    assert [] == bus.types()


def test_a_recording_is_told_again_after_a_crash(recordings, bus):
    """The repeated event publishes a recording that was stored but not published."""
    key = "tavus/c123/1718780000000"
    recordings.put(key)
    with failing("events", "PutEvents", error="InternalException"), pytest.raises(StoreDown):
        recordings.tell(key)
    recordings.tell(key)

    assert ["recording.available"] == bus.types()
