"""Backfill from a laptop: which conversations, whose they are, and what each of them lacks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.stores.events import EventsTable
from tavus_callbacks.aws.stores.repair_attempts import AttemptRows
from tavus_callbacks.aws.stores.summaries import SummaryRows
from tavus_callbacks.domain.common.token import PATTERN, digest_token
from tavus_callbacks.logic.repair import Repair, Stores, repair_conversation
from tavus_callbacks.outbound.tavus_api import UnknownThere, Unreadable
from tavus_callbacks_cli.tokens import list_tokens

if TYPE_CHECKING:
    from datetime import timedelta

    from mypy_boto3_dynamodb.service_resource import Table

    from tavus_callbacks.domain.repair.tavus_record import TavusRecord
    from tavus_callbacks.outbound.tavus_api import TavusApi
    from tavus_callbacks_cli.targets.store import Store

# The label of events whose callback URL has no token of the stack.
LABEL = "backfill"


@dataclass(frozen=True, slots=True)
class Work:
    """The API, the stores, and the labels of all tokens by their digests."""

    api: "TavusApi"
    store: "Store"
    stores: Stores
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A conversation of Tavus's list, and whether its callbacks come to this stack."""

    conversation_id: str
    is_ours: bool


def prepare(api: "TavusApi", store: "Store", tokens: "Table", retention: "timedelta | None") -> Work:
    """Put together what backfilling needs."""
    stores = Stores(
        EventsTable(store.client, store.table, store.bodies, retention),
        AttemptRows(store.client, store.table, retention),
        SummaryRows(store.client, store.table),
    )
    return Work(api, store, stores, {token.digest: token.label for token in list_tokens(tokens)})


def find_candidates(work: Work, records: Iterable["TavusRecord"], since: datetime) -> Iterator[Candidate]:
    """Yield the conversations created since a time, and those without a time."""
    for record in records:
        if record.created_at is None or record.created_at >= since:
            is_ours = (
                _find_label(work, record) is not None
                or work.stores.summaries.get("conversation", record.conversation_id) is not None
            )
            yield Candidate(record.conversation_id, is_ours)


def backfill_conversation(work: Work, conversation_id: str, *, dry_run: bool) -> Repair:
    """Read a record and store what is missing; a dry run only says what is; raises TavusError, StoreDown."""
    record = work.api.conversation(conversation_id)
    label = _find_label(work, record) or LABEL
    return repair_conversation(work.stores, record, label=label, clock=work.store.now, dry_run=dry_run)


def backfill_outcome(work: Work, conversation_id: str, *, dry_run: bool) -> dict[str, Any]:
    """Backfill a conversation and return the outcome as JSON, also if Tavus's record cannot be read."""
    row = {"conversation_id": conversation_id, "outcome": "", "events": [], "variants": 0}
    row |= {"unfileable": 0, "confirmed": False, "reason": None}
    try:
        repair = backfill_conversation(work, conversation_id, dry_run=dry_run)
    except (UnknownThere, Unreadable) as error:
        outcome = "unknown" if isinstance(error, UnknownThere) else "unreadable"
        return {**row, "outcome": outcome, "reason": str(error)}
    return {
        **row,
        "outcome": "missing" if dry_run and repair.outcome == "filed" else repair.outcome,
        "events": list(repair.events),
        "variants": repair.variants,
        "unfileable": repair.unfileable,
        "confirmed": repair.confirmed,
    }


def _find_label(work: Work, record: "TavusRecord") -> str | None:
    """Return the label of the token in a callback URL, None if the stack has no such token."""
    token = PATTERN.search(record.callback_url)
    return work.labels.get(digest_token(token[0])) if token else None
