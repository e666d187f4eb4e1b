"""`tavus-callbacks replay`: post stored bodies again, to an address of yours."""

from contextlib import ExitStack
from dataclasses import replace as with_members
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import filter_options, post_options, target_options
from tavus_callbacks_cli.output.console import note, print_json, print_table, progress_bar
from tavus_callbacks_cli.output.text import examples, moment, zone
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tavus_callbacks_cli.operations.events import Event, EventFilter
    from tavus_callbacks_cli.operations.replay import Outcome, Pace
    from tavus_callbacks_cli.targets.api_client import ApiClient

# Seconds in all for which one body waits for a target or a stack that is busy.
_PATIENCE = 300.0

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
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--since", type=options.moment, metavar="TIME", help="Received since: 2h, or ISO 8601 (UTC).")
@click.option("--until", type=options.moment, metavar="TIME", help="Received before: 2h, or ISO 8601 (UTC).")
@post_options
@click.option("--dry-run", is_flag=True, help="Only say what would be posted.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Post at most N bodies a second.",
)
@click.option(
    "--resume",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Note outcomes in FILE, and leave out what it says was taken.",
)
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

    Give the ID of a subject, or --since for all subjects. Tokens in the bodies are redacted. Two headers name
    the event and mark the replay, and the event's tags are in the query. The replay waits for a target that
    answers 429 or 503. It continues after any other refusal, and stops if nobody answers three times in a
    row. Ends with 1 unless everything was taken.
    """
    from tavus_callbacks_cli.operations.events import row_id
    from tavus_callbacks_cli.operations.post import open_poster
    from tavus_callbacks_cli.operations.replay import Pace, outcome_of
    from tavus_callbacks_cli.operations.replay import replay as post_bodies
    from tavus_callbacks_cli.operations.replay_file import ReplayFile, open_replay_file, read_replay_file

    pace = Pace(rate, _PATIENCE, note)
    choose = _chooser(id_, filter_, since, until, pace)
    with ExitStack() as stack:
        # A wrong address or file is an error before anything is read.
        post = stack.enter_context(open_poster(url, ca=ca, is_insecure=is_insecure))
        file = ReplayFile()
        if resume and dry_run:
            file = read_replay_file(resume, url)
        elif resume:
            file = stack.enter_context(open_replay_file(resume, url, since))
        api = stack.enter_context(target.open_api("read"))
        chosen = choose(api, file.since)
        events = [event for event in chosen if row_id(event) not in file.taken]
        outcomes = []
        if dry_run:
            outcomes = [outcome_of(event, "would be posted") for event in events]
        else:
            bar = stack.enter_context(progress_bar())
            posted = post_bodies(api, events, post, pace)
            for outcome in bar.track(posted, total=len(events), description="posting"):
                outcomes.append(outcome)
                file.record(outcome)
    skipped = len(chosen) - len(events)
    _show(outcomes, skipped, is_json=is_json)
    _summarize(outcomes, skipped, resume, dry_run=dry_run)


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
    from tavus_callbacks_cli.operations.replay import list_bodies, list_received

    if id_ is not None:
        # A subject that is named is meant, simulated or not.
        named = with_members(filter_, kind=None, with_simulated=True)
        kind = filter_.kind or "conversation"
        return lambda api, _: list_bodies(api, kind, id_, named, (since, until))
    if since is not None:
        return lambda api, begin: list_received(api, filter_, min(since, begin or since), until, pace)
    raise click.UsageError("Say what to replay: an ID, or --since TIME.")


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
    if chosen:
        print_table(
            (f"received ({zone()})", "event type", "outcome", "event id"),
            [
                (moment(each["received_at"]), each["event_type"], _outcome(each), each["event_id"])
                for each in chosen
            ],
        )


def _outcome(each: "dict[str, Any]") -> str:
    status = f" ({each['status_code']})" if each["status_code"] else ""
    reason = f": {each['reason']}" if each.get("reason") else ""
    return f"{each['outcome']}{status}{reason}"


def _summarize(outcomes: "Iterable[Outcome]", skipped: int, resume: Path | None, *, dry_run: bool) -> None:
    words = [each["outcome"] for each in outcomes]
    if skipped:
        note(f"{skipped} were taken by an earlier run and are left out.")
    if not words:
        note("No events match." if not skipped else "Nothing is left to post.")
    elif dry_run:
        note(f"{len(words)} would be posted.")
    else:
        note(f"{words.count('taken')} of {len(words)} were taken.")
        if words.count("taken") < len(words):
            note(
                "Run the same command again to post the rest."
                if resume
                else "With --resume FILE, a later run posts only what is not taken yet."
            )
            raise SystemExit(1)
