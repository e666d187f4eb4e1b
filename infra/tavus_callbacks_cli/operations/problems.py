"""Everything that is stuck in a stack, each with the command to type next."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from tavus_callbacks.domain.common.paths import fits_path
from tavus_callbacks.domain.common.tags import SIMULATED, is_tagged
from tavus_callbacks.domain.conversations.delays import Part, is_overdue
from tavus_callbacks_cli.operations.alarms import list_alarms
from tavus_callbacks_cli.operations.failed import QUEUES, dead_letters, list_failures, queue_depth
from tavus_callbacks_cli.operations.pause import disabled_triggers, is_receiving
from tavus_callbacks_cli.targets.api_client import ApiClient
from tavus_callbacks_cli.targets.aws_errors import aws_errors
from tavus_callbacks_cli.targets.aws_stack import Deployment
from tavus_callbacks_cli.targets.choose import Target, UrlTarget

UNCHECKED = "The failed bucket and the queues are not checked, which takes AWS credentials. Use --stack NAME."

# Statuses of a recording that cannot be read and may need attention.
_NOT_AVAILABLE = ("pending", "missing", "failed", "other_conversation")

_OVERDUE: dict[Part, str] = {"transcript": "transcripts overdue", "perception": "perceptions overdue"}
_MARK = " (simulated)"

# Tavus lists conversations by the time at which they were made, which is before their first callback.
_CALL = timedelta(days=1)

Conversation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is stuck: how much of it, since when, and what to type next.

    `conversation_id` is set if `next` is about one conversation.
    """

    what: str
    count: int
    since: str | None
    next: str
    conversation_id: str | None = None


def quarantine_problems(api: ApiClient, *, with_simulated: bool) -> Iterator[Problem]:
    """Yield the entries of quarantine as one problem."""
    entries = [
        entry
        for entry in api.items("/quarantine")
        if with_simulated or not is_tagged(entry["tags"], SIMULATED)
    ]
    if entries:
        oldest = entries[-1]["first_received_at"]
        yield Problem("in quarantine", len(entries), oldest, api.command("quarantine list"))


def recording_problems(api: ApiClient, conversations: Iterable[Conversation]) -> Iterator[Problem]:
    """Yield the recordings that are not available, by their status.

    `since` is the last receipt of the conversation that was first received.
    """
    rows: dict[tuple[str, bool], list[tuple[int, Conversation]]] = defaultdict(list)
    older = 0
    for conversation in conversations:
        # A stack of an earlier version does not answer this member.
        older += conversation["recordings"] > 0 and "recording_statuses" not in conversation
        statuses: Counter[str] = Counter(conversation.get("recording_statuses", ()))
        for status, count in statuses.items():
            rows[status, conversation["simulated"]].append((count, conversation))
    if older:
        what = "conversations with unchecked recordings: the stack is of an earlier version"
        yield Problem(what, older, None, api.command("list", options=["--since", "7d"]))
    for status, is_simulated in product(_NOT_AVAILABLE, (False, True)):
        if several := rows.get((status, is_simulated)):
            what = f"recordings {status}{_MARK * is_simulated}"
            oldest = _oldest(row for _, row in several)
            count = sum(count for count, _ in several)
            yield _conversation_problem(api, what, count, oldest, "recording")


def overdue_problems(
    api: ApiClient, conversations: Collection[Conversation], now: datetime, *, can_backfill: bool
) -> Iterator[Problem]:
    """Yield the transcripts and perception analyses that should have arrived.

    The command fetches them from Tavus where the target gives access to do so, and shows the oldest
    conversation elsewhere.
    """
    for part, is_simulated in product(_OVERDUE, (False, True)):
        rows = [
            row for row in conversations if row["simulated"] == is_simulated and _is_overdue(row, part, now)
        ]
        if not rows:
            continue
        what, oldest = f"{_OVERDUE[part]}{_MARK * is_simulated}", _oldest(rows)
        problem = _conversation_problem(api, what, len(rows), oldest, "backfill" if can_backfill else "show")
        problem = replace(problem, since=oldest.get("ended_at") or problem.since)
        if can_backfill and len(rows) > 1:
            since = datetime.fromisoformat(oldest["received_first_at"]) - _CALL
            problem = replace(
                problem, next=api.command("backfill", options=["--since", f"{since:%Y-%m-%dT%H:%MZ}"])
            )
        yield problem


def _is_overdue(conversation: Conversation, part: Part, now: datetime) -> bool:
    # A stack of an earlier version does not answer this member.
    if part not in conversation.get("missing", ()):
        return False
    last = datetime.fromisoformat(conversation["received_last_at"])
    ended_at = conversation.get("ended_at")
    began_at = min(last, datetime.fromisoformat(ended_at)) if ended_at else last
    return is_overdue(part, (now - began_at).total_seconds())


def _oldest(conversations: Iterable[Conversation]) -> Conversation:
    """Return the conversation that was first received, preferably one that a path can hold."""

    def preference(row: Conversation) -> tuple[bool, str]:
        return not fits_path(row["conversation_id"]), row["received_first_at"]

    return min(conversations, key=preference)


def _conversation_problem(api: ApiClient, what: str, count: int, oldest: Conversation, words: str) -> Problem:
    """Return one problem of several conversations, with a command about the oldest."""
    conversation_id = oldest["conversation_id"]
    command = (
        api.command(words, conversation_id)
        if fits_path(conversation_id)
        else api.command("show", conversation_id, options=["--events"])
    )
    return Problem(what, count, oldest["received_last_at"], command, conversation_id)


def list_problems(
    target: Target, quarantine: ApiClient | None, read: ApiClient, filters: Mapping[str, str]
) -> list[Problem]:
    """Return all problems that the clients and the target's credentials show; raises click.ClickException.

    `filters` choose the conversations that are checked, and whether simulated entries of quarantine count.
    """
    has_access = not isinstance(target, UrlTarget)
    with_simulated = filters.get("simulated") != "false"
    problems = list(quarantine_problems(quarantine, with_simulated=with_simulated)) if quarantine else []
    conversations = list(read.items("/conversations", filters))
    problems += recording_problems(read, conversations)
    problems += overdue_problems(read, conversations, datetime.now(UTC), can_backfill=has_access)
    return [*problems, *operator_problems(target)] if has_access else problems


def operator_problems(target: Target) -> list[Problem]:
    """Return the problems that take AWS credentials to see; raises click.ClickException."""
    deployment = target.deployment()
    with aws_errors():
        problems = list(processing_problems(deployment))
        if not deployment.is_local:
            problems += [*alarm_problems(deployment), *pause_problems(deployment)]
    return problems


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
