"""One table of DynamoDB: keys, items and values are plain, and every method of `Table` raises StoreDown.

The roles in template.yaml allow single operations on single partitions. Each method makes the one operation
that it is named after.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code, store_down
from tavus_callbacks.aws.items import Item, read_item, write_item, write_value
from tavus_callbacks.domain.common.errors import StoreDown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ABSENT = "attribute_not_exists(pk)"
# DynamoDB's own limit of keys in one BatchGetItem.
_BATCH = 100
# Seconds before each request for the same keys.
_PAUSES = (0, 0.1, 0.4, 1.6)


class Table:
    """A table by its name. `options` are further parameters of the operation, as botocore names them.

    A plain class, because making a dataclass lengthens every cold start.
    """

    __slots__ = ("client", "name")

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client, self.name = client, name

    def get(self, key: Item, *, consistent: bool = False) -> Item | None:
        """Return an item, or None."""
        with store_down():
            answer = self.client.get_item(TableName=self.name, Key=write_item(key), ConsistentRead=consistent)
        return read_item(answer["Item"]) if "Item" in answer else None

    def query(self, condition: str, values: Item, **options: Any) -> Iterator[Item]:
        """Yield all items that match a key condition; a request for each megabyte, made when it is needed."""
        request = {"TableName": self.name, **_key_condition(condition, values), **options}
        with store_down():
            for page in self.client.get_paginator("query").paginate(**request):
                yield from map(read_item, page["Items"])

    def query_page(self, condition: str, values: Item, **options: Any) -> tuple[list[Item], bool]:
        """Return the items of a single request, and whether there are more."""
        request: Any = {"TableName": self.name, **_key_condition(condition, values), **options}
        with store_down():
            answer = self.client.query(**request)
        return [read_item(wire) for wire in answer["Items"]], "LastEvaluatedKey" in answer

    def batch_get(self, keys: Iterable[Item], **options: Any) -> Iterator[Item]:
        """Yield the items that exist, in no order."""
        with store_down():
            yield from batch_get(self.client, self.name, keys, **options)

    def put(self, item: Item, condition: str | None = None, values: Item | None = None) -> bool:
        """Put an item if a condition holds; return whether it held."""
        request = {"Item": write_item(item), **_condition(condition, values)}
        with store_down():
            return try_write(self.client.put_item, TableName=self.name, **request)[0]

    def put_if_absent(self, item: Item) -> Item | None:
        """Put an item unless its key is taken; return the item that has the key, or None."""
        request = {"ConditionExpression": _ABSENT, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        with store_down():
            is_put, there = try_write(
                self.client.put_item, TableName=self.name, Item=write_item(item), **request
            )
        return None if is_put else read_item(there)

    def update(
        self, key: Item, attributes: Item, condition: str | None = None, values: Item | None = None
    ) -> bool:
        """Set attributes of an item, or make it, if a condition holds; return whether it held.

        Adds to the sets of texts that are there already.
        """
        request = _update(key, attributes, condition, values)
        with store_down():
            return try_write(self.client.update_item, TableName=self.name, **request)[0]

    def update_and_get(
        self, key: Item, attributes: Item, condition: str, values: Item | None = None
    ) -> Item | None:
        """Set attributes of an item if a condition holds; return the item as it is now, or None."""
        request = _update(key, attributes, condition, values)
        returned = {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        with store_down():
            _, item = try_write(self.client.update_item, TableName=self.name, **request, **returned)
        return read_item(item) or None

    def delete(self, key: Item, condition: str | None = None, values: Item | None = None) -> bool:
        """Delete an item, if there is one and a condition holds; return whether the condition held."""
        request = {"Key": write_item(key), **_condition(condition, values)}
        with store_down():
            return try_write(self.client.delete_item, TableName=self.name, **request)[0]


def batch_get(client: "DynamoDBClient", table: str, keys: Iterable[Item], **options: Any) -> Iterator[Item]:
    """Yield the items that exist, in no order; raises AWS's own errors.

    Asks again for what DynamoDB leaves out (16 MB an answer, or throttled), then raises StoreDown.
    """
    waiting = map(write_item, keys)
    while batch := list(islice(waiting, _BATCH)):
        request: Any = {table: {"Keys": batch, **options}}
        for pause in _PAUSES:
            time.sleep(pause)
            answer = client.batch_get_item(RequestItems=request)
            yield from map(read_item, answer["Responses"].get(table, ()))
            request = answer.get("UnprocessedKeys")
            if not request:
                break
        else:
            raise StoreDown("UnprocessedKeys")


def try_write(operation: Callable[..., Any], **request: Any) -> tuple[bool, dict[str, Any]]:
    """Write; return whether the condition held, and the wire form of the item in the answer, empty if none.

    Raises AWS's own errors.
    """
    try:
        answer = operation(**request)
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return False, error.response.get("Item", {})  # type: ignore[return-value]  # by ALL_OLD
    return True, answer.get("Attributes", {})


def _key_condition(condition: str, values: Item) -> dict[str, Any]:
    return {"KeyConditionExpression": condition, "ExpressionAttributeValues": write_item(values)}


def _condition(condition: str | None, values: Item | None) -> dict[str, Any]:
    request: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
    return request | ({"ExpressionAttributeValues": write_item(values)} if values else {})


def _update(key: Item, attributes: Item, condition: str | None, values: Item | None) -> dict[str, Any]:
    """Return the request that sets attributes, whatever their names, and adds to those that are sets."""
    named = {f":{name}": write_value(value) for name, value in attributes.items()}
    to_set = ", ".join(f"#{name} = :{name}" for name in attributes if "SS" not in named[f":{name}"])
    to_add = ", ".join(f"#{name} :{name}" for name in attributes if "SS" in named[f":{name}"])
    return {
        "Key": write_item(key),
        "UpdateExpression": f"SET {to_set} ADD {to_add}" if to_add else f"SET {to_set}",
        "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
        "ExpressionAttributeValues": named | write_item(values or {}),
        **({"ConditionExpression": condition} if condition else {}),
    }
