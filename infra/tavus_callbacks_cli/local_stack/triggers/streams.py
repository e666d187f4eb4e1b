"""Event source mappings on DynamoDB streams: each a thread that reads when something was written.

Nothing is asked for while nothing happens: moto keeps every iterator that it ever gave.
"""

import base64
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.functions.dead_letters import Shard, bucket_of
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable
from tavus_callbacks_cli.local_stack.triggers import pattern
from tavus_callbacks_cli.local_stack.triggers.batches import Record, Rules
from tavus_callbacks_cli.local_stack.triggers.queues import is_of_queue
from tavus_callbacks_cli.local_stack.triggers.waiting import reading

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_DEFAULT_BATCH = 100
_FOR_EVER = -1

Take = Callable[[Shard, list[Record]], None]


@dataclass(frozen=True)
class Mapping:
    """What the template says of a mapping; `function` is a logical id, `window` in seconds."""

    mapping_id: str
    table: str
    function: str
    patterns: tuple[pattern.Pattern, ...]
    batch_size: int
    window: int
    rules: Rules
    failed_bucket: str | None


def mappings_of(template: "Template") -> list[Mapping]:
    """Read the mappings of a template's streams; raises click.ClickException for what is not understood."""
    mappings = template.of_type("AWS::Lambda::EventSourceMapping")
    return [_mapping(resource, template) for resource in mappings if not is_of_queue(resource)]


def _mapping(resource: "Resource", template: "Template") -> Mapping:
    properties = resource.properties
    tables = {
        f":table/{table.name}/stream/": table.name for table in template.of_type("AWS::DynamoDB::Table")
    }
    found = [name for part, name in tables.items() if part in properties["EventSourceArn"]]
    if not found:
        raise uninterpretable(
            resource.logical_id, "its EventSourceArn", "only streams of its tables are read"
        )
    try:
        return Mapping(
            mapping_id=str(uuid.uuid5(uuid.NAMESPACE_URL, resource.name)),
            table=found[0],
            function=template.function(properties["FunctionName"]),
            patterns=tuple(_patterns(properties)),
            batch_size=int(properties.get("BatchSize", _DEFAULT_BATCH)),
            window=int(properties.get("MaximumBatchingWindowInSeconds", 0)),
            rules=_rules(properties),
            failed_bucket=bucket_of(properties.get("DestinationConfig")),
        )
    except ValueError as error:
        remedy = "let infra/tavus_callbacks_cli/local/ interpret it"
        raise uninterpretable(resource.logical_id, str(error), remedy) from error


def _patterns(properties: dict[str, Any]) -> Iterator[pattern.Pattern]:
    for criterion in properties.get("FilterCriteria", {}).get("Filters", ()):
        written = json.loads(criterion["Pattern"])
        pattern.check(written)
        yield written


def _rules(properties: dict[str, Any]) -> Rules:
    retries = int(properties.get("MaximumRetryAttempts", _FOR_EVER))
    max_age = int(properties.get("MaximumRecordAgeInSeconds", _FOR_EVER))
    return Rules(
        retries=None if retries == _FOR_EVER else retries,
        max_age=None if max_age == _FOR_EVER else max_age,
        bisects=bool(properties.get("BisectBatchOnFunctionError", False)),
        takes_partial_answers="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
    )


def is_wanted(mapping: Mapping, record: Record) -> bool:
    """Tell whether one of the mapping's filters, if it has any, takes the record."""
    return not mapping.patterns or any(pattern.matches(each, record) for each in mapping.patterns)


def following(
    mapping: Mapping, client: "DynamoDBStreamsClient", woken: threading.Event, take: Take
) -> AbstractContextManager[None]:
    """Give the records that are written from now on to `take`, until the block ends and all are given.

    From now on even for TRIM_HORIZON: a stack begins here, and what a restore put back is no news.
    """
    stream = Stream(mapping, client, take)
    return reading(partial(_follow, stream), woken, f"stream {mapping.table}")


def _follow(stream: "Stream", woken: threading.Event, ended: threading.Event) -> None:
    while not ended.is_set():
        woken.wait()
        # Lambda's window opens earlier, when the last invocation has ended, and a full batch does not wait.
        ended.wait(stream.window)
        woken.clear()
        stream.read_on()
    stream.read_on()


class Stream:
    """The shards of a table's stream and how far each was read; one thread's own."""

    def __init__(self, mapping: Mapping, client: "DynamoDBStreamsClient", take: Take) -> None:
        self._mapping, self._client, self._take = mapping, client, take
        self.window = mapping.window
        [stream] = client.list_streams(TableName=mapping.table)["Streams"]
        self._arn = stream["StreamArn"]
        shards = client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._iterators = {shard["ShardId"]: self._latest(shard["ShardId"]) for shard in shards}

    def _latest(self, shard_id: str) -> str:
        return self._client.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard_id, ShardIteratorType="LATEST"
        )["ShardIterator"]

    def read_on(self) -> None:
        """Give what is new, shard by shard, in its order."""
        for shard_id in self._iterators:
            shard = Shard(self._mapping.mapping_id, self._arn, shard_id)
            wanted = filter(partial(is_wanted, self._mapping), self._new(shard_id))
            while batch := list(islice(wanted, self._mapping.batch_size)):
                self._take(shard, batch)

    def _new(self, shard_id: str) -> Iterator[Record]:
        records: list[Any] = [None]
        while records:
            answer = self._client.get_records(ShardIterator=self._iterators[shard_id])
            self._iterators[shard_id] = answer["NextShardIterator"]
            records = answer["Records"]
            yield from self._as_sent(records)

    def _as_sent(self, records: Iterable[Any]) -> Iterator[Record]:
        """Give records the form in which Lambda hands them on: bytes in base64, times as Unix seconds."""
        for record in records:
            sent: Record = json.loads(json.dumps(record, default=_plain))
            yield {**sent, "awsRegion": REGION, "eventSourceARN": self._arn}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
