"""Batches of a DynamoDB stream, whose records are processed by key.

    a group of records ──┬── succeeds ────────────► done
                         ├── the store is down ───► this and all later groups wait for Lambda's next attempt
                         └── fails otherwise ─────► each of its records alone
                               └── fails again ───► bad: written to the failed bucket, and then done

Lambda gives every record again from the first one that is reported, as often and as long as the template
says. So a bad record is reported only if it could not be written, or if an earlier record is reported: it
would be written twice. This does not import Powertools' batch: after pydantic, that would load its parser.
"""

import base64
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from tavus_callbacks.aws.dead_letters import REDRIVEN
from tavus_callbacks.domain.common.errors import StoreDown, describe_fault, is_outage
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.settings import MissingVariable

if TYPE_CHECKING:
    from tavus_callbacks.domain.common.metrics import Counts

Key = Callable[[DynamoDBRecord], Hashable]
Handler = Callable[[Sequence[DynamoDBRecord]], "Counts | None"]
Log = Callable[[str, dict[str, Any]], None]


def process_groups(
    event: dict[str, Any], context: Any, handler: Handler, log: Log, key: Key | None = None
) -> Any:
    """Call `handler` with the records of one key together, or with each record if there is no key.

    Logs the sums of the counts that `handler` returns, and the faults. Returns the records to be given again.
    """
    records = [DynamoDBRecord(record) for record in event["Records"]]
    waiting, bad, sums = set(range(len(records))), dict[int, str](), Counter[str]()
    faults, written = set[str](), set[int]()
    try:
        for group in _group(records, key):
            bad |= _process_group(records, group, handler, sums)
            waiting -= set(group)
    except StoreDown as fault:
        faults.add(describe_fault(fault))
    try:
        if not event.get(REDRIVEN):
            written = _write_bad(records, bad, waiting, context)
    except StoreDown as fault:
        faults.add(describe_fault(fault))
    reported = sorted(waiting | (bad.keys() - written))
    counts = {"records": len(records), "failed": len(reported) + len(written), **sums}
    given_up = {"given_up": len(written)} if written else {}
    log("batch", {**counts, **given_up, "faults": sorted(faults.union(bad.values()))})
    return {"batchItemFailures": [{"itemIdentifier": _number(records[place])} for place in reported]}


def _group(records: Sequence[DynamoDBRecord], key: Key | None) -> Iterable[list[int]]:
    """Return the places of the records of each key. A record whose key cannot be read is a group."""
    groups: dict[Hashable, list[int]] = {}
    for place, record in enumerate(records):
        try:
            name = key(record) if key else place
        except Exception:  # noqa: BLE001  # the handler meets this fault again, alone with the record
            name = place
        groups.setdefault(name, []).append(place)
    return groups.values()


def _process_group(
    records: Sequence[DynamoDBRecord], group: Sequence[int], handler: Handler, sums: Counter[str]
) -> dict[int, str]:
    """Return the places of bad records, each with its fault.

    Raises StoreDown if a store is down, and MissingVariable: neither is the fault of a record.
    """
    try:
        sums.update(handler([records[place] for place in group]) or {})
    except Exception as fault:
        # An update replaces code and variables one after the other, so one may be missing for a moment.
        if is_outage(fault) or isinstance(fault, MissingVariable):
            raise
        if len(group) == 1:
            return {group[0]: describe_fault(fault)}
        alone = (_process_group(records, [place], handler, sums) for place in group)
        return {place: why for found in alone for place, why in found.items()}
    return {}


def _write_bad(
    records: Sequence[DynamoDBRecord], bad: dict[int, str], waiting: set[int], context: Any
) -> set[int]:
    """Write the bad records that Lambda will not give again, and return their places; raises StoreDown."""
    # An erasure removes bodies during an attempt. The next attempt finds the tombstone, and drops the record.
    again = waiting.union(place for place in bad if _is_erased(records[place]))
    given_up = sorted(place for place in bad if place < min(again, default=len(records)))
    if given_up:
        wiring.dead_letters(context.invoked_function_arn).write(
            {"Records": [records[place].raw_event for place in given_up]},
            condition="RecordsFailed",
            attempts=1,
            why="; ".join(sorted({bad[place] for place in given_up})),
            at=now(),
        )
    return set(given_up)


def _is_erased(record: DynamoDBRecord) -> bool:
    image = record.raw_event.get("dynamodb", {}).get("NewImage", {})
    kind, subject = (image.get(name, {}).get("S") for name in ("kind", "subject"))
    return bool(kind and subject) and wiring.summaries().tombstones.is_erased(kind, subject)


def _number(record: DynamoDBRecord) -> str | None:
    return record.dynamodb.sequence_number if record.dynamodb else None


def new_image(record: DynamoDBRecord) -> dict[str, Any]:
    """Return the row in a stream record. Powertools leaves its bytes in base64."""
    row = dict(record.dynamodb.new_image) if record.dynamodb else {}
    return {**row, "body": base64.b64decode(row["body"])} if "body" in row else row
