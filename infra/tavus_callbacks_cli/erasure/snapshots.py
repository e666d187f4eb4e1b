"""The files of a local stack: older copies are removed, and the newest has no byte of removed data."""

import shutil
from collections.abc import Iterator
from functools import partial

from tavus_callbacks_cli.erasure.pieces import Leftover, Piece
from tavus_callbacks_cli.targets.aws_stack import Deployment

STORE = "snapshots"

# The file of a stack with much data takes seconds, and the stack's own writes go on meanwhile.
_PATIENCE = 120.0


def snapshot_pieces(deployment: Deployment) -> Iterator[Piece]:
    """Yield the older copies, whole: the running stack never reads them again."""
    for path in deployment.old_snapshots():
        yield Piece(STORE, path.name, partial(shutil.rmtree, path))


def rewrite_journal(deployment: Deployment) -> Iterator[Leftover]:
    """Rewrite the stack's file without what was removed; yield a leftover if that takes too long."""
    if not deployment.rewrite_journal(_PATIENCE):
        reason = "the stack's file is in use; start this command again"
        yield Leftover(STORE, "data", reason)
