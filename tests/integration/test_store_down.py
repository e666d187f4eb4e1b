"""The store is down: nothing is acknowledged before it is certainly stored, and the sender may try again."""

import json
import time

import pytest
from botocore.client import BaseClient
from inprocess import failing, unanswered

from tavus_callbacks.aws import clients

SHUTDOWN = {
    "conversation_id": "c1",
    "event_type": "system.shutdown",
    "timestamp": "2026-07-11T06:48:37.564961Z",
}
READY = {"replica_id": "r1", "status": "ready"}
START = 1_790_000_000
# A body that deflates to more than a row holds.
LARGE = {**SHUTDOWN, "noise": [str(hash(str(number))) for number in range(4000)]}
CODES = [
    None,
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ExpiredTokenException",
    "ValidationException",
]


@pytest.fixture
def warm(api, one_attempt):  # noqa: ARG001 - for what it does
    """Let the receiver know its token, and try each call once."""
    api.post({**SHUTDOWN, "conversation_id": "warm"})
    return api


def assert_unavailable(reply):
    """Check that an answer says come again, in words that name no insides."""
    assert (503, 503, "Store unavailable") == (reply.status, reply.value["status"], reply.value["title"])
    assert ("30", "no-store") == (reply.headers["retry-after"], reply.headers["cache-control"])
    assert "application/problem+json" == reply.headers["content-type"]
    assert b"store.invalid" not in reply.body


@pytest.mark.parametrize("error", CODES)
def test_an_event_that_cannot_be_put_is_503(warm, error):
    """Slow, throttled, forbidden or broken: no 2xx, nothing kept, and the next try is stored."""
    with failing("dynamodb", "PutItem", error=error):
        assert_unavailable(warm.post(SHUTDOWN))

    assert [] == warm.events("c1")
    assert "stored" == warm.post(SHUTDOWN).value["status"]


@pytest.mark.parametrize(
    ("before", "body", "lost"),
    [
        ([], SHUTDOWN, "event"),
        ([SHUTDOWN], {**SHUTDOWN, "properties": {}}, "variant"),
        ([], READY, "event"),
    ],
    ids=["event", "variant", "timeless"],
)
def test_a_write_whose_answer_was_lost_is_known_as_our_own(api, before, body, lost):
    """The next attempt finds what the first one wrote: stored, for nobody else sent it."""
    for earlier in before:
        api.post(earlier, at=START)

    with unanswered("PutItem", when=lambda put: put["Item"]["type"]["S"] == lost):
        reply = api.post(body, at=START)

    assert "stored" == reply.value["status"]
    again = api.post(body, at=START)
    assert ("duplicate", reply.value["event_id"]) == (again.value["status"], again.value["event_id"])


def test_a_repeat_whose_own_write_lost_its_answer_is_not_a_duplicate_of_itself(api):
    """The put that takes the next number in the line is the second of the request, and is known again."""
    api.post(READY, at=START)
    puts = []

    def is_second(put):
        puts.append(put)
        return len(puts) == 2

    with unanswered("PutItem", when=is_second):
        reply = api.post(READY, at=START + 3601)

    assert ("stored", 2) == (reply.value["status"], len(api.events("r1", "replica")))


def test_a_body_whose_quarantine_lost_its_answer_is_counted_once(api):
    """The second attempt of one request is not a second body; another request is."""
    with unanswered("UpdateItem"):
        api.post(b"nope")
    assert [1] == [entry["count"] for entry in api.quarantine()]
    api.post(b"nope")

    assert [2] == [entry["count"] for entry in api.quarantine()]


@pytest.mark.parametrize("error", CODES[:3])
@pytest.mark.parametrize("body", [b"nope", b"{}"])
def test_a_body_that_cannot_be_quarantined_is_503(warm, body, error):
    """A 400 or 422 says that the body is kept: where it is not, it is neither."""
    with failing("dynamodb", "UpdateItem", error=error):
        assert_unavailable(warm.post(body))

    assert [] == warm.quarantine()
    assert warm.post(body).status in (400, 422)
    assert 1 == len(warm.quarantine())


@pytest.mark.parametrize("body", [LARGE, json.dumps(LARGE).encode()[:-1]], ids=["event", "garbage"])
@pytest.mark.parametrize("error", [None, "SlowDown", "AccessDenied", "NoSuchBucket"])
def test_a_large_body_that_the_bucket_does_not_take_is_503(warm, body, error):
    """The object comes first: without it no item names a body that is not there."""
    before = len(warm.items())

    with failing("s3", "PutObject", error=error):
        assert_unavailable(warm.post(body))

    assert before == len(warm.items())


def test_a_large_body_without_its_item_is_503_and_stored_by_the_next_try(warm):
    """An object without an item is not an event; the same post again completes it."""
    with failing("dynamodb", "PutItem"):
        assert_unavailable(warm.post(LARGE))

    again = warm.post(LARGE)

    assert ("stored", 1) == (again.value["status"], len(warm.object_keys()))
    assert json.dumps(LARGE).encode() == warm.get(f"/events/{again.value['event_id']}/body").body


def test_a_variant_that_cannot_be_put_is_503(warm):
    """Other content for an event is not acknowledged unless it is kept."""
    warm.post(SHUTDOWN)

    with failing("dynamodb", "PutItem", when=lambda put: put["Item"]["type"]["S"] == "variant"):
        assert_unavailable(warm.post({**SHUTDOWN, "properties": {}}))

    assert ["variants" in event for event in warm.events("c1")] == [False]


def test_a_timeless_repeat_whose_line_cannot_be_read_is_503(warm):
    """Whether a repeat is new is not guessed."""
    warm.post(READY)

    with failing("dynamodb", "Query"):
        assert_unavailable(warm.post(READY))


def test_the_log_names_the_fault_of_an_outage(warm):
    """One record a callback, with the code by which an operator finds the cause."""
    with failing("dynamodb", "PutItem", error="ThrottlingException"):
        warm.post(SHUTDOWN)

    record = warm.records()[-1]
    assert ("StoreDown", "test") == (record["outcome"], record["label"])
    assert "ThrottlingException" in (record["store"], record["cause"])


def test_an_outage_without_a_code_counts_as_an_outage(api, monkeypatch, one_attempt):  # noqa: ARG001 - for what it does
    """A body for quarantine counts as spilled, and a failed spill names the store, with an empty code too."""
    queue = clients.sqs(quick=True).create_queue(QueueName="spill")["QueueUrl"]
    monkeypatch.setenv("SPILL_QUEUE_URL", queue)
    with failing("dynamodb", "UpdateItem", error=""):
        api.post(b"nope")
        with failing("sqs", "SendMessage", error=""):
            api.post(b"nope")

    spilled, lost = api.records()[-2:]
    assert ("", 1, False) == (spilled["store"], spilled["spilled"], "quarantined" in spilled)
    assert ("StoreDown", "") == (lost["outcome"], lost["store"])


@pytest.mark.parametrize(
    ("path", "query", "operation"),
    [
        ("/events", "", "Query"),
        ("/events", "", "BatchGetItem"),
        ("/events", "kind=conversation&subject=warm", "Query"),
        ("/conversations/warm/events", "", "Query"),
        ("/quarantine", "", "Query"),
        ("/quarantine", "", "BatchGetItem"),
    ],
)
def test_reading_during_an_outage_is_503(warm, path, query, operation):
    """A list that cannot be read is never an empty list."""
    warm.post(b"nope")
    token = warm.quarantine_token if path == "/quarantine" else warm.read_token

    with failing("dynamodb", operation):
        assert_unavailable(warm.get(path, query, token=token))


def test_a_body_that_cannot_be_read_is_503(warm):
    """Neither item nor object failing makes a 404 of an event that is there."""
    name = warm.post(LARGE).value["event_id"]
    warm.get("/events")

    with failing("s3", "GetObject"):
        assert_unavailable(warm.get(f"/events/{name}/body"))
    with failing("dynamodb", "GetItem"):
        assert_unavailable(warm.get(f"/events/{name}/body"))


def test_a_reader_that_nobody_remembers_is_503_during_an_outage(api):
    """A read token that cannot be looked up is not called wrong."""
    with failing("dynamodb", "GetItem"):
        assert_unavailable(api.get("/events"))


def test_keys_that_dynamodb_left_out_are_asked_for_again(warm, monkeypatch):
    """A batch that is answered in part is completed; one that never is, is an outage."""
    for number in range(5):
        warm.post({**SHUTDOWN, "conversation_id": f"c{number}"})
    pauses, call = [], BaseClient._make_api_call

    def one_key_at_a_time(client, operation, parameters):
        if operation != "BatchGetItem":
            return call(client, operation, parameters)
        [(table, request)] = parameters["RequestItems"].items()
        first, *left = request["Keys"]
        found = call(client, operation, {"RequestItems": {table: {"Keys": [first]}}})
        return found | ({"UnprocessedKeys": {table: {"Keys": left}}} if left else {})

    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(BaseClient, "_make_api_call", one_key_at_a_time)

    assert ["warm", "c0", "c1"] == [
        event["subject"] for event in warm.get("/events", "limit=3").value["events"]
    ]
    assert_unavailable(warm.get("/events", "limit=6"))
    assert [0, 0.1, 0.4] == pauses[:3]
