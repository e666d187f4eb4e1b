"""Event source mappings of DynamoDB streams, each in a thread that reads after a write.

Nothing reads while nothing happens: moto keeps every iterator that it ever returned.
"""

import base64
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import filterfalse, islice
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.functions.dead_letters import Shard, bucket_of
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable
from tavus_callbacks_cli.local_stack.triggers import pattern
from tavus_callbacks_cli.local_stack.triggers.batches import Record, RetryRules
from tavus_callbacks_cli.local_stack.triggers.queues import reads_queue
from tavus_callbacks_cli.local_stack.triggers.reader_thread import run_reader

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

    from tavus_callbacks_cli.local_stack.template.template import Template

_DEFAULT_BATCH = 100
_UNLIMITED = -1

DeliverBatch = Callable[[Shard, list[Record]], None]


@dataclass(frozen=True)
class StreamMapping:
    """The template's settings of a mapping; `function` is a logical id."""

    mapping_id: str
    table: str
    function: str
    patterns: tuple[pattern.Pattern, ...]
    batch_size: int
    rules: RetryRules
    failed_bucket: str | None

    def accepts(self, record: Record) -> bool:
        """Tell whether one of the filters matches the record, or there are none."""
        return not self.patterns or any(pattern.matches(each, record) for each in self.patterns)


def stream_mappings_of(template: "Template") -> list[StreamMapping]:
    """Return the mappings of a template's streams; raises click.ClickException for unsupported ones."""
    names = [table.name for table in template.of_type("AWS::DynamoDB::Table")]
    mappings = []
    for resource in filterfalse(reads_queue, template.of_type("AWS::Lambda::EventSourceMapping")):
        properties = resource.properties
        arn = properties["EventSourceArn"]
        table = next((name for name in names if f":table/{name}/stream/" in arn), None)
        if table is None:
            what = "its EventSourceArn"
            raise uninterpretable(resource.logical_id, what, "only streams of its tables are read")
        filters = properties.get("FilterCriteria", {}).get("Filters", ())
        try:
            patterns = tuple(json.loads(each["Pattern"]) for each in filters)
            for each in patterns:
                pattern.check(each)
            mapping = StreamMapping(
                mapping_id=str(uuid.uuid5(uuid.NAMESPACE_URL, resource.name)),
                table=table,
                function=template.function(properties["FunctionName"]),
                patterns=patterns,
                batch_size=int(properties.get("BatchSize", _DEFAULT_BATCH)),
                rules=_retry_rules(properties),
                failed_bucket=bucket_of(properties.get("DestinationConfig")),
            )
        except ValueError as error:
            remedy = "let infra/tavus_callbacks_cli/local_stack/triggers/streams.py interpret it"
            raise uninterpretable(resource.logical_id, str(error), remedy) from error
        mappings.append(mapping)
    return mappings


def _retry_rules(properties: dict[str, Any]) -> RetryRules:
    retries = int(properties.get("MaximumRetryAttempts", _UNLIMITED))
    max_age = int(properties.get("MaximumRecordAgeInSeconds", _UNLIMITED))
    return RetryRules(
        retries=None if retries == _UNLIMITED else retries,
        max_age=None if max_age == _UNLIMITED else max_age,
        bisects=bool(properties.get("BisectBatchOnFunctionError", False)),
        takes_partial_answers="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
    )


def follow_stream(
    mapping: StreamMapping, client: "DynamoDBStreamsClient", woken: threading.Event, deliver: DeliverBatch
) -> AbstractContextManager[None]:
    """Deliver the records that are written from now on, until the block ends and all are delivered.

    It starts now even for TRIM_HORIZON: the stack starts here, and restored records are not new.
    """
    return run_reader(Stream(mapping, client, deliver).follow, woken, f"stream {mapping.table}")


class Stream:
    """The shards of a table's stream and the position in each; for use by one thread."""

    def __init__(
        self, mapping: StreamMapping, client: "DynamoDBStreamsClient", deliver: DeliverBatch
    ) -> None:
        self._mapping, self._client, self._deliver = mapping, client, deliver
        [stream] = client.list_streams(TableName=mapping.table)["Streams"]
        self._arn = stream["StreamArn"]
        shards = client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._iterators = {
            shard["ShardId"]: client.get_shard_iterator(
                StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )["ShardIterator"]
            for shard in shards
        }

    def follow(self, woken: threading.Event, ended: threading.Event) -> None:
        """Deliver new records after each write; once `ended` is set, deliver the rest."""
        while not ended.is_set():
            woken.wait()
            woken.clear()
            self.deliver_new()
        self.deliver_new()

    def deliver_new(self) -> None:
        """Deliver the new records, shard by shard, in order."""
        for shard_id in self._iterators:
            shard = Shard(self._mapping.mapping_id, self._arn, shard_id)
            records = filter(self._mapping.accepts, self._new_records(shard_id))
            while batch := list(islice(records, self._mapping.batch_size)):
                self._deliver(shard, batch)

    def _new_records(self, shard_id: str) -> Iterator[Record]:
        """Yield records in the form that Lambda uses: bytes in base64, times as Unix seconds."""
        records: list[Any] = [None]
        while records:
            answer = self._client.get_records(ShardIterator=self._iterators[shard_id])
            self._iterators[shard_id] = answer["NextShardIterator"]
            records = answer["Records"]
            for record in records:
                plain: Record = json.loads(json.dumps(record, default=_plain))
                yield {**plain, "awsRegion": REGION, "eventSourceARN": self._arn}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
