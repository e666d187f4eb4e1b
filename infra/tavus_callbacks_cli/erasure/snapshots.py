"""Snapshots of a local stack: older ones go, and the newest must not hold what was erased."""

import shutil
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks_cli.erasure.place import Left, Piece, Place
from tavus_callbacks_cli.local_stack.services.snapshot import is_newer, older_snapshots
from tavus_callbacks_cli.local_stack.state import State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

STORE = "snapshots"

# A stack with much data rests up to twenty times as long as a snapshot takes.
_PATIENCE = 120.0
_PAUSE = 0.1
_NO_ROW: dict[str, "AttributeValueTypeDef"] = {"pk": {"S": "snapshot"}, "sk": {"S": "snapshot"}}


def of_snapshots(place: Place) -> Iterator[Piece]:
    """Yield the older snapshots, whole: the running stack never reads them again."""
    folder = place.deployment.state_folder
    if folder is None:
        return
    for path in older_snapshots(State(folder).data):
        yield Piece(STORE, path.name, partial(shutil.rmtree, path))


def await_newest(place: Place) -> Iterator[Left]:
    """Wait for a snapshot that began after the erasure; yield the one that did not come.

    A crash before that would bring back at the next start what was erased.
    """
    folder = place.deployment.state_folder
    if folder is None:
        return
    data, moment, deadline = State(folder).data, time.time(), time.monotonic() + _PATIENCE
    # A stack writes a snapshot only after a write. This one removes a row that is never there.
    with store_down():
        place.store.client.delete_item(TableName=place.store.table, Key=_NO_ROW)
    while not is_newer(data, moment):
        if time.monotonic() > deadline:
            yield Left(STORE, data.name, "the stack has written no snapshot since; start this command again")
            return
        time.sleep(_PAUSE)
