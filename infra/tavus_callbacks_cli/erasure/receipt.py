"""The receipt of an erasure: what went, what is left, and what lies beyond the reach of this stack.

How Tavus deletes stands in its API reference (docs.tavus.io: Delete Conversation, Delete Video, Delete
Face); that AWS keeps point-in-time copies for 35 days and a stream for one, in DynamoDB's developer guide.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.tombstone import RESTORABLE
from tavus_callbacks_cli.erasure.place import Subject, Wanted, described
from tavus_callbacks_cli.erasure.steps import Erasure
from tavus_callbacks_cli.output.console import note
from tavus_callbacks_cli.output.shell import line, tavus_request

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment

VERSION = 1
LEFT_OUT = "left out, because not all callbacks that decide carry the tag:"
LOG_RETENTION_DAYS = 30

_STREAM = timedelta(days=1)
# The template's MaximumEventAgeInSeconds; Lambda keeps an asynchronous call for 6 hours at most
# (MaximumEventAgeInSeconds of PutFunctionEventInvokeConfig, AWS's Lambda API reference).
_RETRIES = timedelta(days=1)
_TAVUS = "https://tavusapi.com/v2"
# By kind, where Tavus has it; what it keeps of the others is not known. Tavus renamed replica to face.
_PATHS = {"conversation": "conversations", "video": "videos", "replica": "faces"}


@dataclass(frozen=True, slots=True)
class Beyond:
    """What cannot be reached: its last day where it has one, and what to do about it."""

    what: str
    until: str | None
    do: str


def receipt(
    erasure: Erasure, asked: str, target: str, deployment: "Deployment", left_out: list[dict[str, str]]
) -> dict[str, Any]:
    """Return the receipt as JSON; `left_out` describes `Wanted.left_out`."""
    found = described(erasure.found.pieces)
    return {
        "version": VERSION,
        "asked": asked,
        "target": target,
        "erased_at": iso(erasure.at),
        "dry_run": erasure.is_dry_run,
        "subjects": [_tombstone(erasure, subject) for subject in sorted(erasure.wanted.subjects)],
        "counts": {store: len(names) for store, names in sorted(found.items())},
        "erased": {store: sorted(names) for store, names in sorted(found.items())},
        "invalidation": erasure.invalidation,
        "left_out": left_out,
        "left": [asdict(one) for one in erasure.found.left],
        "beyond_reach": [asdict(one) for one in beyond(erasure, deployment)],
    }


def _tombstone(erasure: Erasure, subject: Subject) -> dict[str, Any]:
    kind, name = subject
    until = None if erasure.lifetime is None else iso(erasure.at + erasure.lifetime)
    return {"kind": kind, "subject": name, "tombstone": digest(f"{kind}#{name}"), "tombstone_until": until}


def beyond(erasure: Erasure, deployment: "Deployment") -> Iterator[Beyond]:
    """Yield what this command cannot erase."""
    if deployment.state_folder is None:
        yield from _at_aws(erasure.at, deployment.parameters)
    else:
        yield from _on_this_machine(deployment.state_folder)
    yield Beyond(
        "backups and copies that somebody made: AWS Backup, on-demand backups, replication, exports",
        None,
        "Erase there whatever your account makes of the tables and buckets.",
    )
    yield Beyond(
        "consumers: of the bus, of GET /events, of `local --forward`, and whoever downloaded a recording",
        None,
        "Erase there; consumers of the bus are told by conversation.erased.",
    )
    yield Beyond(
        "files that commands wrote: exports, downloads (also FILE.part), reports of stats, this receipt",
        None,
        "Delete them wherever they are; a receipt names ids.",
    )
    yield Beyond(
        "the announcement conversation.erased, with the conversation's id",
        None,
        "Nothing: it is posted, or ends with the retention of the queue or bucket where it waits.",
    )
    yield Beyond(
        "events of others whose text names it",
        None,
        "Erase those too, or find them with `tavus-callbacks tail --json`.",
    )
    yield from map(_at_tavus, sorted(erasure.wanted.subjects))


def _at_aws(at: datetime, parameters: Mapping[str, str]) -> Iterator[Beyond]:
    yield Beyond(
        "point-in-time copies of the events table, which AWS keeps",
        iso(at + RESTORABLE),
        "Nothing: they end by themselves. A restore that honours tombstones does not bring it back.",
    )
    yield Beyond("the events table's stream", iso(at + _STREAM), "Nothing: it ends by itself.")
    yield Beyond(
        "what AWS holds for another try: events of the bus and calls of functions",
        iso(at + _RETRIES),
        "Nothing: the functions look for the tombstone and drop it.",
    )
    days = int(parameters.get("LogRetentionDays", LOG_RETENTION_DAYS))
    yield Beyond(
        "logs: ids and counts, never what was said",
        iso(at + timedelta(days=days)),
        "Nothing: they end by themselves, by the parameter LogRetentionDays.",
    )


def _on_this_machine(folder: Path) -> Iterator[Beyond]:
    yield Beyond("the events table's stream, in memory", None, "Nothing: it ends when the stack stops.")
    yield Beyond(
        f"logs in {folder / 'logs'}: ids and counts, never what was said",
        None,
        "Nothing: the next start of the stack empties them.",
    )


def _at_tavus(subject: Subject) -> Beyond:
    kind, name = subject
    what = f"{line(kind, name)} at Tavus itself"
    if kind not in _PATHS:
        return Beyond(what, None, f"Ask Tavus how a {kind} is deleted: no such call is known here.")
    url = f"{_TAVUS}/{_PATHS[kind]}/{quote(name, safe='')}?hard=true"
    return Beyond(what, None, tavus_request(url, "-X", "DELETE"))


def lines(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield a receipt as a person reads it."""
    would = "would be erased" if content["dry_run"] else "erased"
    yield f"{content['asked']} on {content['target']}, {content['erased_at']}"
    for one in content["subjects"]:
        span = f"until {one['tombstone_until']}" if one["tombstone_until"] else "for ever"
        yield f"  {line(one['kind'], one['subject'])}   tombstone {one['tombstone']} {span}"
    yield ""
    yield f"{would}:" if content["counts"] else f"Nothing {would}: nothing is kept."
    yield from (f"  {count:>6}  {store}" for store, count in content["counts"].items())
    if content["left_out"]:
        yield from ("", LEFT_OUT, *left_out_lines(content["left_out"]))
    if content["left"]:
        yield from ("", "left:")
        yield from (f"  {one['store']}: {one['name']}: {one['reason']}" for one in content["left"])
    yield from ("", "beyond reach:")
    for one in content["beyond_reach"]:
        until = f" (until {one['until'][:10]})" if one["until"] else ""
        yield f"  {one['what']}{until}"
        yield f"      {one['do']}"


def report_left_out(wanted: Wanted, command: Callable[[str, str], str]) -> list[dict[str, str]]:
    """Describe what a tag leaves out, and print it on standard error; `command` names one subject."""
    left_out = [each.described(command) for each in wanted.left_out]
    if left_out:
        note(LEFT_OUT)
    for text in left_out_lines(left_out):
        note(text)
    return left_out


def left_out_lines(left_out: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield what was left out as a person reads it."""
    for each in left_out:
        yield f"  {line(each['kind'], each['subject'])}: {each['reason']}"
        yield f"      {each['command']}"
