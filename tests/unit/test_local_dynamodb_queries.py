"""Queries of the embedded DynamoDB by sorted keys give moto's own answers."""

import random
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.services.dynamodb_queries import update_sorted_keys, use_sorted_keys
from tavus_callbacks_cli.local_stack.services.dynamodb_writes import Write

ASK_MOTO, ASK_SORTED_KEYS = Table.query, use_sorted_keys(Table.query)
# Few values, so that keys are put again, ties occur in indexes, and prefixes match several keys.
PARTITIONS, SORTS = ["a", "b", "é"], ["", "0", "1", "10", "11", "1\uffff", "2", "é", "\U0001f600"]
INDEXES = {
    None: ("pk", "sk"),
    "listing": ("shelf", "place"),
    "by_weight": ("shelf", "weight"),
    "by_shard": ("shelf", "sk"),
}
COMPARISONS = ["=", "<", "<=", ">", ">=", "BETWEEN", "BEGINS_WITH", None]


@pytest.fixture
def table():
    """Create a table with three indexes, one of numbers and one without a sort key."""

    def keys(*names):
        return [
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
        ]

    def index(name, *names):
        return {"IndexName": name, "KeySchema": keys(*names), "Projection": {"ProjectionType": "KEYS_ONLY"}}

    with mock_aws():
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName="queried",
            KeySchema=keys("pk", "sk"),
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "N" if name == "weight" else "S"}
                for name in ("pk", "sk", "shelf", "place", "weight")
            ],
            GlobalSecondaryIndexes=[
                index("listing", "shelf", "place"),
                index("by_weight", "shelf", "weight"),
                index("by_shard", "shelf"),
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield dynamodb_backends[ACCOUNT][REGION].tables["queried"]


def write(table, choose):
    """Put, update or delete a random item and report it."""
    key = {"pk": {"S": choose(PARTITIONS)}, "sk": {"S": choose(SORTS[1:])}}
    index_keys = {"shelf": {"S": choose(PARTITIONS)}, "place": {"S": choose(SORTS[1:])}}
    index_keys |= {"weight": {"N": choose(["-1", "0", "2", "10", "9.5"])}}
    attributes = {name: value for name, value in index_keys.items() if choose([True, True, True, False])}
    backend = dynamodb_backends[ACCOUNT][REGION]
    operation = choose(["put", "put", "update", "delete"])
    if operation == "put":
        backend.put_item("queried", key | attributes | {"expires_at": {"N": "1"}})
    elif operation == "update" and attributes:
        values = {f":{name}": value for name, value in attributes.items()}
        expression = "SET " + ", ".join(f"{name} = :{name}" for name in attributes)
        backend.update_item("queried", key, expression, {}, values)
    else:
        backend.delete_item("queried", key)
    update_sorted_keys([Write(table, key["pk"], key["sk"])])


def question(choose):
    """Make the arguments of a random query, in the form that moto's backend uses."""
    name = choose(list(INDEXES))
    hash_attribute, sort_attribute = INDEXES[name]
    comparison = choose(COMPARISONS) if name != "by_shard" else None
    is_number = name == "by_weight"
    comparison = None if is_number and comparison == "BEGINS_WITH" else comparison
    count = {None: 0, "BETWEEN": 2}.get(comparison, 1)
    values = [
        DynamoType({"N": choose(["-1", "1", "9.5"])} if is_number else {"S": choose(SORTS)})
        for _ in range(count)
    ]
    partition = DynamoType({"S": choose([*PARTITIONS, "none"])})
    filtered = choose([None, None, "attribute_exists(expires_at)"])
    return SimpleNamespace(
        positional=[partition, comparison, values],
        forward=choose([True, False]),
        limit=choose([None, 1, 2, 3, 5]),
        named={
            "projection_expressions": choose([[], [["sk"]]]),
            "index_name": name,
            "filter_expression": get_filter_expression(filtered, {}, {}),
            "hash_key_conditions": [(hash_attribute, partition)],
            "range_key_conditions": [(sort_attribute, comparison, values)] if comparison else [],
        },
    )


def answers(ask, table, asked):
    """Return the pages of a query until its end."""
    start, pages = None, []
    while len(pages) < 100:
        items, scanned, last = ask(table, *asked.positional, asked.limit, start, asked.forward, **asked.named)
        pages.append(([item.to_json() for item in items], scanned, last))
        if last is None:
            return pages
        start = {name: {value.type: value.value} for name, value in last.items()}
    raise AssertionError("a query does not end")


@pytest.mark.parametrize("seed", range(2))
def test_sorted_keys_give_the_answers_of_moto(table, seed):
    """Puts, updates that move items in indexes, and deletes: every page equals moto's, cursor included."""
    choose = random.Random(seed).choice  # noqa: S311 - chooses test data
    for _ in range(120):
        write(table, choose)
        asked = question(choose)

        assert answers(ASK_MOTO, table, asked) == answers(ASK_SORTED_KEYS, table, asked), asked


@pytest.mark.parametrize("forward", [True, False])
def test_a_page_ends_at_a_megabyte(table, forward):
    """A query without a limit is cut where moto cuts it."""
    for number in range(5):
        item = {"pk": {"S": "a"}, "sk": {"S": str(number)}, "text": {"S": "x" * 300_000}}
        dynamodb_backends[ACCOUNT][REGION].put_item("queried", item)
    partition = DynamoType({"S": "a"})
    asked = SimpleNamespace(
        positional=[partition, None, []],
        forward=forward,
        limit=None,
        named={"projection_expressions": [["sk"]]},
    )

    pages = answers(ASK_SORTED_KEYS, table, asked)

    assert answers(ASK_MOTO, table, asked) == pages
    assert [3, 2] == [len(items) for items, _, _ in pages]
