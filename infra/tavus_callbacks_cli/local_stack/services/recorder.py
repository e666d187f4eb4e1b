"""Writes each change of the embedded services to the journal, before its request is answered.

It writes the state after the change, not the request. Records of streams and events of objects are written,
too, and removed once the functions that they start have had them.
"""

import contextlib
import json
import os
import sqlite3
import threading
import traceback
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.services.dynamodb_writes import Write
from tavus_callbacks_cli.local_stack.services.journal import (
    EVENT,
    ITEM,
    MESSAGE,
    OBJECT,
    RECORD,
    SECRET,
    Entry,
    Journal,
)
from tavus_callbacks_cli.local_stack.services.object_events import Change
from tavus_callbacks_cli.local_stack.template import pattern

if TYPE_CHECKING:
    from moto.dynamodb.models.table import Table
    from moto.s3.models import FakeKey
    from moto.sqs.models import Message


@dataclass(frozen=True)
class RecordFilter:
    """The records that an event source mapping delivers."""

    mapping_id: str
    table: str
    patterns: tuple[pattern.Pattern, ...]


@dataclass
class Recorder:
    """The journal and its folder, which also has the bytes of objects; `files` names those by object."""

    journal: Journal
    folder: Path
    files: dict[tuple[str, str], str]
    filters: list[RecordFilter]
    secrets: list[str]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read_records: dict[str, int] = field(default_factory=dict)

    def record_items(self, writes: list[Write]) -> set[str]:
        """Record the items that a request wrote, and their stream records; the caller serialises requests.

        Return the ids of the mappings that the records are for.
        """
        changes = [Entry(ITEM, write.table.name, _item_key(write), _item_content(write)) for write in writes]
        tables = {write.table.name: write.table for write in writes}.values()
        records = [record for table in tables for record in self._new_records(table)]
        self._write([*changes, *records])
        return {record.place for record in records}

    def _new_records(self, table: "Table") -> Iterator[Entry]:
        from moto.dynamodb.models.utilities import dynamo_json_dump

        filters = [each for each in self.filters if each.table == table.name]
        if not table.stream_shard or not filters:
            return
        records = table.stream_shard.items
        for record in records[self._read_records.get(table.name, 0) :]:
            content = dynamo_json_dump(record.record)
            plain = json.loads(content)
            for each in filters:
                if pattern.matches_one_of(each.patterns, plain):
                    yield Entry(RECORD, each.mapping_id, plain["dynamodb"]["SequenceNumber"], content)
        self._read_records[table.name] = len(records)

    def record_objects(self, changes: list[Change], events: list[dict[str, Any]]) -> None:
        """Record the objects that a request changed, and the events that announce them."""
        with self._lock, _end_on_failure():
            before = [self.files.pop((each.bucket, each.key), None) for each in changes]
            entries = [self._save_object(each.bucket, each.key) for each in changes]
            entries += [Entry(EVENT, "", event["id"], json.dumps(event)) for event in events]
            self.journal.write(entries)
        for name in filter(None, before):
            (self.folder / name).unlink(missing_ok=True)

    def _save_object(self, bucket: str, key: str) -> Entry:
        from moto.s3.models import FakeDeleteMarker, s3_backends

        stored = s3_backends[ACCOUNT]["aws"].get_bucket(bucket).keys.get(key)
        if stored is None or isinstance(stored, FakeDeleteMarker):
            return Entry(OBJECT, bucket, key)
        name = self.files[bucket, key] = f"{uuid.uuid4().hex}.object"
        (self.folder / name).write_bytes(stored.value)
        return Entry(OBJECT, bucket, key, json.dumps({"file": name, **_object_facts(stored)}))

    def record_secrets(self) -> None:
        """Record the current values of the secrets."""
        from moto.secretsmanager.exceptions import SecretsManagerClientError
        from moto.secretsmanager.models import secretsmanager_backends

        backend = secretsmanager_backends[ACCOUNT][REGION]
        changes = []
        with self._lock:
            for name in self.secrets:
                try:
                    value = backend.get_secret_value(name, "", "AWSCURRENT")
                except SecretsManagerClientError:  # it has no value yet
                    continue
                changes.append(Entry(SECRET, "", name, json.dumps(value["SecretString"])))
            self._write(changes)

    def record_queues(self) -> None:
        """Record the messages of every queue from now on, whoever sends or deletes them."""
        from moto.sqs.models import Message, Queue, SQSBackend

        add, delete, mark_received = Queue.add_message, Queue.delete_message, Message.mark_received
        purge = SQSBackend.purge_queue

        def add_message(queue: Queue, message: Message) -> None:
            # A message that is received too often moves to another queue.
            before = getattr(message, "queue_name", queue.name)
            message.queue_name = queue.name
            moved = [Entry(MESSAGE, before, message.id)] if before != queue.name else []
            self._write([*moved, _message_entry(message)])
            add(queue, message)

        def delete_message(queue: Queue, handle: str) -> None:
            ids = [message.id for message in queue._messages if message.had_receipt_handle(handle)]  # noqa: SLF001
            delete(queue, handle)
            self._write(Entry(MESSAGE, queue.name, each) for each in ids)

        def mark_message_received(message: Message, visibility_timeout: int | None = None) -> None:
            mark_received(message, visibility_timeout)
            self._write([_message_entry(message)])

        def purge_queue(backend: SQSBackend, queue_name: str) -> None:
            ids = [message.id for message in backend.get_queue(queue_name)._messages]  # noqa: SLF001
            purge(backend, queue_name)
            self._write(Entry(MESSAGE, queue_name, each) for each in ids)

        Queue.add_message, Queue.delete_message = add_message, delete_message
        Message.mark_received, SQSBackend.purge_queue = mark_message_received, purge_queue

    def confirm(self, confirmation: dict[str, str]) -> None:
        """Remove the records of a mapping up to a sequence number, or an event of an object."""
        if "event" in confirmation:
            self._write([Entry(EVENT, "", confirmation["event"])])
        else:
            with _end_on_failure():
                self.journal.remove_up_to(RECORD, confirmation["mapping"], confirmation["sequence"])

    def _write(self, changes: Iterable[Entry]) -> None:
        with _end_on_failure():
            self.journal.write(changes)


@contextlib.contextmanager
def _end_on_failure() -> Iterator[None]:
    """End the process if the disk refuses a write, for example because it is full."""
    try:
        yield
    except (sqlite3.Error, OSError):
        # The services have data that the journal lacks. No later request may be answered from them.
        traceback.print_exc()
        os._exit(1)


def message_content(message: "Message") -> dict[str, Any]:
    """Return what the journal holds of a message; times are milliseconds since 1970."""
    return {
        "body": message.body,
        "attributes": message.message_attributes,
        "system_attributes": message.system_attributes,
        "sent": message.sent_timestamp,
        "first_received": message.approximate_first_receive_timestamp,
        "receives": message.approximate_receive_count,
    }


def _message_entry(message: "Message") -> Entry:
    return Entry(MESSAGE, message.queue_name, message.id, json.dumps(message_content(message)))


def _object_facts(stored: "FakeKey") -> dict[str, Any]:
    return {
        "etag": stored.etag.strip('"'),
        "metadata": dict(stored.metadata),
        "last_modified": stored.last_modified.isoformat(),
        "version": stored.version_id,
    }


def _item_key(write: Write) -> str:
    return json.dumps([write.hash_key] if write.range_key is None else [write.hash_key, write.range_key])


def _item_content(write: Write) -> str | None:
    from moto.dynamodb.models.utilities import dynamo_json_dump

    item = write.item()
    content: str | None = dynamo_json_dump(item.to_json()["Attributes"]) if item else None
    return content
