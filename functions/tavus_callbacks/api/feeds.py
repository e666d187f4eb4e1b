"""Places in a feed: the parameter `after`, and the cursors that a feed answers."""

from typing import Any

from tavus_callbacks.api.query import BAD_CURSOR, CURSOR, LONGEST_PLACE, Parameter, Query, read_cursor
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.errors import BadRequest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.feed import Position


def _read_after(text: str) -> Position | dict[str, Any]:
    since = timestamps.parse(text)
    return Position(iso(since)) if since else read_cursor(text)


AFTER: Parameter[Any] = Parameter(
    "after",
    "Where to continue, oldest first: a time, or the `cursor` of an answer.",
    {"type": "string"},
    _read_after,
    {},
)


def read_position(query: Query) -> Position:
    """Return where a feed continues, by `after` or `cursor`; raises BadRequest."""
    after = query[AFTER]
    if isinstance(after, Position):
        return after
    state = query.state(AFTER) or query.state(CURSOR)
    settled, given = state.get("settled", ""), state.get("given", [])
    if not (isinstance(settled, str) and isinstance(given, list)):
        raise BadRequest(BAD_CURSOR)
    if not settled.isascii() or len(settled) > LONGEST_PLACE:
        raise BadRequest(BAD_CURSOR)
    return Position(settled, frozenset(map(str, given)))


def write_position(query: Query, position: Position) -> str:
    """Return the cursor of a position."""
    return query.cursor({"settled": position.settled, "given": sorted(position.given)})
