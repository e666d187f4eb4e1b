"""The faster parts of the embedded services give moto's own answers."""

from decimal import Decimal

import boto3
import pytest
from botocore.config import Config
from moto import backends, mock_aws
from moto.core import responses
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamRecord, Table
from moto.dynamodb.responses import DynamoResult
from moto.dynamodbstreams.models import DynamoDBStreamsBackend, ShardIterator

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.services import faster_moto

REPLACED = [
    (Table, "query"),
    (Item, "__init__"),
    (Item, "project"),
    (BaseJSONSerializer, "_serialize_type_map"),
    (DynamoResult, "__init__"),
    (DynamoDBStreamsBackend, "get_records"),
    (backends, "list_of_moto_modules"),
    (responses, "method_names_from_class"),
    *((model, "instances_tracked") for model in (Item, StreamRecord, ShardIterator)),
]
NESTED = {
    "text": "é\U0001f600",
    "number": Decimal("5.50"),
    "bytes": b"\x00\xff",
    "flag": False,
    "nothing": None,
    "list": [1, "two", b"3", {"four": [b"4"]}],
    "map": {"empty": {}, "nested": {"bytes": b"5"}},
    "texts": {"a"},
    "binaries": {b"6"},
}


@pytest.fixture
def make_faster(monkeypatch):
    """Return the function that makes moto faster; everything it replaces is restored after the test."""
    for owner, name in REPLACED:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    return faster_moto.make_moto_faster


def answers():
    """Send every kind of request and return all answers."""
    return [_without_chance(answer) for answer in _ask_everything()]


def _create_table():
    names = ("pk", "sk", "shelf")
    return boto3.resource("dynamodb", region_name=REGION).create_table(
        TableName="asked",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "shelves",
                "KeySchema": [{"AttributeName": "shelf", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["bytes", "map"]},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


def _ask_everything():
    with mock_aws():
        table = _create_table()
        keys = [{"pk": "p", "sk": str(number)} for number in range(4)]
        for key in keys:
            yield table.put_item(Item={**key, **NESTED, "shelf": "s"}, ReturnValues="ALL_OLD")
        yield table.put_item(Item={**keys[0], "shelf": "s"}, ReturnValues="ALL_OLD")
        change = {"UpdateExpression": "SET flag = :new", "ExpressionAttributeValues": {":new": True}}
        yield table.update_item(Key=keys[1], **change, ReturnValues="ALL_NEW")
        yield table.update_item(Key=keys[1], **change, ReturnValues="UPDATED_OLD")
        yield table.delete_item(Key=keys[2], ReturnValues="ALL_OLD")
        client = table.meta.client
        with pytest.raises(client.exceptions.ConditionalCheckFailedException) as refused:
            table.put_item(
                Item=keys[1],
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        yield refused.value.response
        yield table.get_item(Key=keys[1])
        paths = {"ProjectionExpression": "#bytes, #map.nested"}
        paths["ExpressionAttributeNames"] = {"#bytes": "bytes", "#map": "map"}
        yield table.get_item(Key=keys[1], **paths)
        yield client.batch_get_item(RequestItems={"asked": {"Keys": keys}})
        yield table.scan(Limit=2)
        for index in ({}, {"IndexName": "shelves"}):
            name = "shelf" if index else "pk"
            asked = {"KeyConditionExpression": "#key = :key", "ExpressionAttributeNames": {"#key": name}}
            values = {":key": "s" if index else "p"}
            for more in ({}, {"Limit": 1}, {"Select": "COUNT"}, {"ProjectionExpression": "bytes, sk"}):
                yield table.query(**asked, ExpressionAttributeValues=values, **index, **more)
        yield from _read_stream(table)


def _read_stream(table):
    # Moto knows the address of streams that has no account in it.
    plain = Config(account_id_endpoint_mode="disabled")
    streams = boto3.client("dynamodbstreams", region_name=REGION, config=plain)
    [shard] = streams.describe_stream(StreamArn=table.latest_stream_arn)["StreamDescription"]["Shards"]
    asked = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(StreamArn=table.latest_stream_arn, **asked)["ShardIterator"]
    yield streams.get_records(ShardIterator=iterator)["Records"]


def _without_chance(answer):
    if isinstance(answer, list):
        return [_without_chance(each) for each in answer]
    if isinstance(answer, dict):
        # The size of a record counts the digits of its time.
        chance = {"ResponseMetadata", "eventID", "ApproximateCreationDateTime", "SizeBytes"}
        return {name: _without_chance(value) for name, value in answer.items() if name not in chance}
    return answer


def test_every_answer_stays_the_same(make_faster):
    """Writes, reads, pages, refusals and stream records, with values of every type, are those of moto."""
    before = answers()
    make_faster()

    assert before == answers()


def test_an_item_that_is_too_large_is_still_refused(make_faster):
    """The limit of 400 KB holds for the whole item."""
    make_faster()
    with mock_aws():
        client = boto3.client("dynamodb", region_name=REGION)
        key = {"AttributeName": "pk", "KeyType": "HASH"}
        client.create_table(TableName="small", KeySchema=[key], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])  # fmt: skip
        halves = {name: {"S": "x" * 210_000} for name in ("left", "right")}

        with pytest.raises(client.exceptions.ClientError, match="Item size"):
            client.put_item(TableName="small", Item={"pk": {"S": "p"}, **halves})


def test_old_iterators_and_objects_do_not_pile_up(make_faster):
    """A stack runs for days: moto forgets iterators that nobody uses, and the copies of items."""
    make_faster()
    backend = DynamoDBStreamsBackend(REGION, "1")
    backend.shard_iterators = dict.fromkeys(map(str, range(2 * faster_moto.MOST_ITERATORS)))
    backend.shard_iterators["latest"] = iterator = type("Iterator", (), {"get": lambda *_: {"Records": []}})()

    assert {"Records": []} == backend.get_records("latest", 1)
    assert faster_moto.MOST_ITERATORS == len(backend.shard_iterators)
    assert iterator is backend.shard_iterators["latest"]
    assert not Item.instances_tracked
