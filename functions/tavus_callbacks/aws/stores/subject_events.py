"""The rows of one subject, and the stored events among them with their bodies."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tavus_callbacks.aws.items import Item, is_expired
from tavus_callbacks.aws.stores.keys import partition
from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.common.json_text import count_parts
from tavus_callbacks.domain.events.stored_event import StoredEvent, is_event_row

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.aws.stores.tombstones import Tombstones
    from tavus_callbacks.aws.table import Table

# Bytes and parts of bodies that one answer reads. The slowest part takes 3.9 µs to read, fold and write, the
# slowest byte 34 ns (numbers of 4,300 digits): 1.8 s of CPU at most. A transcript of 5.9 MB has 180,000
# parts.
MOST_BYTES, MOST_PARTS = 13_000_000, 350_000


def subject_rows(table: "Table", kind: str, subject: str, *, consistent: bool = False) -> list[Item]:
    """Return all rows of a subject, with recordings and summary: one query a megabyte; raises StoreDown."""
    rows = table.query("pk = :pk", {":pk": partition(kind, subject)}, ConsistentRead=consistent)
    return [row for row in rows if not is_expired(row)]


def events_in(rows: Iterable[Item], bodies: "Bodies") -> list[StoredEvent]:
    """Return the events and variants among rows, with every body that has not too many parts."""
    return [StoredEvent.from_row(row, read_body(row, bodies)) for row in rows if is_event_row(row)]


def load_subject(
    tombstones: "Tombstones", bodies: "Bodies", kind: str, subject: str
) -> tuple[list[Item], list[StoredEvent]]:
    """Return the rows of a subject and its events with bodies, for a reader; raises StoreDown.

    An erased subject has no rows, nor has an id that cannot exist. Bodies are read up to a budget, the
    smallest first, so the order of arrival does not change which ones are read. Decision 0067 has the
    measurements.
    """
    # DynamoDB refuses to look up a key over 2 KB.
    if not is_name(subject) or tombstones.has(kind, subject):
        return [], []
    rows = subject_rows(tombstones.table, kind, subject)
    pairs = sorted(
        ((StoredEvent.from_row(row), row) for row in rows if is_event_row(row)),
        # Chance decides which of two contents is the variant, so the variant's part of `ref` does not count.
        key=lambda pair: (pair[0].body_size, pair[0].content, pair[0].event_ref),
    )
    # A part has a byte at least, so few bytes have few parts.
    must_count = sum(event.body_size for event, _ in pairs) > MOST_PARTS
    events: list[StoredEvent] = []
    bytes_left, parts_left = MOST_BYTES, MOST_PARTS
    for event, row in pairs:
        raw_body = None
        if TOO_MANY_PARTS not in event.issues:
            bytes_left -= event.body_size
            raw_body = bodies.read(row) if bytes_left >= 0 <= parts_left else None
        if raw_body and must_count:
            parts_left -= count_parts(raw_body.decode())
        events.append(event.with_body(raw_body) if raw_body and parts_left >= 0 else event)
    return rows, events


def read_body(row: Item, bodies: "Bodies") -> bytes | None:
    """Return the body of an event's row, or None without fetching it if it has too many parts."""
    return None if TOO_MANY_PARTS in row["issues"] else bodies.read(row)
