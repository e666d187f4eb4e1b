"""Answers queries of the embedded DynamoDB from sorted keys. Moto walks and sorts the whole table for each.

Moto's own `Table.query` still makes the answer, but it sees only the items on which its answer depends. The
keys are sorted at the first query of a table or an index, so fill a table directly only before that.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import signature
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.dynamodb.models.dynamo_type import DynamoType, Item
    from moto.dynamodb.models.table import Table

    from tavus_callbacks_cli.local_stack.services.dynamodb_writes import Write

Query = Callable[..., Any]
# The value of the sort key, then the values of the table's key, by which moto sorts equal ones.
Place = tuple[Any, ...]

_ATTRIBUTE = "sorted_keys"


def use_sorted_keys(query: Query) -> Query:
    """Wrap moto's `Table.query`; every write must reach `update_sorted_keys`."""
    parameters = signature(query)

    @wraps(query)
    def query_sorted(table: "Table", *positional: Any, **named: Any) -> Any:
        bound = parameters.bind(table, *positional, **named)
        bound.apply_defaults()
        arguments = bound.arguments
        keys = _sorted_keys(table, arguments["index_name"])
        if keys is None or arguments["hash_key"] is None:
            return query(table, *positional, **named)
        items = keys.page(
            arguments["hash_key"],
            (arguments["range_comparison"], [value.cast_value for value in arguments["range_objs"]]),
            start=arguments["exclusive_start_key"],
            # Filters of outdated parameters decide which items the limit counts.
            limit=None if arguments["filter_kwargs"] else arguments["limit"],
            is_forward=arguments["scan_index_forward"] is not False,
        )
        return query(_Excerpt(table, items), *positional, **named)

    return query_sorted


def update_sorted_keys(writes: "Iterable[Write]") -> None:
    """Move written items to their places, and remove deleted ones."""
    for write in writes:
        for keys in vars(write.table).get(_ATTRIBUTE, {}).values():
            keys.update(write.key, write.item())


class _Excerpt:
    """A table that has only some of its items, as far as `Table.query` can see."""

    def __init__(self, table: "Table", items: "list[Item]") -> None:
        self._table, self._items = table, items

    def all_items(self) -> "list[Item]":
        return self._items

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def _sorted_keys(table: "Table", index_name: str | None) -> "SortedKeys | None":
    """Return the keys of a table or an index; None if there is none or its key has several parts."""
    stored: dict[str | None, SortedKeys] = vars(table).setdefault(_ATTRIBUTE, {})
    if index_name not in stored:
        schemas = {index.name: index.schema for index in table.all_indexes()} | {None: table.schema}
        kinds = [key["KeyType"] for key in schemas.get(index_name, ())]
        if sorted(kinds) not in (["HASH"], ["HASH", "RANGE"]):
            return None
        stored[index_name] = SortedKeys(table, schemas[index_name])
    return stored[index_name]


class SortedKeys:
    """The items of a table or an index: by partition, in the order of their sort key."""

    def __init__(self, table: "Table", schema: Sequence[Mapping[str, str]]) -> None:
        names = {key["KeyType"]: key["AttributeName"] for key in schema}
        self._types = {key["AttributeName"]: key["AttributeType"] for key in table.attr}
        self._hash_attribute = names["HASH"]
        # Without a sort key of its own, an index is in the order of the table's.
        sort_attribute = names.get("RANGE") or table.range_key_attr or table.hash_key_attr
        self._place_attributes = [sort_attribute, *table.table_key_attrs]
        self._partitions: defaultdict[Any, list[Place]] = defaultdict(list)
        self._entries: dict[Place, tuple[Any, Place, Item]] = {}
        partitions: Any = table.items.values()
        for item in chain.from_iterable(map(dict.values, partitions)) if table.range_key_attr else partitions:
            self._add(item)

    def update(self, key: tuple["DynamoType", ...], item: "Item | None") -> None:
        """Replace the item of a key of the table, or remove it if there is none."""
        values = tuple(value.cast_value for value in key)
        if values in self._entries:
            partition, place, _ = self._entries.pop(values)
            places = self._partitions[partition]
            del places[bisect_left(places, place)]
        if item is not None:
            self._add(item)

    def _add(self, item: "Item") -> None:
        """Add an item unless it lacks an attribute of the key or has one of another type."""
        values = self._values([self._hash_attribute, *self._place_attributes], item.attrs)
        if values:
            partition, place = values[0], values[1:]
            insort(self._partitions[partition], place)
            self._entries[place[1:]] = (partition, place, item)

    def _values(self, names: Iterable[str], attributes: Mapping[str, Any]) -> Place | None:
        from moto.dynamodb.models.dynamo_type import DynamoType

        values = []
        for name in names:
            value = DynamoType(attributes[name]) if name in attributes else None
            if value is None or value.type != self._types[name]:
                return None
            values.append(value.cast_value)
        return tuple(values)

    def page(
        self,
        hash_key: "DynamoType",
        comparison: tuple[str | None, Sequence[Any]],
        *,
        start: Mapping[str, Any] | None,
        limit: int | None,
        is_forward: bool,
    ) -> "list[Item]":
        """Return the items of a page and the next item: if there is one, moto sets LastEvaluatedKey."""
        is_declared = hash_key.type == self._types[self._hash_attribute]
        places = self._partitions.get(hash_key.cast_value, []) if is_declared else []
        low, high = _span(places, *comparison)
        start_place = self._values(self._place_attributes, start) if start else None
        if start_place and is_forward:
            low = max(low, bisect_right(places, start_place))
        elif start_place:
            high = min(high, bisect_left(places, start_place))
        if is_forward:
            high = (high if limit is None else min(high, low + limit)) + 1
        else:
            low = max((low if limit is None else max(low, high - limit)) - 1, 0)
        return [self._entries[place[1:]][2] for place in places[low:high]]


def _span(places: Sequence[Place], comparison: str | None, values: Sequence[Any]) -> tuple[int, int]:
    """Return the first place that matches a key condition, and the one after the last."""
    low, high = 0, len(places)
    if comparison == "BEGINS_WITH":
        low = bisect_left(places, values[0], key=_sort_value)
        high = bisect_left(places, True, lo=low, key=lambda place: not place[0].startswith(values[0]))
    if comparison in ("=", ">=", "BETWEEN"):
        low = bisect_left(places, values[0], key=_sort_value)
    if comparison == ">":
        low = bisect_right(places, values[0], key=_sort_value)
    if comparison in ("=", "<=", "BETWEEN"):
        high = bisect_right(places, values[-1], key=_sort_value)
    if comparison == "<":
        high = bisect_left(places, values[0], key=_sort_value)
    return low, high


_sort_value = itemgetter(0)
