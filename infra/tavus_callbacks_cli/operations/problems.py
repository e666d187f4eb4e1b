"""Everything that is stuck in a stack, each with the command to type next."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tavus_callbacks.domain.common.paths import fits_path, subject_path
from tavus_callbacks_cli.operations.alarms import list_alarms
from tavus_callbacks_cli.operations.failed import QUEUES, dead_letters, list_failures, queue_depth
from tavus_callbacks_cli.operations.pause import disabled_triggers, is_receiving
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.targets.api_client import ApiClient, Conflict, NotFound, Unavailable
from tavus_callbacks_cli.targets.aws_stack import Deployment

# Statuses of a recording that cannot be read and may need attention.
_NOT_AVAILABLE = ("pending", "missing", "failed", "other_conversation")
# The answer of a stack without recordings (api/recordings.py); it waits for none.
_RECORDINGS_OFF = "This stack was deployed with Recordings=off."


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is stuck: how much of it, since when, and what to type next."""

    what: str
    count: int
    since: str | None
    next: str


def quarantine_problems(api: ApiClient) -> Iterator[Problem]:
    """Yield the entries of quarantine as one problem."""
    entries = list(api.items("/quarantine"))
    if entries:
        oldest = entries[-1]["first_received_at"]
        yield Problem("in quarantine", len(entries), oldest, api.command("quarantine list"))


def recording_problems(api: ApiClient, since: str) -> Iterator[Problem]:
    """Yield the recordings of conversations since a time that are not available, by their status."""
    by_status: dict[str, list[dict[str, Any]]] = {}
    for conversation in api.items("/conversations", {"since": since}):
        conversation_id = conversation["conversation_id"]
        # Doctor and simulate leave conversations behind, too.
        if not conversation["recordings"] or conversation["simulated"]:
            continue
        try:
            recordings = _list_recordings(api, conversation_id)
        except (Conflict, NotFound, Unavailable) as error:
            if error.message == _RECORDINGS_OFF:
                return
            what = f"recordings of {argument(conversation_id)} cannot be read: {error.message}"
            yield Problem(what, 1, None, api.command("show", conversation_id, options=["--events"]))
            continue
        for recording in recordings:
            by_status.setdefault(recording["status"], []).append(recording)
    for status in _NOT_AVAILABLE:
        if recordings := by_status.get(status, []):
            first = min(recordings, key=_since)
            command = api.command("recording", first["conversation_id"])
            yield Problem(f"recordings {status}", len(recordings), _since(first) or None, command)


def _list_recordings(api: ApiClient, conversation_id: str) -> list[dict[str, Any]]:
    if not fits_path(conversation_id):
        raise NotFound("no path can hold the id")
    return list(api.items(subject_path("conversation", conversation_id, "recordings")))


def _since(recording: dict[str, Any]) -> str:
    """Return when a recording was announced, or else when its object was written."""
    return str(recording["received_at"] or recording["modified_at"] or "")


def processing_problems(deployment: Deployment) -> Iterator[Problem]:
    """Yield failed batches, waiting messages and dead letters."""
    failures = list(list_failures(deployment))
    if failures:
        command = deployment.command("failed list")
        yield Problem("failed batches", len(failures), failures[0].failed_at, command)
    for queue in QUEUES:
        depth = queue_depth(deployment, queue.output)
        if count := depth.waiting + depth.in_flight:
            # It empties by itself. If it does not, the store or the push target has a fault.
            yield Problem(queue.holds, count, None, deployment.command("doctor"))
    for holds, count in dead_letters(deployment).items():
        command = deployment.command("failed redrive", options=["--all"])
        yield Problem(f"dead letters: {holds}", count, None, command)


def alarm_problems(deployment: Deployment) -> Iterator[Problem]:
    """Yield the red alarms of a deployed stack."""
    for alarm in list_alarms(deployment):
        if alarm.is_red:
            yield Problem(f"{alarm.name} is red", 1, alarm.since, alarm.runbook)


def pause_problems(deployment: Deployment) -> Iterator[Problem]:
    """Yield what is paused in a deployed stack."""
    resume = deployment.command("resume")
    if names := disabled_triggers(deployment):
        yield Problem("paused triggers", len(names), None, resume)
    if not is_receiving(deployment):
        yield Problem("receiving is paused", 1, None, resume)
