"""The next items of a feed, which lists the rows of an index in the order of its sort key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from tavus_callbacks.aws.items import Item
from tavus_callbacks.aws.stores.index import Index
from tavus_callbacks.aws.stores.keys import receipt_time
from tavus_callbacks.domain.events import feed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pulled(Generic[T]):
    """The entries of a page and the position after them.

    `looked_until` is the time of the last key, None if there are no more keys.
    """

    entries: list[T]
    after: feed.Position
    looked_until: str | None


def pull(
    index: Index,
    shards: Sequence[str],
    position: feed.Position,
    limit: int,
    read: Callable[[list[Item]], list[T | None]],
) -> Pulled[T]:
    """Return the entries after a position, oldest first; raises StoreDown.

    `read` returns an entry for each key, None for one to leave out. It may stop before the last key.
    """
    now = datetime.now(UTC)
    keys = index.oldest(shards, after=position.settled, limit=feed.read_limit(position, limit))
    by_place = {key[index.place]: key for key in keys}
    position, visible = feed.make_room(position, list(by_place), now=now)
    page = feed.next_page(position, visible, limit, now=now)
    entries = read([by_place[place] for place in page])
    page = page[: len(entries)]
    after = feed.advance(position, visible, page, now=now)
    has_more = page and len(page) < sum(feed.mark(place) not in position.given for place in visible)
    looked_until = receipt_time(page[-1]) if has_more else None
    return Pulled([entry for entry in entries if entry is not None], after, looked_until)
