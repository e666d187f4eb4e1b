"""Opens the journal of a local stack and fills the embedded services from it, without requests.

Data that do not fit the template are left out. The whole folder is then copied next to itself, and so is a
folder that cannot be read.
"""

import contextlib
import gc
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.services.dynamodb_writes import Write
from tavus_callbacks_cli.local_stack.services.journal import (
    EVENT,
    FILE_NAME,
    ITEM,
    MESSAGE,
    OBJECT,
    RECORD,
    SECRET,
    Entry,
    Journal,
    UnreadableJournal,
)
from tavus_callbacks_cli.local_stack.services.old_snapshot import old_entries
from tavus_callbacks_cli.local_stack.services.recorder import Recorder, RecordFilter

if TYPE_CHECKING:
    from moto.dynamodb.models.table import Table


class Mismatch(Exception):
    """An entry has no place in the template's resources; the text says why."""


@dataclass(frozen=True)
class Restored:
    """The content of a journal: items, deliveries that are due, and a note if some data do not fit.

    `records` has the records of streams by mapping, in order, and `events` the events of objects.
    """

    recorder: Recorder
    items: list[Write]
    records: dict[str, list[Any]]
    events: list[Any]
    note: str | None


def open_journal(folder: Path, filters: list[RecordFilter], secrets: list[str]) -> Restored:
    """Fill the services, which have the template's empty resources, and record every change from now on."""
    try:
        journal, entries = _read(folder)
        restoration = _Restoration(folder, {each.mapping_id for each in filters}, secrets)
        with _without_collector():
            mismatches = restoration.put(entries)
        reasons = sorted(set(mismatches.values()))
        aside = _copy_aside(folder) if mismatches else None
        journal.write(entry._replace(content=None) for entry in mismatches)
    except UnreadableJournal as error:
        reasons, aside = [f"it cannot be read: {error}"], _copy_aside(folder)
        for path in folder.iterdir():
            path.unlink()
        journal, restoration = Journal(folder), _Restoration(folder, set(), secrets)
    _remove_other_files(folder, set(restoration.files.values()))
    _continue_sequences(restoration.records)
    recorder = Recorder(journal, folder, restoration.files, filters, secrets)
    recorder.record_queues()
    recorder.record_secrets()
    note = f"data of another template: {'; '.join(reasons)}; the old data are kept in {aside}"
    return Restored(
        recorder, restoration.items, restoration.records, restoration.events, note if aside else None
    )


def _read(folder: Path) -> tuple[Journal, list[tuple[Entry, Any]]]:
    """Return the journal, and its entries with their content, all of it before any is used."""
    keys = {name: table.table_key_attrs for name, table in _tables().items()}
    journal = Journal(folder, old_entries(folder, keys))
    try:
        return journal, [(entry, entry.value()) for entry in journal.entries()]
    except UnreadableJournal:
        journal.close()
        raise


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Make many objects that stay: the garbage collector would go through all of them again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


class _Restoration:
    """The data that are in the services, and those that the services do not hold."""

    def __init__(self, folder: Path, mappings: set[str], secrets: list[str]) -> None:
        self.items: list[Write] = []
        self.files: dict[tuple[str, str], str] = {}
        self.records: dict[str, list[Any]] = {}
        self.events: list[Any] = []
        self._folder, self._mappings, self._secrets = folder, mappings, secrets
        self._tables = _tables()
        self._put: dict[str, Callable[[Entry, Any], None]] = {
            ITEM: self._put_item,
            OBJECT: self._put_object,
            MESSAGE: self._put_message,
            SECRET: self._put_secret,
            RECORD: self._put_record,
            EVENT: lambda _entry, event: self.events.append(event),
        }

    def put(self, entries: Iterable[tuple[Entry, Any]]) -> dict[Entry, str]:
        """Put entries and their content into the services; return those that do not fit, with the reasons."""
        mismatches: dict[Entry, str] = {}
        for entry, value in entries:
            try:
                self._put[entry.kind](entry, value)
            except Mismatch as error:
                mismatches[entry] = str(error)
        return mismatches

    def _put_item(self, entry: Entry, attributes: Any) -> None:
        from moto.dynamodb.models.dynamo_type import DynamoType, Item

        table = self._tables.get(entry.place)
        if table is None:
            raise Mismatch(f"no table {entry.place}")
        hash_key, range_key = _keys(table, attributes)
        item = Item(DynamoType(hash_key), range_key and DynamoType(range_key), {})
        # Item itself adds up the sizes of all attributes.
        dict.update(item.attrs, {name: DynamoType(value) for name, value in attributes.items()})
        if item.range_key is None:
            table.items[item.hash_key] = item
        else:
            table.items[item.hash_key][item.range_key] = item
        self.items.append(Write(table, hash_key, range_key))

    def _put_object(self, entry: Entry, facts: Any) -> None:
        from moto.s3.models import s3_backends

        backend, path = s3_backends[ACCOUNT]["aws"], self._folder / facts["file"]
        if entry.place not in backend.buckets:
            raise Mismatch(f"no bucket {entry.place}")
        if not path.exists():
            raise Mismatch(f"no file {path.name}")
        stored = backend.put_object(
            entry.place,
            entry.key,
            path.read_bytes(),
            etag=facts.get("etag"),
            disable_notification=True,
        )
        stored.set_metadata(facts["metadata"])
        # An earlier version did not keep these.
        stored._version_id = facts.get("version", stored._version_id)  # noqa: SLF001
        if "last_modified" in facts:
            stored.last_modified = datetime.fromisoformat(facts["last_modified"])
        self.files[entry.place, entry.key] = path.name

    def _put_message(self, entry: Entry, content: Any) -> None:
        from moto.sqs.models import Message, sqs_backends

        queue = sqs_backends[ACCOUNT][REGION].queues.get(entry.place)
        if queue is None:
            raise Mismatch(f"no queue {entry.place}")
        message = Message(entry.key, content["body"], content["system_attributes"])
        message.message_attributes = content["attributes"]
        message.sent_timestamp = content["sent"]
        message.approximate_first_receive_timestamp = content["first_received"]
        message.approximate_receive_count = content["receives"]
        message.queue_name = queue.name
        queue._messages.append(message)  # noqa: SLF001

    def _put_secret(self, entry: Entry, value: Any) -> None:
        from moto.secretsmanager.models import secretsmanager_backends

        # The key of a slot that is gone from the template is not needed.
        if entry.key in self._secrets:
            backend = secretsmanager_backends[ACCOUNT][REGION]
            backend.put_secret_value(entry.key, value, None, None, ["AWSCURRENT"])

    def _put_record(self, entry: Entry, record: Any) -> None:
        if entry.place not in self._mappings:
            raise Mismatch("records for a function that is gone")
        self.records.setdefault(entry.place, []).append(record)


def _keys(table: "Table", attributes: Any) -> tuple[Any, Any]:
    """Return the values of an item's hash and range key; raises Mismatch if the table has others."""
    keys = {table.hash_key_attr: table.hash_key_type, table.range_key_attr: table.range_key_type}
    for name, kind in keys.items():
        if name is not None and kind not in attributes.get(name, {}):
            raise Mismatch(f"table {table.name}: an item has no {name} of type {kind}")
    return attributes[table.hash_key_attr], attributes.get(table.range_key_attr)


def _continue_sequences(records: dict[str, list[Any]]) -> None:
    """Let new records follow those that are due, so that both can be confirmed by their numbers."""
    numbers = [int(each["dynamodb"]["SequenceNumber"]) for due in records.values() for each in due]
    for table in _tables().values():
        if numbers and table.stream_shard:
            table.stream_shard.starting_sequence_number = max(numbers) + 1


def _tables() -> "dict[str, Table]":
    from moto.dynamodb.models import dynamodb_backends

    tables: dict[str, Table] = dynamodb_backends[ACCOUNT][REGION].tables
    return tables


def _copy_aside(folder: Path) -> Path:
    aside = folder.with_name(f"{folder.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    shutil.copytree(folder, aside, dirs_exist_ok=True)
    return aside


def _remove_other_files(folder: Path, files: Iterable[str]) -> None:
    """Remove the files of an earlier version, and bytes of objects whose entry was never written."""
    for path in folder.iterdir():
        if not path.name.startswith(FILE_NAME) and path.name not in files:
            path.unlink()
