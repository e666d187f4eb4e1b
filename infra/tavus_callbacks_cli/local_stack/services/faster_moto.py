"""Replaces slow and hoarding parts of moto in this process. The answers stay the same."""

import base64
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any

from moto import backends
from moto.core import responses
from moto.core.responses import ActionResult
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import StreamRecord, Table
from moto.dynamodb.responses import DynamoResult
from moto.dynamodbstreams.models import DynamoDBStreamsBackend, ShardIterator

from tavus_callbacks_cli.local_stack.services.dynamodb_queries import use_sorted_keys

# The iterators of a stream that stay valid. A reader uses only its latest one.
MOST_ITERATORS = 1000
# Moto's limit of an item, in bytes.
_ITEM_LIMIT = 405_000


def make_moto_faster() -> None:
    """Replace the parts; call it once in a process."""
    Table.query = use_sorted_keys(Table.query)
    Item.__init__ = _init_item
    Item.project = project_directly(Item.project)
    BaseJSONSerializer._serialize_type_map = serialize_items_directly(  # noqa: SLF001
        BaseJSONSerializer._serialize_type_map  # noqa: SLF001
    )
    # The serializer above takes moto's own objects.
    DynamoResult.__init__ = ActionResult.__init__
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


def project_directly(project: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap moto's projection: it copies the whole item for each attribute that it picks."""

    def project_item(self: Any, paths: list[list[str]]) -> Any:
        if any(len(path) > 1 or "[" in path[0] for path in paths):
            return project(self, paths)
        names = [name for (name,) in paths if name in self.attrs]
        return Item(self.hash_key, self.range_key, {name: self.attrs[name] for name in names})

    return project_item


def serialize_items_directly(serialize: Callable[..., None]) -> Callable[..., None]:
    """Wrap moto's serializer of maps: it asks about 40 names for each attribute of an item."""

    def serialize_map(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.value.name != "AttributeValue":
            serialize(self, serialized, value, shape, key)
            return
        self._default_serialize(serialized, _attributes(value), shape, key)

    return serialize_map


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: Any) -> dict[str, Any]:
    """Return a value in DynamoDB JSON; `value` is moto's object, which has base64 already, or nearly JSON."""
    if isinstance(value, DynamoType):
        kind, content, encode = value.type, value.value, _encode_bytes
    else:
        [(kind, content)] = value.items()
        encode = _base64
    if kind == "B":
        content = encode(content)
    elif kind == "BS":
        content = [encode(each) for each in content]
    elif kind == "L":
        content = [_attribute(each) for each in content]
    elif kind == "M":
        content = _attributes(content)
    return {kind: content}


def _encode_bytes(value: str | bytes) -> str:
    return value if isinstance(value, str) else _base64(value)


def _base64(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def _forget_iterators(get_records: Callable[..., Any]) -> Callable[..., Any]:
    def get_records_and_forget(self: Any, *arguments: Any) -> Any:
        records = get_records(self, *arguments)
        while len(self.shard_iterators) > MOST_ITERATORS:
            del self.shard_iterators[next(iter(self.shard_iterators))]
        return records

    return get_records_and_forget
