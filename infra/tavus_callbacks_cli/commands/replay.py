"""`tavus-callbacks replay`: post stored bodies again, to an address of yours."""

import json
from contextlib import ExitStack
from dataclasses import asdict
from dataclasses import replace as with_members
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import (
    filter_options,
    id_argument,
    post_options,
    target_options,
    wide_option,
)
from tavus_callbacks_cli.commands.signals import one_signal_ends
from tavus_callbacks_cli.output.console import note, print_json, print_table, progress_bar
from tavus_callbacks_cli.output.text import Times, examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tavus_callbacks_cli.operations.events import Event, EventFilter
    from tavus_callbacks_cli.operations.replay import Outcome, Pace
    from tavus_callbacks_cli.operations.replay_file import ReplayFile
    from tavus_callbacks_cli.targets.api_client import ApiClient

# Up to so many events are shown one by one; of more, counts and the first few.
_SHORT, _FEW = 20, 5


@click.command(
    epilog=examples(
        "tavus-callbacks replay c0b934942640d424 --to http://localhost:5000/webhook --local",
        "tavus-callbacks replay --since 2h --tag user:4711 --to http://localhost:5000/ --dry-run --local",
        "tavus-callbacks replay --since 1d --event-type system.shutdown --to http://localhost:5000/ "
        "--rate 5 --resume shutdowns.jsonl --stack tavus-callbacks",
    )
)
@id_argument(required=False)
@click.option(
    "--since", type=options.past, metavar="TIME", help="Events received since then: 2h, or ISO 8601 (UTC)."
)
@click.option(
    "--until", type=options.moment, metavar="TIME", help="Events received before then: 2h, or ISO 8601 (UTC)."
)
@post_options
@click.option("--dry-run", is_flag=True, help="Show what would be posted, and post nothing.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0.001),
    metavar="N",
    help="Post at most N bodies a second.",
)
@click.option(
    "--resume",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Record outcomes in FILE, and skip events that it lists as accepted.",
)
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
@filter_options
def replay(  # noqa: PLR0913 - one argument an option
    target: Target,
    id_: str | None,
    *,
    since: datetime | None,
    until: datetime | None,
    url: str,
    ca: Path | None,
    is_insecure: bool,
    dry_run: bool,
    rate: float | None,
    resume: Path | None,
    is_json: bool,
    filter_: "EventFilter",
) -> None:
    """Post stored bodies again, in order of receipt.

    Give the ID of a subject or of one event, `latest` for the newest conversation (with --kind, the newest
    subject of that kind), or --since for all subjects. Tokens in the bodies are redacted. Two headers name
    the event and mark the replay, and the event's tags are in the query. If the server returns 429 or 503,
    the replay waits and tries again. After any other error, it continues with the next event. It stops after
    three events in a row without a response. The exit code is 0 only if the server accepted every event.
    """
    from tavus_callbacks_cli.operations.events import PATIENCE, row_id
    from tavus_callbacks_cli.operations.ids import LATEST, resolve_subject
    from tavus_callbacks_cli.operations.post import open_poster
    from tavus_callbacks_cli.operations.replay import Pace, outcome_of
    from tavus_callbacks_cli.operations.replay import replay as post_bodies
    from tavus_callbacks_cli.operations.replay_file import ReplayFile, open_replay_file, read_replay_file

    pace = Pace(rate, PATIENCE, note)
    choose = _chooser(id_, filter_, since, until, pace)
    with ExitStack() as stack:
        stack.enter_context(one_signal_ends())
        # A wrong address or file is an error before anything is read.
        post = stack.enter_context(open_poster(url, ca=ca, is_insecure=is_insecure))
        api = stack.enter_context(target.open_api("read"))
        if id_ == LATEST:
            # The file of --resume belongs to this conversation, whichever is the latest tomorrow.
            leave_out = {} if filter_.with_simulated else {"simulated": "false"}
            id_ = resolve_subject(api, id_, filter_.kind, leave_out)
            choose = _chooser(id_, filter_, since, until, pace)
        file = ReplayFile()
        if resume and dry_run:
            file = read_replay_file(resume, url, _choice(id_, filter_))
        elif resume:
            file = stack.enter_context(open_replay_file(resume, url, _choice(id_, filter_), since))
        chosen = choose(api, file.since)
        events = [event for event in chosen if row_id(event) not in file.taken]
        fault = None
        if dry_run:
            outcomes = [outcome_of(event, "would be posted") for event in events]
        else:
            outcomes, fault = _record(post_bodies(api, events, post, pace), file, len(events))
            outcomes += [outcome_of(event, "not posted") for event in events[len(outcomes) :]]
    skipped = len(chosen) - len(events)
    _show(outcomes, skipped, is_json=is_json)
    is_whole = _summarize(outcomes, skipped, resume, dry_run=dry_run)
    if fault:
        raise fault
    if not is_whole:
        raise SystemExit(1)


def _record(
    posted: "Iterator[Outcome]", file: "ReplayFile", total: int
) -> "tuple[list[Outcome], BaseException | None]":
    """Note each outcome as it comes; return them, and what ended it early: Ctrl-C, or a full disk."""
    outcomes = []
    try:
        with progress_bar() as bar:
            for outcome in bar.track(posted, total=total, description="posting"):
                outcomes.append(outcome)
                file.record(outcome)
    except (KeyboardInterrupt, click.ClickException) as error:
        return outcomes, error
    return outcomes, None


def _choice(id_: str | None, filter_: "EventFilter") -> str:
    """Return which events were asked for, but for their time."""
    lists = {"event_types": sorted(filter_.event_types), "tags": sorted(filter_.tags)}
    return json.dumps({"id": id_, **asdict(filter_), **lists})


def _chooser(
    id_: str | None,
    filter_: "EventFilter",
    since: datetime | None,
    until: datetime | None,
    pace: "Pace",
) -> "Callable[[ApiClient, datetime | None], list[Event]]":
    """Return what lists the events to post, since an earlier time if the first run began there.

    Raises click.UsageError if nothing says which events.
    """
    from tavus_callbacks_cli.operations.replay import list_named, list_received

    if since and until and until <= since:
        raise click.UsageError("--until must be later than --since.")
    if id_ is not None:
        # A subject that is named is meant, simulated or not.
        named = with_members(filter_, kind=None, with_simulated=True)
        return lambda api, begin: list_named(
            api, filter_.kind, id_, named, (since and min(since, begin or since), until)
        )
    if since is not None:
        return lambda api, begin: list_received(api, filter_, min(since, begin or since), until, pace)
    raise click.UsageError("Add what to replay: an ID, latest, or --since TIME.")


def _show(outcomes: "list[Outcome]", skipped: int, *, is_json: bool) -> None:
    from tavus_callbacks_cli.operations.replay import count_outcomes

    counts = count_outcomes(outcomes)
    if is_json:
        print_json({"events": outcomes, "counts": counts, "taken_before": skipped})
        return
    chosen = outcomes
    if len(outcomes) > _SHORT:
        rows = [(_outcome(each), each["event_type"], str(each["events"])) for each in counts]
        print_table(("outcome", "event type", "events"), rows)
        chosen = [each for each in outcomes if each["outcome"] != "taken"][:_FEW]
    _print_events(chosen)


def _print_events(outcomes: "list[Outcome]") -> None:
    from tavus_callbacks_cli.operations.ids import shorten_event_id

    times = Times.of(each["received_at"] for each in outcomes)
    rows = [
        (
            times.cell(each["received_at"]),
            each["event_type"],
            _outcome(each),
            shorten_event_id(each["event_id"]),
        )
        for each in outcomes
    ]
    print_table((times.head("received"), "event type", "outcome", "event id"), rows)


def _outcome(each: "dict[str, Any]") -> str:
    status = f" ({each['status_code']})" if each["status_code"] else ""
    reason = f": {each['reason']}" if each.get("reason") else ""
    return f"{each['outcome']}{status}{reason}"


def _summarize(outcomes: "list[Outcome]", skipped: int, resume: Path | None, *, dry_run: bool) -> bool:
    """Say how many were taken, and how to go on; return whether nothing is left to do."""
    left = [each for each in outcomes if each["outcome"] != "taken"]
    if skipped:
        note(f"Skipped {skipped} that an earlier run posted.")
    if not outcomes:
        note("No events match." if not skipped else "Everything has been posted.")
    elif dry_run:
        note(f"Events to post: {len(outcomes)}.")
    else:
        note(f"{len(outcomes) - len(left)} of {len(outcomes)} were taken.")
    if dry_run or not left:
        return True
    if resume:
        note("Run the same command again to post the rest.")
    else:
        note(
            f"The first event that was not taken was received at {left[0]['received_at']}. "
            "Continue with --since. With --resume FILE, each run posts only the rest."
        )
    return False
