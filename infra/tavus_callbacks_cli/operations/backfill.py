"""Backfilling from a laptop: which conversations, whose they are, and what is filed of each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tavus_callbacks.aws.stores.events import EventsTable
from tavus_callbacks.aws.stores.readings import ReadingRows
from tavus_callbacks.aws.stores.summaries import SummaryRows
from tavus_callbacks.domain.common.token import PATTERN, digest
from tavus_callbacks.logic import repair
from tavus_callbacks.logic.repair import Filed, Stores
from tavus_callbacks_cli.operations.tokens import list_tokens

if TYPE_CHECKING:
    from datetime import timedelta

    from mypy_boto3_dynamodb.service_resource import Table

    from tavus_callbacks.domain.repair.tavus_record import Record
    from tavus_callbacks.outbound.tavus_api import TavusApi
    from tavus_callbacks_cli.targets.store import Store

# Of what came by no token that the stack knows.
LABEL = "backfill"


@dataclass(frozen=True, slots=True)
class Work:
    """What backfilling takes: the API, the stores, and the labels of all tokens by their digests."""

    api: "TavusApi"
    store: "Store"
    stores: Stores
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation of Tavus's list, and whether its callbacks come to this stack."""

    conversation_id: str
    is_ours: bool


def work_of(api: "TavusApi", store: "Store", tokens: "Table", retention: "timedelta | None") -> Work:
    """Put together what backfilling takes."""
    stores = Stores(
        EventsTable(store.client, store.table, store.bodies, retention),
        ReadingRows(store.client, store.table, retention),
        SummaryRows(store.client, store.table),
    )
    return Work(api, store, stores, {one.digest: one.label for one in list_tokens(tokens)})


def listed(work: Work, records: Iterable["Record"], since: datetime) -> Iterator[Listed]:
    """Yield the conversations made since a time, and those whose time is unknown."""
    for record in records:
        if record.created_at is None or record.created_at >= since:
            yield Listed(record.conversation_id, _label(work, record) is not None or _is_known(work, record))


def filed(work: Work, conversation_id: str, *, dry_run: bool) -> Filed:
    """Read a record and file what is missing, or only say what is; raises TavusError, StoreDown."""
    record = work.api.conversation(conversation_id)
    label = _label(work, record) or LABEL
    if dry_run:
        if erased := repair.refused(work.stores, record):
            return erased
        found = repair.planned(work.stores, record, label=label, received_at=work.store.now())
        return repair.described(record, found)
    return repair.file(work.stores, record, label=label, clock=work.store.now)


def _label(work: Work, record: "Record") -> str | None:
    """Return the label of the stack's token in a callback URL, None where it is somebody else's."""
    token = PATTERN.search(record.callback_url)
    return work.labels.get(digest(token[0])) if token else None


def _is_known(work: Work, record: "Record") -> bool:
    return work.stores.summaries.facts("conversation", record.conversation_id) is not None
