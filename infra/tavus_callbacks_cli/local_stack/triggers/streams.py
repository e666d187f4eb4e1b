"""Event source mappings of DynamoDB streams, each in a thread that reads after a write.

Nothing reads while nothing happens: moto keeps every iterator that it ever returned.
"""

import base64
import json
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import filterfalse, islice
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.functions.dead_letters import Shard, bucket_of
from tavus_callbacks_cli.local_stack.template import pattern
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable
from tavus_callbacks_cli.local_stack.triggers.batches import Record, RetryRules
from tavus_callbacks_cli.local_stack.triggers.queues import reads_queue
from tavus_callbacks_cli.local_stack.triggers.reader_thread import run_reader

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

    from tavus_callbacks_cli.local_stack.template.template import Template

_DEFAULT_BATCH = 100
_UNLIMITED = -1
_READ_AT_MOST = 1000
# Records that are not delivered within this time after the end are left to the next run.
_SECONDS_TO_END = 1.0

# Returns False if the stack ends before the records are delivered.
DeliverBatch = Callable[[Shard, list[Record]], bool]


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
        """Tell whether one of the filters matches the record; without filters, every record does."""
        return pattern.matches_one_of(self.patterns, record)


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


class Stream:
    """The shards of a table's stream and the position in each; for use by one thread.

    `backlog` has records that an earlier run of the stack did not deliver. Nothing is delivered any more once
    `deliver` returns False.
    """

    def __init__(
        self,
        mapping: StreamMapping,
        client: "DynamoDBStreamsClient",
        deliver: DeliverBatch,
        backlog: Iterable[Record] = (),
    ) -> None:
        self.has_caught_up = threading.Event()
        self._mapping, self._client, self._deliver, self._backlog = mapping, client, deliver, backlog
        self._is_stopped, self._ended, self._deadline = False, threading.Event(), math.inf
        [stream] = client.list_streams(TableName=mapping.table)["Streams"]
        self._arn = stream["StreamArn"]
        shards = client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._iterators = {
            shard["ShardId"]: client.get_shard_iterator(
                StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )["ShardIterator"]
            for shard in shards
        }

    def run(self, woken: threading.Event) -> AbstractContextManager[None]:
        """Deliver the backlog and the records that are written from now on, until the block ends.

        It starts now even for TRIM_HORIZON: the stack starts here, and restored records are not new.
        """
        return run_reader(self.follow, woken, f"stream {self._mapping.table}")

    def follow(self, woken: threading.Event, ended: threading.Event) -> None:
        """Deliver new records after each write; once `ended` is set, deliver the rest for a moment."""
        self._ended = ended
        # They were not due while the stack was stopped, so they are as old as this run.
        now = time.time()
        for record in self._backlog:
            record["dynamodb"]["ApproximateCreationDateTime"] = now
        self._deliver_batches(next(iter(self._iterators)), map(self._complete, self._backlog))
        self.has_caught_up.set()
        while not ended.is_set():
            woken.wait()
            woken.clear()
            self.deliver_new()
        self.deliver_new()

    def deliver_new(self) -> None:
        """Deliver the new records, shard by shard, in order."""
        for shard_id in self._iterators:
            self._deliver_batches(shard_id, filter(self._mapping.accepts, self._new_records(shard_id)))

    def _deliver_batches(self, shard_id: str, records: Iterator[Record]) -> None:
        shard = Shard(self._mapping.mapping_id, self._arn, shard_id)
        while not self._is_over() and (batch := list(islice(records, self._mapping.batch_size))):
            self._is_stopped = not self._deliver(shard, batch)

    def _is_over(self) -> bool:
        if self._ended.is_set():
            self._deadline = min(self._deadline, time.monotonic() + _SECONDS_TO_END)
        # A later batch must not be delivered without this one: it would confirm this one, too.
        self._is_stopped = self._is_stopped or time.monotonic() > self._deadline
        return self._is_stopped

    def _new_records(self, shard_id: str) -> Iterator[Record]:
        """Yield records in the form that Lambda uses: bytes in base64, times as Unix seconds."""
        has_more = True
        while has_more:
            answer = self._client.get_records(ShardIterator=self._iterators[shard_id], Limit=_READ_AT_MOST)
            self._iterators[shard_id] = answer["NextShardIterator"]
            has_more = len(answer["Records"]) == _READ_AT_MOST
            for record in answer["Records"]:
                plain: Record = json.loads(json.dumps(record, default=_plain))
                yield self._complete(plain)

    def _complete(self, record: Record) -> Record:
        return {**record, "awsRegion": REGION, "eventSourceARN": self._arn}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
