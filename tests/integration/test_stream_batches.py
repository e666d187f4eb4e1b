"""Batches of the event stream: an outage is retried, and a bad record is set aside."""

import json
from base64 import b64encode
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody
from inprocess import CONTEXT, beside, failing, forget
from projecting import project_all, records, summaries
from urllib3.exceptions import SSLError

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.common.errors import StoreDown, is_outage
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.handlers import project, resolve
from tavus_callbacks.runtime.settings import MissingVariable
from tavus_callbacks_cli.erasure.failed import cut_out, failed_subjects
from tavus_callbacks_cli.local_stack.triggers.batches import Delivery, deliver
from tavus_callbacks_cli.local_stack.triggers.streams import stream_mappings_of
from tavus_callbacks_cli.operations.failed import list_failures, redrive
from tavus_callbacks_cli.operations.selection import Selection
from tavus_callbacks_cli.targets.functions import FunctionError

CANARY = "my canary sings at midnight"
URL = "https://store.invalid"

# Every operation of the two functions, with the services' codes for "later" and for a fault of the stack.
CALLS = [
    (project, "dynamodb", "GetItem"),
    (project, "dynamodb", "PutItem"),
    (project, "s3", "GetObject"),
    (project, "events", "PutEvents"),
    (resolve, "dynamodb", "GetItem"),
    (resolve, "dynamodb", "UpdateItem"),
    (resolve, "dynamodb", "Query"),
    (resolve, "s3", "GetObject"),
    (resolve, "s3", "HeadObject"),
    (resolve, "events", "PutEvents"),
]
CODES = {
    "dynamodb": (
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ReplicatedWriteConflictException",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
    ),
    "s3": ("SlowDown", "InternalError", "ServiceUnavailable", "403", "503", "AccessDenied", "NoSuchBucket"),
    "events": (
        "ThrottlingException",
        "InternalException",
        "AccessDeniedException",
        "ResourceNotFoundException",
    ),
}
TRANSIENT = [
    ReadTimeoutError(endpoint_url=URL),
    ConnectTimeoutError(endpoint_url=URL),
    EndpointConnectionError(endpoint_url=URL),
    ResponseStreamingError(error="reset"),
    NoCredentialsError(),
    ResponseParserError("no XML"),
    SSLError("broken"),
]


@pytest.fixture(autouse=True)
def _logs(api, monkeypatch):
    for function in (project, resolve):
        monkeypatch.setattr(function.logger.registered_handler, "stream", api.log)


@pytest.fixture
def deployment(api):
    """Return the stack for the command line."""
    outputs = {"FailedBucketName": api.environment["FAILED_BUCKET"]}
    return SimpleNamespace(client=lambda _: clients.s3(), outputs=outputs)


def claim(subject, **members):
    """Return a recording's callback, which both functions take."""
    properties = {"s3_key": f"recordings/{subject}"}
    event_type = "application.recording_ready"
    return {"conversation_id": subject, "event_type": event_type, "properties": properties, **members}


def give(function, batch, **members):
    """Give a function a batch through JSON, as Lambda does; return the numbers of the records it reports."""
    answer = function.handler(json.loads(json.dumps({"Records": batch, **members})), CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def numbers(batch):
    """Return the sequence numbers of records."""
    return [record["dynamodb"]["SequenceNumber"] for record in batch]


def poisoned(record, **image):
    """Return a record whose body is not a JSON object of ours, or with other attributes."""
    image = image or {"encoding": {"S": "identity"}, "body": {"B": b64encode(CANARY.encode()).decode()}}
    stream = record["dynamodb"]
    return {**record, "dynamodb": {**stream, "NewImage": {**stream["NewImage"], **image}}}


def post_large(api, *subjects):
    """Post callbacks whose bodies go to the bucket, and return their stream records by subject."""
    for number, subject in enumerate(subjects):
        noise = "".join(f"{at * (number + 7919):x}" for at in range(30_000))
        assert 200 == api.post(claim(subject, noise=noise)).status
    return {record["dynamodb"]["NewImage"]["subject"]["S"]: record for record in records(api)}


@pytest.mark.usefixtures("bus")
def test_no_outage_is_taken_for_a_bad_record(recordings, deployment):
    """Each code that another request could meet reports the record; none sets it aside."""
    recordings.stream._deliver = lambda *_: None
    [record] = post_large(recordings.api, "c1").values()
    recordings.put("recordings/c1")
    for function, service, operation in CALLS:
        for code in CODES[service]:
            with failing(service, operation, error=code):
                assert numbers([record]) == give(function, [record]), (operation, code)

    assert [] == list(list_failures(deployment))
    assert [[], []] == [give(function, [record]) for function in (project, resolve)]


@pytest.mark.parametrize("fault", TRANSIENT, ids=lambda fault: type(fault).__name__)
def test_a_connection_that_fails_is_an_outage(fault):
    """Every way in which botocore and what lies below it lose a connection is a StoreDown that may pass."""
    with pytest.raises(StoreDown) as raised, store_down():
        raise fault

    assert (True, True) == (raised.value.may_pass, is_outage(raised.value))


def test_a_body_that_breaks_off_is_an_outage(api, deployment):
    """The answer has begun, and the connection breaks while the body is read."""
    [record] = post_large(api, "c1").values()
    with patch.object(StreamingBody, "read", side_effect=SSLError("broken")):
        assert numbers([record]) == give(project, [record])

    assert [] == list(list_failures(deployment))


@pytest.mark.parametrize("code", ["ValidationException", "NoSuchKey", "InvalidArgument", "MalformedDetail"])
def test_a_request_that_is_wrong_itself_is_no_outage(code):
    """AWS repeats its refusal of the object or of the values of this request each time."""
    with pytest.raises(StoreDown) as raised, store_down():
        raise ClientError({"Error": {"Code": code}}, "Any")

    assert (False, False) == (raised.value.may_pass, is_outage(raised.value))


def test_a_missing_variable_is_not_taken_for_a_bad_record(api, deployment, monkeypatch):
    """Lambda may run new code with the variables of the version before. The batch fails and comes again."""
    batch = list(post_large(api, "c1", "c2").values())
    monkeypatch.delenv("BODIES_BUCKET")
    forget()
    with pytest.raises(MissingVariable, match="BODIES_BUCKET"):
        give(project, batch)

    monkeypatch.setenv("BODIES_BUCKET", api.environment["BODIES_BUCKET"])
    forget()
    assert [] == give(project, batch)
    assert [] == list(list_failures(deployment))
    assert {("conversation", "c1"), ("conversation", "c2")} == set(summaries(api))


@pytest.mark.parametrize("function", [project, resolve])
def test_a_poisoned_record_is_set_aside_and_the_good_ones_pass_at_once(recordings, deployment, function):
    """One call takes the others; the bad ones are one dead letter, and the log has place and no text."""
    api = recordings.api
    recordings.stream._deliver = lambda *_: None
    by_subject = post_large(api, "c1", "c2", "c3", "c4", "c5")
    gone = clients.s3().delete_object
    gone(
        Bucket=api.environment["BODIES_BUCKET"], Key=by_subject["c4"]["dynamodb"]["NewImage"]["body_key"]["S"]
    )
    bad = [poisoned(by_subject["c2"]), by_subject["c4"], poisoned(by_subject["c5"], kind={"N": "x"})]
    batch = [by_subject["c1"], *bad[:2], by_subject["c3"], bad[2]]

    assert [] == give(function, batch)

    [failure] = list_failures(deployment)
    assert ("any", "RecordsFailed", 3) == (failure.function, failure.condition, failure.records)
    assert {"Records": bad} == failure.event
    kind = "summary" if function is project else "recording"
    assert {"c1", "c3"} == {item["subject"] for item in api.items() if item["type"] == kind}
    [logged] = [record for record in api.records() if record["message"] == "batch"]
    assert (5, 3, 3) == (logged["records"], logged["failed"], logged["given_up"])
    assert len(logged["faults"]) >= 2
    assert all(" at " in fault for fault in logged["faults"])
    assert "canary" not in api.log.getvalue()


def test_a_bad_record_behind_an_outage_is_written_once(api, deployment):
    """Lambda gives it again with the record before it, so it is set aside only when that one has passed."""
    by_subject = post_large(api, "c1", "c2", "c3")
    batch = [poisoned(by_subject["c1"]), by_subject["c2"], poisoned(by_subject["c3"])]
    key = by_subject["c2"]["dynamodb"]["NewImage"]["body_key"]["S"]
    with failing("s3", "GetObject", error="SlowDown", when=lambda asked: asked["Key"] == key):
        reported = give(project, batch)
    first = [failure.records for failure in list_failures(deployment)]

    assert numbers(batch[1:]) == reported
    assert [1] == first
    assert [] == give(project, batch[1:])
    assert [1, 1] == [failure.records for failure in list_failures(deployment)]


def test_a_bad_record_that_cannot_be_written_is_given_again(api, deployment):
    """Nothing counts as done before it is in the failed bucket."""
    by_subject = post_large(api, "c1", "c2")
    batch = [poisoned(by_subject["c1"]), by_subject["c2"]]
    with failing("s3", "PutObject", error="SlowDown"):
        assert numbers(batch[:1]) == give(project, batch)

    assert [] == list(list_failures(deployment))
    assert [("conversation", "c2")] == list(summaries(api))


def test_a_redrive_that_fails_again_keeps_its_one_object(api, deployment):
    """The command says how many records failed again; after the repair it removes the object."""
    by_subject = post_large(api, "c1", "c2")
    body_key = by_subject["c1"]["dynamodb"]["NewImage"]["body_key"]["S"]
    where = {"Bucket": api.environment["BODIES_BUCKET"], "Key": body_key}
    body = clients.s3().get_object(**where)["Body"].read()
    clients.s3().delete_object(**where)
    assert [] == give(project, list(by_subject.values()))
    [failure] = list_failures(deployment)

    def invoke(_name, event):
        return project.handler(event, CONTEXT)

    with pytest.raises(FunctionError, match="1 of 1 records failed again"):
        redrive(deployment, failure, invoke)
    assert [failure.key] == [left.key for left in list_failures(deployment)]

    clients.s3().put_object(**where, Body=body)
    redrive(deployment, failure, invoke)
    assert [] == list(list_failures(deployment))
    assert {("conversation", "c1"), ("conversation", "c2")} == set(summaries(api))


class Stream:
    """Lambda's poller of one shard, as the template sets it up, with a clock that only its pauses move."""

    def __init__(self, template, **rules):
        [mapping] = [one for one in stream_mappings_of(template) if one.function == "ProjectFunction"]
        self.mapping = replace(mapping, rules=replace(mapping.rules, **rules))
        self.clock, self.discarded, self.calls = 0.0, [], 0

    def invoke(self, event):
        """Call the function."""
        self.calls += 1
        return project.handler(event, CONTEXT)

    def wait(self, _failures):
        """Let a second pass: Lambda's own pauses are not documented, and longer ones mean fewer attempts."""
        self.clock += 1
        return True

    def run(self, batch):
        """Deliver records in batches of the template's size."""
        delivery = Delivery(self.invoke, self.discarded.append, self.wait, lambda: self.clock)
        for start in range(0, len(batch), self.mapping.batch_size):
            part = [dated(record) for record in batch[start : start + self.mapping.batch_size]]
            deliver(part, self.mapping.rules, delivery)


def dated(record):
    """Return a record that was written when the clock began."""
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": 0.0}}


@pytest.mark.parametrize("retries", [None, 5], ids=["as the template says", "five retries"])
def test_an_outage_of_ten_minutes_loses_no_record(api, template, deployment, retries):
    """Nothing is given up and everything is summed up. With five retries, records would be given up."""
    for number in range(30):
        api.post(claim(f"c{number}"))
    stream = Stream(template, **({} if retries is None else {"retries": retries}))

    def is_down(_):
        return stream.clock < 600

    with failing("dynamodb", "GetItem", "PutItem", error="InternalServerError", when=is_down):
        stream.run(records(api))

    assert (retries is None) == (stream.discarded == [])
    assert [] == list(list_failures(deployment))
    if retries is None:
        assert 600 <= stream.clock < 610
        assert {f"c{number}" for number in range(30)} == {subject for _, subject in summaries(api)}


def test_an_erasure_finds_and_cuts_what_the_functions_set_aside(api, deployment):
    """The records of the erased subject leave the object, and the last one takes it along."""
    for subject in ("erased", "other"):
        api.post(claim(subject), query=f"user={subject}")
    project_all(api, order=[poisoned(record) for record in records(api)])
    [failure] = list_failures(deployment)
    where = {"Bucket": api.environment["FAILED_BUCKET"], "Key": failure.key}
    raw = clients.s3().get_object(**where)["Body"].read()
    erased, other = (Selection(frozenset({("conversation", name)})) for name in ("erased", "other"))

    rest = cut_out(erased, raw)

    assert (2, False, True) == (failure.records, b"erased" in rest, b"other" in rest)
    assert cut_out(other, rest) is None
    tagged = failed_subjects(deployment, Selection(frozenset(), ("user", "erased")))
    assert [("conversation", "erased")] == list(tagged)


@pytest.mark.parametrize(
    "image",
    [{"kind": {"N": "x"}}, {"note": {"SS": ["x"]}}, {"tags": {"S": "x"}}, {"tags": {"NS": ["1"]}}],
    ids=str,
)
def test_an_erasure_cuts_a_record_that_cannot_be_read(api, deployment, image):
    """A row may have been written by hand. Its key is enough, and the records beside it are found too."""
    for subject in ("erased", "other"):
        api.post(claim(subject), query="user=u")
    bad, good = records(api)
    raw = json.dumps({"requestPayload": {"Records": [poisoned(bad, **image), good]}}).encode()
    clients.s3().put_object(Bucket=api.environment["FAILED_BUCKET"], Key="aws/lambda/async/any/1", Body=raw)

    rest = cut_out(Selection(frozenset({("conversation", "erased")}), ("user", "v")), raw)

    assert [good] == json.loads(rest)["requestPayload"]["Records"]
    tagged = set(failed_subjects(deployment, Selection(frozenset(), ("user", "u"))))
    assert {("conversation", "other")} <= tagged <= {("conversation", "erased"), ("conversation", "other")}


def test_nothing_of_an_erased_subject_is_set_aside(api, deployment):
    """An erasure that comes during the attempt removes the body; the next attempt finds the tombstone."""
    by_subject = post_large(api, "c1", "c2")
    batch = [by_subject["c1"], poisoned(by_subject["c2"])]
    tombstones, read = Tombstones(clients.dynamodb(), api.environment["EVENTS_TABLE"]), project.read_body

    def erase_and_read(row, bodies):
        if row["subject"] == "c1":
            beside(lambda: tombstones.add("conversation", "c1", at=now(), lifetime=None))
            beside(lambda: bodies.remove(row["body_key"]))
        return read(row, bodies)

    with patch.object(project, "read_body", erase_and_read):
        assert numbers(batch) == give(project, batch)
    assert [] == list(list_failures(deployment))

    assert [] == give(project, batch)
    [failure] = list_failures(deployment)
    assert [batch[1]] == failure.event["Records"]
