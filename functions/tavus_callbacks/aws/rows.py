"""Rows of DynamoDB to plain values and back."""

from functools import cache
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer


@cache
def _serializer() -> TypeSerializer:
    return TypeSerializer()


@cache
def _deserializer() -> TypeDeserializer:
    return TypeDeserializer()


def write(item: dict[str, Any]) -> dict[str, Any]:
    """Return the wire form; members that are None are left out."""
    return {name: _serializer().serialize(value) for name, value in item.items() if value is not None}


def write_value(value: object) -> dict[str, Any]:
    """Return the wire form of one value, None included."""
    return dict(_serializer().serialize(value))


def read(row: dict[str, Any]) -> dict[str, Any]:
    """Return the plain form; numbers are Decimal, bytes are Binary, as boto3 has it."""
    return {name: _deserializer().deserialize(value) for name, value in row.items()}
