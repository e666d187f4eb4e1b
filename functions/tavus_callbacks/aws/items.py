"""Rows of DynamoDB to plain values and back.

Instead of boto3's, whose import drags in all of boto3 and s3transfer: 40 ms of every cold start.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any


def write(item: dict[str, Any]) -> dict[str, Any]:
    """Return the wire form; members that are None are left out."""
    return {name: write_value(value) for name, value in item.items() if value is not None}


def write_value(value: object) -> dict[str, Any]:
    """Return the wire form of one value, None included; raises TypeError for what has none, as float."""
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"{type(value).__name__} has no wire form")
    return writer(value)


def _write_list(items: Any) -> dict[str, Any]:
    return {"L": [write_value(item) for item in items]}


def _write_map(members: dict[str, Any]) -> dict[str, Any]:
    return {"M": {name: write_value(value) for name, value in members.items()}}


def _write_number(value: int | Decimal) -> dict[str, Any]:
    return {"N": str(value)}


_WRITERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    str: lambda value: {"S": value},
    type(None): lambda _: {"NULL": True},
    bool: lambda value: {"BOOL": value},
    int: _write_number,
    Decimal: _write_number,
    bytes: lambda value: {"B": value},
    list: _write_list,
    tuple: _write_list,
    dict: _write_map,
}


def is_expired(item: dict[str, Any]) -> bool:
    """Tell whether an item's time is over: DynamoDB removes it days later, S3 its body perhaps before."""
    return "expires_at" in item and item["expires_at"] <= time.time()


def read(row: dict[str, Any]) -> dict[str, Any]:
    """Return the plain form; numbers are Decimal, for a float cannot hold them all."""
    return {name: _read_value(value) for name, value in row.items()}


def _read_value(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return _READERS[kind](content)


def _read_list(items: list[dict[str, Any]]) -> list[Any]:
    return [_read_value(item) for item in items]


def _as_it_is(content: Any) -> Any:
    return content


_READERS: dict[str, Callable[[Any], Any]] = {
    "S": _as_it_is,
    "B": _as_it_is,
    "BOOL": _as_it_is,
    "NULL": lambda _: None,
    "N": Decimal,
    "L": _read_list,
    "M": read,
}
