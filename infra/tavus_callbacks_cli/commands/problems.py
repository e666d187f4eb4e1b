"""`tavus-callbacks problems`: one view of what is stuck, each line with the command to type next."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.operations.subjects import has_page, path_of
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import examples, moment, zone
from tavus_callbacks_cli.targets.choose import Target, UrlTarget

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient
    from tavus_callbacks_cli.targets.aws_stack import Deployment

# Statuses of a recording that cannot be read and may need attention.
_NOT_THERE = ("pending", "missing", "failed", "other_conversation")
# The answer of a stack without recordings (routes/recordings.py); it waits for none.
_RECORDINGS_OFF = "This stack was deployed with Recordings=off."
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is stuck: how much of it, since when, and what to type next."""

    what: str
    count: int
    since: str | None
    next: str


@click.command(
    epilog=examples(
        "tavus-callbacks problems --local",
        "tavus-callbacks problems --since 30d --json --stack tavus-callbacks",
    )
)
@click.option(
    "--since",
    type=options.moment,
    metavar="TIME",
    help="Look at recordings of conversations from then on: 7d, or ISO 8601 (UTC).",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def problems(target: Target, since: datetime | None, *, is_json: bool) -> None:
    """Show what is stuck, and the command to type next.

    Quarantine, what functions could not process, the spill, pushes that wait, dead letters of both,
    recordings of the last seven days that are not there, and of a deployed stack its red alarms and what is
    paused. Ends with 1 where there is any.
    """
    found = [*_of_readers(target, since or datetime.now(UTC) - _WEEK), *_of_operators(target)]
    if is_json:
        print_json({"problems": [asdict(one) for one in found]})
    else:
        print_table(("what", "count", f"since ({zone()})", "next"), map(_row, found))
    if not found:
        note("Nothing is stuck.")
    else:
        raise SystemExit(1)


def _row(one: Problem) -> tuple[str, ...]:
    return one.what, str(one.count), moment(one.since), one.next


def _of_readers(target: Target, since: datetime) -> Iterator[Problem]:
    with target.open_api("quarantine") as api:
        yield from _quarantined(api)
    with target.open_api("read") as api:
        yield from _without_recording(api, since)


def _quarantined(api: "ApiClient") -> Iterator[Problem]:

    entries = [entry for page in api.pages("/quarantine", {}) for entry in page["quarantine"]]
    if entries:
        command = api.command("quarantine list")
        yield Problem("in quarantine", len(entries), entries[-1]["first_received_at"], command)


def _without_recording(api: "ApiClient", since: datetime) -> Iterator[Problem]:
    from tavus_callbacks_cli.targets.api_client import Conflict, NotFound, Unavailable

    waiting: dict[str, list[dict[str, Any]]] = {}
    for conversation_id in _conversations(api, since):
        try:
            recordings = _recordings(api, conversation_id)
        except (Conflict, NotFound, Unavailable) as error:
            if error.message == _RECORDINGS_OFF:
                return
            yield _unreadable(api, conversation_id, error.message)
            continue
        for recording in recordings:
            waiting.setdefault(recording["status"], []).append(recording)
    for status in _NOT_THERE:
        if found := waiting.get(status):
            first = min(found, key=_since)
            command = api.command("recording", first["conversation_id"])
            yield Problem(f"recordings {status}", len(found), _since(first) or None, command)


def _recordings(api: "ApiClient", conversation_id: str) -> list[dict[str, Any]]:
    """Return a conversation's recordings; raises as ApiClient.get does."""
    from tavus_callbacks_cli.targets.api_client import NotFound

    if not has_page(conversation_id):
        raise NotFound("no path can carry the id")
    path = f"{path_of('conversation', conversation_id)}/recordings"
    return [recording for page in api.pages(path, {}) for recording in page["recordings"]]


def _unreadable(api: "ApiClient", conversation_id: str, why: str) -> Problem:
    what = f"recordings of {argument(conversation_id)} cannot be read: {why}"
    return Problem(what, 1, None, api.command("show", conversation_id, options=["--events"]))


def _since(recording: dict[str, Any]) -> str:
    """Return when a recording was announced, or else when its object was written."""
    return str(recording["received_at"] or recording["modified_at"] or "")


def _conversations(api: "ApiClient", since: datetime) -> Iterator[str]:
    """Yield the ids of conversations with recordings, except what doctor and simulate leave behind."""
    for page in api.pages("/conversations", {"since": iso(since)}):
        for conversation in page["conversations"]:
            if conversation["recordings"] and not conversation["simulated"]:
                yield conversation["conversation_id"]


def _of_operators(target: Target) -> Iterator[Problem]:
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    if isinstance(target, UrlTarget):
        note(
            "Without AWS credentials the failed bucket and the spill are not seen: --stack NAME looks there."
        )
        return
    deployment = target.deployment()
    with aws_errors():
        yield from _failed(deployment)
        if not deployment.is_local:
            yield from _alarmed(deployment)
            yield from _paused(deployment)


def _alarmed(deployment: "Deployment") -> Iterator[Problem]:
    from tavus_callbacks_cli.operations.alarms import alarms

    for alarm in alarms(deployment):
        if alarm.is_red:
            yield Problem(f"{alarm.name} is red", 1, alarm.since, alarm.runbook)


def _paused(deployment: "Deployment") -> Iterator[Problem]:
    from tavus_callbacks_cli.operations.pause import paused, receives

    resume = deployment.command("resume")
    if stopped := paused(deployment):
        yield Problem("paused triggers", len(stopped), None, resume)
    if not receives(deployment):
        yield Problem("receiving is paused", 1, None, resume)


def _failed(deployment: "Deployment") -> Iterator[Problem]:
    from tavus_callbacks_cli.operations.redrive_failed import QUEUES, dead_letters, depth, failures

    failed = list(failures(deployment))
    if failed:
        command = deployment.command("failed list")
        yield Problem("failed batches", len(failed), failed[0].failed_at, command)
    for queue in QUEUES:
        found = depth(deployment, queue.output)
        if count := found.waiting + found.in_flight:
            # It empties by itself: where it does not, the store is the one to look at, or the target.
            yield Problem(queue.holds, count, None, deployment.command("doctor"))
    for holds, count in dead_letters(deployment).items():
        command = deployment.command("failed redrive", options=["--all"])
        yield Problem(f"dead letters: {holds}", count, None, command)
