"""The receipt of an erasure: what was erased, what is left, and what the command cannot reach.

How Tavus deletes is in its API reference (docs.tavus.io: Delete Conversation, Delete Video, Delete Face). AWS
keeps point-in-time copies for 35 days and a stream for one day (DynamoDB's developer guide).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.tombstone import RESTORABLE
from tavus_callbacks_cli.erasure.erase import Erasure
from tavus_callbacks_cli.erasure.pieces import names_by_store
from tavus_callbacks_cli.operations.selection import left_out_lines
from tavus_callbacks_cli.output.shell import line, tavus_request

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment

VERSION = 1
LOG_RETENTION_DAYS = 30

_STREAM = timedelta(days=1)
# The template's MaximumEventAgeInSeconds; Lambda keeps an asynchronous call for 6 hours at most
# (MaximumEventAgeInSeconds of PutFunctionEventInvokeConfig, AWS's Lambda API reference).
_RETRIES = timedelta(days=1)
_TAVUS = "https://tavusapi.com/v2"
# By kind, for the kinds that Tavus's API can delete. Tavus renamed replica to face.
_PATHS = {"conversation": "conversations", "video": "videos", "replica": "faces"}


@dataclass(frozen=True, slots=True)
class Beyond:
    """Something that cannot be reached: its last day if it has one, and what to do about it."""

    what: str
    until: str | None
    do: str


# Beyond the reach of any erasure, whatever the stack.
_ALWAYS = (
    Beyond(
        "backups and copies in your account: AWS Backup, on-demand backups, replication, exports",
        None,
        "Erase the subject there, too.",
    ),
    Beyond(
        "consumers of the event bus, GET /events, `forward` and `replay`, and downloaded recordings",
        None,
        "Erase the subject there, too. GET /erasures and the push conversation.erased list erased subjects.",
    ),
    Beyond(
        "files that commands wrote: exports, downloads (also FILE.part), reports of stats, this receipt",
        None,
        "Delete them. A receipt contains ids.",
    ),
    Beyond(
        "the push conversation.erased, with the conversation's id",
        None,
        "Nothing. It is posted, or expires in the queue or bucket where it waits.",
    ),
)


def receipt(
    erasure: Erasure, asked: str, target: str, deployment: "Deployment", left_out: list[dict[str, str]]
) -> dict[str, Any]:
    """Return the receipt as JSON; `left_out` is that of the selection."""
    until = None if erasure.lifetime is None else iso(erasure.at + erasure.lifetime)
    stores = sorted(names_by_store(erasure.findings.pieces).items())
    return {
        "version": VERSION,
        "asked": asked,
        "target": target,
        "erased_at": iso(erasure.at),
        "dry_run": erasure.is_dry_run,
        "subjects": [
            {
                "kind": kind,
                "subject": name,
                "tombstone": digest(f"{kind}#{name}"),
                "tombstone_until": until,
            }
            for kind, name in sorted(erasure.selection.subjects)
        ],
        "counts": {store: len(names) for store, names in stores},
        "erased": {store: sorted(names) for store, names in stores},
        "invalidation": erasure.invalidation,
        "left_out": left_out,
        "left": [asdict(leftover) for leftover in erasure.findings.leftovers],
        "beyond_reach": [asdict(each) for each in beyond_reach(erasure, deployment)],
    }


def beyond_reach(erasure: Erasure, deployment: "Deployment") -> Iterator[Beyond]:
    """Yield what this command cannot erase."""
    if deployment.state_folder is None:
        yield Beyond(
            "point-in-time copies of the events table, which AWS keeps",
            iso(erasure.at + RESTORABLE),
            "Nothing. They expire. `tavus-callbacks restore` does not copy erased subjects.",
        )
        yield Beyond("the events table's stream", iso(erasure.at + _STREAM), "Nothing. It expires.")
        yield Beyond(
            "retries that wait in AWS: events of the bus and calls of functions",
            iso(erasure.at + _RETRIES),
            "Nothing. The functions find the tombstone and drop the data.",
        )
        days = int(deployment.parameters.get("LogRetentionDays", LOG_RETENTION_DAYS))
        yield Beyond(
            "logs: ids and counts, no text of conversations",
            iso(erasure.at + timedelta(days=days)),
            "Nothing. They expire after LogRetentionDays.",
        )
    else:
        yield Beyond(
            "the events table's stream, in memory", None, "Nothing. It is gone when the stack stops."
        )
        yield Beyond(
            f"logs in {deployment.state_folder / 'logs'}: ids and counts, no text of conversations",
            None,
            "Nothing. The next start of the stack empties them.",
        )
    yield from _ALWAYS
    tail = deployment.command("tail", options=["--json"])
    yield Beyond(
        "events of other subjects that mention this one",
        None,
        f"Find them with `{tail}`, and erase those subjects.",
    )
    for kind, name in sorted(erasure.selection.subjects):
        do = f"Ask Tavus how to delete a {kind}. Its API documents no such call."
        if kind in _PATHS:
            do = tavus_request(f"{_TAVUS}/{_PATHS[kind]}/{quote(name, safe='')}?hard=true", "-X", "DELETE")
        yield Beyond(f"{line(kind, name)} at Tavus", None, do)


def receipt_lines(receipt: Mapping[str, Any]) -> Iterator[str]:
    """Yield a receipt for people."""
    would = "would be erased" if receipt["dry_run"] else "erased"
    yield f"{receipt['asked']} on {receipt['target']}, {receipt['erased_at']}"
    for each in receipt["subjects"]:
        span = f"until {each['tombstone_until']}" if each["tombstone_until"] else "without expiry"
        yield f"  {line(each['kind'], each['subject'])}   tombstone {each['tombstone']} {span}"
    yield ""
    yield f"{would}:" if receipt["counts"] else f"Nothing {would}, because nothing is stored."
    yield from (f"  {count:>6}  {store}" for store, count in receipt["counts"].items())
    if receipt["left_out"]:
        yield from ("", *left_out_lines(receipt["left_out"]))
    if receipt["left"]:
        yield from ("", "left:")
        yield from (f"  {each['store']}: {each['name']}: {each['reason']}" for each in receipt["left"])
    yield from ("", "beyond reach:")
    for each in receipt["beyond_reach"]:
        until = f" (until {each['until'][:10]})" if each["until"] else ""
        yield f"  {each['what']}{until}"
        yield f"      {each['do']}"
