"""Answers queries of the embedded DynamoDB from sorted keys. Moto walks and sorts the whole table for each.

The keys are sorted at the first query of a table or an index, so fill a table directly only before that.
As on AWS, the megabyte of a page counts the attributes that an index has. Moto counts the whole item.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
# Returns what an index has of an item.
Project = Callable[["Item"], "Item"]
# The value of the sort key, then the values of the table's key, by which moto sorts equal ones.
Place = tuple[Any, ...]

_ATTRIBUTE = "sorted_keys"
_PAGE_BYTES = 1_000_000


def use_sorted_keys(query: Query) -> Query:
    """Replace moto's `Table.query`; every write must reach `update_sorted_keys`.

    Moto's own answers keys of several attributes, and the outdated parameters QueryFilter and KeyConditions.
    """
    parameters = signature(query)

    @wraps(query)
    def query_sorted(table: "Table", *positional: Any, **named: Any) -> Any:
        bound = parameters.bind(table, *positional, **named)
        bound.apply_defaults()
        arguments = bound.arguments
        index_name, projection = arguments["index_name"], arguments["projection_expressions"]
        keys = _sorted_keys(table, index_name)
        is_plain = arguments["hash_key"] is not None and not arguments["filter_kwargs"]
        if keys is None or not is_plain or (arguments["consistent_read"] and index_name):
            return query(table, *positional, **named)
        items, is_cut = keys.page(
            arguments["hash_key"],
            (arguments["range_comparison"], [value.cast_value for value in arguments["range_objs"]]),
            start=arguments["exclusive_start_key"],
            limit=arguments["limit"],
            is_forward=arguments["scan_index_forward"] is not False,
        )
        last_key = table._get_last_evaluated_key(items[-1], index_name) if is_cut else None  # noqa: SLF001
        count, accepts = len(items), arguments["filter_expression"]
        if accepts is not None:
            items = [item for item in items if accepts.expr(item)]
        return [item.project(projection) for item in items] if projection else items, count, last_key

    return query_sorted


def update_sorted_keys(writes: "Iterable[Write]") -> None:
    """Move written items to their places, and remove deleted ones."""
    for write in writes:
        for keys in vars(write.table).get(_ATTRIBUTE, {}).values():
            keys.update(write.key, write.item())


def _sorted_keys(table: "Table", index_name: str | None) -> "SortedKeys | None":
    """Return the keys of a table or an index; None if it is missing or its key has several parts."""
    stored: dict[str | None, SortedKeys] = vars(table).setdefault(_ATTRIBUTE, {})
    if index_name not in stored:
        index = next((each for each in table.all_indexes() if each.name == index_name), None)
        schema = index.schema if index else () if index_name else table.schema
        if sorted(key["KeyType"] for key in schema) not in (["HASH"], ["HASH", "RANGE"]):
            return None
        stored[index_name] = SortedKeys(table, schema, index.project if index else None)
    return stored[index_name]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An item as the index has it, and where it is."""

    partition: Any
    place: Place
    item: "Item"
    size: int


class SortedKeys:
    """The items of a table or an index: by partition, in the order of their sort key."""

    def __init__(
        self, table: "Table", schema: Sequence[Mapping[str, str]], project: Project | None = None
    ) -> None:
        names = {key["KeyType"]: key["AttributeName"] for key in schema}
        self._hash_attribute = names["HASH"]
        # Without a sort key of its own, an index is in the order of the table's.
        sort_attribute = names.get("RANGE") or table.range_key_attr or table.hash_key_attr
        self._place_attributes = [sort_attribute, *table.table_key_attrs]
        self._project = project
        self._partitions: defaultdict[Any, list[Place]] = defaultdict(list)
        self._entries: dict[Place, _Entry] = {}
        partitions: Any = table.items.values()
        for item in chain.from_iterable(map(dict.values, partitions)) if table.range_key_attr else partitions:
            self._add(item)

    def update(self, key: tuple["DynamoType", ...], item: "Item | None") -> None:
        """Replace the item of a key of the table, or remove it if the table has no such item."""
        entry = self._entries.pop(tuple(value.cast_value for value in key), None)
        if entry:
            places = self._partitions[entry.partition]
            del places[bisect_left(places, entry.place)]
        if item is not None:
            self._add(item)

    def _add(self, item: "Item") -> None:
        """Add an item unless it lacks an attribute of the key."""
        values = self._values([self._hash_attribute, *self._place_attributes], item.attrs)
        if values:
            partition, place = values[0], values[1:]
            insort(self._partitions[partition], place)
            stored = self._project(item) if self._project else item
            self._entries[place[1:]] = _Entry(partition, place, stored, stored.size())

    def _values(self, names: Sequence[str], attributes: Mapping[str, Any]) -> Place | None:
        from moto.dynamodb.models.dynamo_type import DynamoType

        values = [DynamoType(attributes[name]).cast_value for name in names if name in attributes]
        return tuple(values) if len(values) == len(names) else None

    def page(
        self,
        hash_key: "DynamoType",
        comparison: tuple[str | None, Sequence[Any]],
        *,
        start: Mapping[str, Any] | None,
        limit: int | None,
        is_forward: bool,
    ) -> "tuple[list[Item], bool]":
        """Return the items of a page, and whether items of the partition follow it.

        As in moto, the latter need not match the comparison.
        """
        places = self._partitions.get(hash_key.cast_value, [])
        low, high = _span(places, *comparison)
        start_place = self._values(self._place_attributes, start) if start else None
        if start_place and is_forward:
            low = max(low, bisect_right(places, start_place))
        elif start_place:
            high = min(high, bisect_left(places, start_place))
        indexes = range(low, high) if is_forward else range(high - 1, low - 1, -1)
        last = len(places) - 1 if is_forward else 0
        items: list[Item] = []
        size = 0
        for index in indexes:
            entry = self._entries[places[index][1:]]
            size += entry.size
            if size > _PAGE_BYTES:
                return items, True
            items.append(entry.item)
            if len(items) == limit:
                return items, index != last
        return items, False


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
