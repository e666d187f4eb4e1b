"""The stores and clients of a runtime, each made once, when it is first used.

`receive` writes to the first three stores, so their modules load with this one. All others load when their
factory is called: a function does not pay for what it does not use.
"""

from functools import cache, partial
from typing import TYPE_CHECKING

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.events import EventsTable
from tavus_callbacks.aws.stores.tokens import Tokens
from tavus_callbacks.aws.table import Table
from tavus_callbacks.runtime.settings import MissingVariable, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tavus_callbacks.aws.dead_letters import DeadLetters
    from tavus_callbacks.aws.event_bus import EventBus
    from tavus_callbacks.aws.push_secret import PushSecret
    from tavus_callbacks.aws.spill import Spill
    from tavus_callbacks.aws.stores.erasures import Erasures
    from tavus_callbacks.aws.stores.event_pages import EventPages
    from tavus_callbacks.aws.stores.quarantine import QuarantineRows
    from tavus_callbacks.aws.stores.recordings import RecordingRows
    from tavus_callbacks.aws.stores.recordings_bucket import RecordingsBucket
    from tavus_callbacks.aws.stores.repair_attempts import AttemptRows
    from tavus_callbacks.aws.stores.summaries import SummaryRows
    from tavus_callbacks.outbound.tavus_api import TavusApi

# Seconds that one request to Tavus may wait between its attempts.
_TAVUS_PATIENCE = 10


@cache
def bodies(*, quick: bool = False) -> Bodies:
    """Return the bucket of large bodies; `quick` limits each call to the time that a sender waits."""
    return Bodies(settings().bodies_bucket, partial(clients.s3, quick=quick))


@cache
def events_table() -> EventsTable:
    """Return the table of events.

    Its calls are quick for every writer: a pull passes by an event that appears long after its time.
    """
    config, client = settings(), clients.dynamodb(quick=True)
    return EventsTable(client, config.events_table, bodies(quick=True), config.event_retention)


@cache
def tokens(*, quick: bool = False) -> Tokens:
    """Return the table of tokens."""
    config = settings()
    return Tokens(clients.dynamodb(quick=quick), config.tokens_table, config.events_table)


@cache
def quarantine() -> "QuarantineRows":
    """Return the quarantine as `receive` and `drain` write to it."""
    from tavus_callbacks.aws.stores.quarantine import QuarantineRows

    config, client = settings(), clients.dynamodb(quick=True)
    return QuarantineRows(client, config.events_table, bodies(quick=True), config.quarantine_retention)


@cache
def spill() -> "Spill":
    """Return the queue that takes callbacks while the table is down."""
    from tavus_callbacks.aws.spill import Spill

    return Spill(clients.sqs(quick=True), settings().spill_queue_url, bodies(quick=True))


@cache
def event_pages() -> "EventPages":
    """Return the pages of events and quarantine."""
    from tavus_callbacks.aws.stores.event_pages import EventPages

    return EventPages(clients.dynamodb(), settings().events_table, bodies())


@cache
def erasures() -> "Erasures":
    """Return the feed of erased subjects."""
    from tavus_callbacks.aws.stores.erasures import Erasures

    return Erasures(clients.dynamodb(), settings().events_table)


@cache
def summaries() -> "SummaryRows":
    """Return the summaries of subjects."""
    from tavus_callbacks.aws.stores.summaries import SummaryRows

    return SummaryRows(clients.dynamodb(), settings().events_table)


@cache
def repair_attempts() -> "AttemptRows":
    """Return the attempts to repair conversations from Tavus's record."""
    from tavus_callbacks.aws.stores.repair_attempts import AttemptRows

    config = settings()
    return AttemptRows(clients.dynamodb(), config.events_table, config.event_retention)


@cache
def table() -> Table:
    """Return the table of events, for rows that have no store."""
    return Table(clients.dynamodb(), settings().events_table)


@cache
def recordings() -> "RecordingRows":
    """Return the rows of recordings."""
    from tavus_callbacks.aws.stores.recordings import RecordingRows

    config = settings()
    return RecordingRows(
        clients.dynamodb(), config.events_table, config.recording_retention, config.recordings_bucket
    )


@cache
def recordings_bucket() -> "RecordingsBucket":
    """Return the bucket of recordings; raises MissingVariable if the stack has none."""
    from tavus_callbacks.aws.stores.recordings_bucket import RecordingsBucket

    name = settings().recordings_bucket
    if name is None:
        raise MissingVariable("RECORDINGS_BUCKET")
    return RecordingsBucket(clients.s3(), name)


@cache
def url_signer() -> "Callable[[bytes], bytes]":
    """Return the function that signs links to recordings."""
    # Loading cryptography costs more than a read of events ever needs.
    from tavus_callbacks.aws.signing_key import load_signer

    return load_signer(clients.secretsmanager(), settings().signing_secret)


@cache
def event_bus() -> "EventBus | None":
    """Return the bus; None if the stack has none."""
    from tavus_callbacks.aws.event_bus import EventBus

    name = settings().event_bus
    return EventBus(clients.events(), name) if name else None


def dead_letters(function_arn: str) -> "DeadLetters":
    """Return the bucket of what a function gives up."""
    from tavus_callbacks.aws.dead_letters import DeadLetters

    return DeadLetters(clients.s3(), settings().failed_bucket, function_arn)


@cache
def push_secret() -> "PushSecret | None":
    """Return the secret that signs pushes; None if they are the bodies of the callbacks."""
    from tavus_callbacks.aws.push_secret import PushSecret

    name = settings().push_secret
    return PushSecret(clients.secretsmanager(), name) if name else None


@cache
def tavus_api() -> "TavusApi | None":
    """Return Tavus's API, None if the stack has no key; raises StoreDown if the key cannot be read."""
    from tavus_callbacks.aws.errors import store_down
    from tavus_callbacks.outbound.tavus_api import TavusApi, parse_key

    config = settings()
    if config.tavus_key_secret is None:
        return None
    with store_down():
        answer = clients.secretsmanager().get_secret_value(SecretId=config.tavus_key_secret)
    return TavusApi(parse_key(answer["SecretString"]), config.tavus_api_url, patience=_TAVUS_PATIENCE)
