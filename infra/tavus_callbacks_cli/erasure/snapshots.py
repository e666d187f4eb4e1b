"""Snapshots of a local stack: older ones are removed, and the newest must not hold erased data."""

import shutil
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks_cli.erasure.pieces import Leftover, Piece
from tavus_callbacks_cli.targets.aws_stack import Deployment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

STORE = "snapshots"

# A stack with much data rests up to twenty times as long as a snapshot takes.
_PATIENCE = 120.0
_PAUSE = 0.1
_NO_ROW: dict[str, "AttributeValueTypeDef"] = {"pk": {"S": "snapshot"}, "sk": {"S": "snapshot"}}


def snapshot_pieces(deployment: Deployment) -> Iterator[Piece]:
    """Yield the older snapshots, whole: the running stack never reads them again."""
    for path in deployment.old_snapshots():
        yield Piece(STORE, path.name, partial(shutil.rmtree, path))


def await_snapshot(deployment: Deployment) -> Iterator[Leftover]:
    """Wait for a snapshot that began after the erasure; yield a leftover if none comes.

    After a crash before that snapshot, the next start would bring erased data back.
    """
    if deployment.state_folder is None:
        return
    moment, deadline = time.time(), time.monotonic() + _PATIENCE
    # A stack writes a snapshot only after a write. This one removes a row that never exists.
    with store_down():
        deployment.store.client.delete_item(TableName=deployment.store.table, Key=_NO_ROW)
    while not deployment.has_snapshot_since(moment):
        if time.monotonic() > deadline:
            reason = "the stack has written no snapshot since; start this command again"
            yield Leftover(STORE, deployment.snapshot_name, reason)
            return
        time.sleep(_PAUSE)
