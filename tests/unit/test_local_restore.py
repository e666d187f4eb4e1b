"""The journal restores the data of the embedded services, and sets aside data that do not fit."""

import contextlib
import json
import os
import sqlite3
from functools import partial
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import Message, Queue, SQSBackend

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.services import journal
from tavus_callbacks_cli.local_stack.services.dynamodb_writes import Write
from tavus_callbacks_cli.local_stack.services.journal import FILE_NAME
from tavus_callbacks_cli.local_stack.services.object_events import Change
from tavus_callbacks_cli.local_stack.services.persistence import Persistence
from tavus_callbacks_cli.local_stack.services.recorder import RecordFilter
from tavus_callbacks_cli.local_stack.services.restore import open_journal

TABLE, BUCKET, QUEUE, DEAD_QUEUE, SECRET = "restored", "restored", "restored", "restored-dead", "restored"
ITEM = {
    "pk": {"S": "a"},
    "sk": {"S": "1"},
    "blob": {"B": b"\x00\xff"},
    "tree": {"M": {"B": {"S": "no bytes"}, "set": {"NS": ["1", "2"]}, "blob": {"B": b"\xfe"}}},
    "list": {"L": [{"B": b"\xfd"}, {"NULL": True}, {"M": {}}]},
    "blobs": {"BS": [b"\xfc"]},
}
MATCHING = {"eventName": ["INSERT"]}


class Services:
    """Embedded services in this process, with a table, a bucket, two queues and a secret."""

    def __init__(self, name=TABLE):
        self.journals = []
        for service in ("dynamodb", "s3", "sqs", "secretsmanager"):
            setattr(self, service, boto3.client(service, region_name=REGION))
        self.dynamodb.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.dead_queue = self.sqs.create_queue(QueueName=DEAD_QUEUE)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{DEAD_QUEUE}"
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
        self.queue = self.sqs.create_queue(
            QueueName=QUEUE, Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
        )["QueueUrl"]
        self.secretsmanager.create_secret(Name=SECRET, SecretString="new")

    def open(self, folder, mappings=("m",)):
        """Open the journal of a folder."""
        filters = [RecordFilter(each, TABLE, (MATCHING,)) for each in mappings]
        restored = open_journal(folder, filters, [SECRET])
        self.journals.append(restored.recorder.journal)
        return restored

    def put_item(self, recorder, item):
        """Write an item and record it."""
        self.dynamodb.put_item(TableName=TABLE, Item=item)
        recorder.record_items([Write(table(), item["pk"], item["sk"])])

    def put_object(self, recorder, key, body, **headers):
        """Put an object and record it."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, **headers)
        recorder.record_objects([Change(BUCKET, key, "PutObject")], [])

    def receive(self, queue):
        """Receive all messages of a queue."""
        names = ["ApproximateReceiveCount"]
        answer = self.sqs.receive_message(QueueUrl=queue, AttributeNames=names, MaxNumberOfMessages=10)
        return answer.get("Messages", [])

    def items(self):
        """Return the items of the table."""
        return self.dynamodb.scan(TableName=TABLE)["Items"]


def table():
    """Return moto's table."""
    return dynamodb_backends[ACCOUNT][REGION].tables[TABLE]


@contextlib.contextmanager
def services(**options):
    """Run services that are empty, and forget them."""
    patched = [(Queue, "add_message"), (Queue, "delete_message"), (Message, "mark_received")]
    patched.append((SQSBackend, "purge_queue"))
    before = [(owner, name, getattr(owner, name)) for owner, name in patched]
    try:
        with mock_aws():
            yield (made := Services(**options))
        for opened in made.journals:
            opened.close()
    finally:
        for owner, name, method in before:
            setattr(owner, name, method)


def test_items_objects_and_secrets_are_restored(tmp_path):
    """Items keep their bytes, objects keep version, headers and time, and deletions are recorded too."""
    with services() as first:
        recorder = first.open(tmp_path).recorder
        first.put_item(recorder, ITEM)
        first.put_item(recorder, {**ITEM, "sk": {"S": "gone"}})
        first.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": "a"}, "sk": {"S": "gone"}})
        recorder.record_items([Write(table(), {"S": "a"}, {"S": "gone"})])
        first.put_object(recorder, "gone", b"x")
        first.s3.delete_object(Bucket=BUCKET, Key="gone")
        recorder.record_objects([Change(BUCKET, "gone", "DeleteObject")], [])
        first.put_object(recorder, "a/ü?", b"old")
        first.put_object(recorder, "a/ü?", b"\x00\xff", ContentType="text/x", Metadata={"user": "4711"})
        before = first.s3.head_object(Bucket=BUCKET, Key="a/ü?")
        first.secretsmanager.put_secret_value(SecretId=SECRET, SecretString="rotated")
        recorder.record_secrets()
    with services() as second:
        restored = second.open(tmp_path)
        after = second.s3.get_object(Bucket=BUCKET, Key="a/ü?")

        assert [ITEM] == second.items()
        assert b"\x00\xff" == after["Body"].read()
        members = ("ETag", "VersionId", "LastModified", "ContentType", "Metadata")
        assert [before[name] for name in members] == [after[name] for name in members]
        assert ["a/ü?"] == [each["Key"] for each in second.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert "rotated" == second.secretsmanager.get_secret_value(SecretId=SECRET)["SecretString"]
        assert restored.note is None
        assert 1 == len(list(tmp_path.glob("*.object")))


def test_messages_are_restored_with_their_receive_counts(tmp_path):
    """Deleted ones are gone, and one that was received too often is in the dead-letter queue."""
    with services() as first:
        first.open(tmp_path)
        for body in ("stays", "goes"):
            first.sqs.send_message(QueueUrl=first.queue, MessageBody=body)
        received = {message["Body"]: message for message in first.receive(first.queue)}
        first.sqs.delete_message(QueueUrl=first.queue, ReceiptHandle=received["goes"]["ReceiptHandle"])
    with services() as second:
        second.open(tmp_path)
        [message] = second.receive(second.queue)
        moved = second.receive(second.queue)
    with services() as third:
        third.open(tmp_path)

        assert ("stays", "2") == (message["Body"], message["Attributes"]["ApproximateReceiveCount"])
        assert [] == moved == third.receive(third.queue)
        assert ["stays"] == [each["Body"] for each in third.receive(third.dead_queue)]


def test_a_purged_queue_stays_empty(tmp_path):
    """A restart does not bring its messages back."""
    with services() as first:
        first.open(tmp_path)
        first.sqs.send_message(QueueUrl=first.queue, MessageBody="goes")
        first.sqs.purge_queue(QueueUrl=first.queue)
    with services() as second:
        second.open(tmp_path)

        assert [] == second.receive(second.queue)


def test_records_are_due_until_they_are_confirmed(tmp_path):
    """Only those of the filter, in order; new records follow them, and a confirmed event is gone as well."""
    with services() as first:
        recorder = first.open(tmp_path, ("m", "n")).recorder
        for name in ("1", "2", "2", "3"):  # the second "2" inserts nothing
            first.put_item(recorder, {**ITEM, "sk": {"S": name}})
        recorder.record_objects([], [{"id": "x"}, {"id": "y"}])
        recorder.confirm({"event": "x"})
        records = [json.loads(entry.content) for entry in recorder.journal.entries() if entry.place == "m"]
        recorder.confirm({"mapping": "m", "sequence": records[0]["dynamodb"]["SequenceNumber"]})
    with services() as second:
        restored = second.open(tmp_path, ("m", "n"))
        second.put_item(restored.recorder, {**ITEM, "sk": {"S": "4"}})
        last = json.loads(restored.recorder.journal.entries()[-1].content)

    assert ["2", "3"] == [each["dynamodb"]["Keys"]["sk"]["S"] for each in restored.records["m"]]
    assert 3 == len(restored.records["n"])
    assert {"B": "AP8="} == restored.records["m"][0]["dynamodb"]["NewImage"]["blob"]
    assert [{"id": "y"}] == restored.events
    assert last["dynamodb"]["SequenceNumber"] > restored.records["m"][-1]["dynamodb"]["SequenceNumber"]


def test_the_folder_of_an_earlier_version_is_converted(tmp_path):
    """Its `items.json` is read once, and every file of its own is removed."""
    data = tmp_path / "data"
    write_old_folder(data)
    with services() as first:
        note = first.open(data).note
        answer = first.s3.get_object(Bucket=BUCKET, Key="k")

        assert note is None
        assert [{"pk": {"S": "a"}, "sk": {"S": "1"}, "blob": {"B": b"\x00\xff"}}] == first.items()
        assert (b"bytes", "text/x", {"user": "4711"}) == (
            answer["Body"].read(),
            answer["ContentType"],
            answer["Metadata"],
        )
        assert "old" == first.secretsmanager.get_secret_value(SecretId=SECRET)["SecretString"]
    assert {"one.object", FILE_NAME} == {path.name for path in data.iterdir() if "-" not in path.name}
    with services() as second:
        second.put_item(second.open(data).recorder, {"pk": {"S": "a"}, "sk": {"S": "1"}})
    with services() as third:
        third.open(data)
        assert [{"pk": {"S": "a"}, "sk": {"S": "1"}}] == third.items()


def write_old_folder(data: Path) -> None:
    """Write a folder as earlier versions did."""
    data.mkdir()
    item = {"pk": {"S": "a"}, "sk": {"S": "1"}, "blob": {"B": "AP8="}}
    snapshot = {
        "tables": {TABLE: [item]},
        "objects": [{"bucket": BUCKET, "key": "k", "file": "one"}],
        "secrets": {SECRET: "old", "gone": "x"},
        "began": 1.0,
    }
    (data / "items.json").write_text(json.dumps(snapshot))
    (data / "one.object").write_bytes(b"bytes")
    (data / "one.json").write_text(json.dumps({"ContentType": "text/x", "Metadata": {"user": "4711"}}))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}"])
@pytest.mark.parametrize("name", ["items.json", FILE_NAME])
def test_data_that_cannot_be_read_is_set_aside(tmp_path, name, content):
    """The services start empty, and the note says where the broken file is."""
    data = tmp_path / "data"
    data.mkdir()
    (data / name).write_bytes(content * 1000 if name == FILE_NAME else content)
    with services() as first:
        restored = first.open(data)
        first.put_item(restored.recorder, ITEM)
    with services() as second:
        again = second.open(data)

        assert [ITEM] == second.items()
    assert again.note is None
    if name == FILE_NAME and not content:
        assert restored.note is None  # an empty file is a new database
        return
    [aside] = tmp_path.glob(f"data-*/{name}")
    assert str(aside.parent) in restored.note


def test_data_without_a_place_in_the_template_is_set_aside(tmp_path):
    """The rest is restored, and the next start says nothing of it any more."""
    data = tmp_path / "data"
    data.mkdir()
    with services() as first:
        recorder = first.open(data).recorder
        first.put_item(recorder, ITEM)
        first.put_object(recorder, "k", b"bytes")
    with services(name="renamed") as second:
        restored = second.open(data, ())
        keys = [each["Key"] for each in second.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    with services(name="renamed") as third:
        again = third.open(data, ())

    assert "no table restored" in restored.note
    assert "records for a function that is gone" in restored.note
    assert ["k"] == keys
    [aside] = tmp_path.glob("data-*")
    assert {FILE_NAME} <= {path.name for path in aside.iterdir()}
    assert again.note is None


@pytest.mark.parametrize("broken", ["item", "object", "confirmation"])
def test_data_that_cannot_be_written_end_the_services(tmp_path, monkeypatch, broken):
    """Otherwise a repetition would be answered as a duplicate of what the next start does not have."""
    ends = []
    monkeypatch.setattr(os, "_exit", ends.append)
    with services() as first:
        recorder = first.open(tmp_path).recorder
        if broken == "object":
            recorder.folder = tmp_path / "gone"
            first.put_object(recorder, "k", b"bytes")
        else:
            recorder.journal.close()
        if broken == "item":
            first.put_item(recorder, ITEM)
        if broken == "confirmation":
            recorder.confirm({"mapping": "m", "sequence": "1"})

    assert [1] == ends


def test_a_file_that_another_process_holds_is_not_set_aside(tmp_path):
    """The start fails, and a later one has all data."""
    data = tmp_path / "data"
    data.mkdir()
    filters = {"mapping_id": "m", "table": TABLE, "patterns": [MATCHING]}
    settings = {"folder": str(data), "filters": [filters], "secrets": [SECRET]}
    with services() as first:
        first.put_item(first.open(data).recorder, ITEM)
    with services(), contextlib.closing(sqlite3.connect(data / FILE_NAME)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN IMMEDIATE")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journal, "_connect", partial(journal._connect, seconds=0))
            answer = Persistence(list).open(settings)
    with services() as third:
        third.open(data)

        assert {"error": "database is locked"} == answer
        assert [ITEM] == third.items()
    assert [data] == list(tmp_path.iterdir())
