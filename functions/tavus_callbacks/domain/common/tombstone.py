"""Tombstones: that a subject was erased, told by a digest, so that the note itself names nobody."""

from collections.abc import Iterable
from datetime import timedelta

# How long AWS lets the table be restored to: point-in-time recovery, as the template has it.
RESTORABLE = timedelta(days=35)
# What waits in the spill, and again in its dead queue.
SPILLED = timedelta(days=28)
# What is due is removed within some days, by DynamoDB as by S3.
SLACK = timedelta(days=7)


def lifetime(retentions: Iterable[timedelta | None]) -> timedelta | None:
    """Return how long a tombstone outlasts all that could bring its subject back; None is for ever.

    `retentions` are those of whatever is kept of a subject, None for ever.
    """
    known = [RESTORABLE, SPILLED, *retentions]
    return None if None in known else max(filter(None, known)) + SLACK
