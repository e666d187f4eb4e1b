"""Replaces slow and hoarding parts of moto in this process. The answers stay the same."""

import base64
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any

from moto import backends
from moto.core import responses
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import StreamRecord, Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend, ShardIterator

from tavus_callbacks_cli.local_stack.services.dynamodb_queries import use_sorted_keys

# The iterators of a stream that stay valid. A reader uses only its latest one.
_ITERATORS = 1000
# Moto's limit of an item, in bytes.
_ITEM_LIMIT = 405_000


def make_moto_faster() -> None:
    """Replace the parts; call it once in a process."""
    Table.query = use_sorted_keys(Table.query)
    Item.__init__ = _init_item
    BaseJSONSerializer._serialize_type_map = serialize_items_directly(  # noqa: SLF001
        BaseJSONSerializer._serialize_type_map  # noqa: SLF001
    )
    DynamoDBStreamsBackend.get_records = _forget_iterators(DynamoDBStreamsBackend.get_records)
    # Each request lists moto's own folder twice, and every method of its service.
    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    responses.method_names_from_class = cache(responses.method_names_from_class)
    # Moto keeps every object of these classes for its dashboard, also each copy that a query makes.
    for model in (Item, StreamRecord, ShardIterator):
        model.instances_tracked = deque(maxlen=0)


def _init_item(self: Any, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
    """Check the size of an item once. Moto does it for each attribute that it adds."""
    self.hash_key, self.range_key, self.attrs = hash_key, range_key, LimitedSizeDict()
    dict.update(self.attrs, {name: DynamoType(value) for name, value in attrs.items()})
    if self.size() > _ITEM_LIMIT:
        raise ItemSizeTooLarge


def serialize_items_directly(serialize: Callable[..., None]) -> Callable[..., None]:
    """Wrap moto's serializer of maps: it asks about 40 names for each attribute of an item."""

    def serialize_map(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.value.name != "AttributeValue":
            serialize(self, serialized, value, shape, key)
            return
        self._default_serialize(serialized, _attributes(value), shape, key)

    return serialize_map


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _attribute(*value.items()) for name, value in item.items()}


def _attribute(typed: tuple[str, Any]) -> dict[str, Any]:
    kind, value = typed
    convert = _CONVERSIONS.get(kind)
    return {kind: convert(value) if convert else value}


def _base64(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "B": _base64,
    "BS": lambda values: [_base64(value) for value in values],
    "L": lambda values: [_attribute(*value.items()) for value in values],
    "M": _attributes,
}


def _forget_iterators(get_records: Callable[..., Any]) -> Callable[..., Any]:
    def get_records_and_forget(self: Any, *arguments: Any) -> Any:
        records = get_records(self, *arguments)
        while len(self.shard_iterators) > _ITERATORS:
            del self.shard_iterators[next(iter(self.shard_iterators))]
        return records

    return get_records_and_forget
