"""The results of a search for a subject's data: pieces that can be removed, and leftovers."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks_cli.operations.selection import Selection


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to remove: its store, its name in the receipt, and how it is removed."""

    store: str
    name: str
    remove: Callable[[], object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that is not removed, or could not be looked at, and why."""

    store: str
    name: str
    reason: str


def leftovers_by_name(selection: Selection, store: str, name: str, raw: bytes) -> list[Leftover]:
    """Return a body as a leftover if a selection by tag leaves it although it contains one of the ids."""
    if selection.tag is None or not selection.is_named_in(raw):
        return []
    return [Leftover(store, name, "It contains an id and does not carry the tag. Erase it by its id.")]


def is_missing_object(error: StoreDown) -> bool:
    """Tell whether an object is no longer there. Any other error may pass and must be raised."""
    return str(error) == "NoSuchKey"


def names_by_store(pieces: Collection[Piece]) -> dict[str, list[str]]:
    """Return the names of pieces by their store."""
    names: dict[str, list[str]] = {}
    for piece in pieces:
        names.setdefault(piece.store, []).append(piece.name)
    return names
