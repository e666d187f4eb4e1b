"""Items of DynamoDB as plain values, and back.

boto3's own serializer would import all of boto3 and s3transfer: 40 ms of every cold start.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

# An item, or a part of one, in plain values.
Item = dict[str, Any]


def write_item(item: Item) -> dict[str, Any]:
    """Return an item's wire form, without the attributes that are None."""
    return {name: write_value(value) for name, value in item.items() if value is not None}


def write_value(value: object) -> dict[str, Any]:
    """Return the wire form of one value; raises TypeError for types that DynamoDB lacks, such as float."""
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"{type(value).__name__} has no wire form")
    return writer(value)


def _write_number(value: int | Decimal) -> dict[str, Any]:
    return {"N": str(value)}


def _write_list(values: Any) -> dict[str, Any]:
    return {"L": [write_value(value) for value in values]}


_WRITERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    str: lambda value: {"S": value},
    type(None): lambda _: {"NULL": True},
    bool: lambda value: {"BOOL": value},
    int: _write_number,
    Decimal: _write_number,
    bytes: lambda value: {"B": value},
    list: _write_list,
    tuple: _write_list,
    frozenset: lambda texts: {"SS": sorted(texts)},
    dict: lambda members: {"M": {name: write_value(value) for name, value in members.items()}},
}


def is_expired(item: Item) -> bool:
    """Return whether an item has expired. DynamoDB removes it days later, S3 its body perhaps earlier."""
    return "expires_at" in item and item["expires_at"] <= time.time()


def read_item(wire: dict[str, Any]) -> Item:
    """Return an item's plain values; numbers are Decimal, because a float cannot hold them all."""
    return {name: _read_value(value) for name, value in wire.items()}


def _read_value(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return _READERS[kind](content)


def _read_as_is(content: Any) -> Any:
    return content


_READERS: dict[str, Callable[[Any], Any]] = {
    "S": _read_as_is,
    "B": _read_as_is,
    "BOOL": _read_as_is,
    "NULL": lambda _: None,
    "N": Decimal,
    "L": lambda values: [_read_value(value) for value in values],
    "M": read_item,
    "SS": frozenset,
}
