"""How long a tombstone, the note that a subject is erased, must stay."""

from collections.abc import Iterable
from datetime import timedelta

# How far back AWS can restore the table: point-in-time recovery, as the template has it.
RESTORABLE = timedelta(days=35)
# How long a callback can wait in the spill and in its dead-letter queue.
SPILLED = timedelta(days=28)
# DynamoDB and S3 remove what has expired some days late.
SLACK = timedelta(days=7)


def lifetime(retentions: Iterable[timedelta | None]) -> timedelta | None:
    """Return how long a tombstone outlasts everything that could bring its subject back; None is for ever.

    `retentions` are those of everything that is stored of a subject; None is for ever.
    """
    spans = [RESTORABLE, SPILLED, *retentions]
    return None if None in spans else max(filter(None, spans)) + SLACK
