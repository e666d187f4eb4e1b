"""`tavus-callbacks backfill`: what Tavus has of conversations and the stack lacks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target, UrlTarget

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.backfill import Work
    from tavus_callbacks_cli.operations.tavus_list import Listing

_BY_URL = """Filing takes AWS credentials, which TAVUS_CALLBACKS_URL has not: use --stack NAME or --local.
Without credentials, let the stack do it: deploy it with TavusApiKeyArn, and its schedule fetches."""

_INCOMPLETE = """Conversations may be missing. Run the command again: nothing is filed twice.
If this stays, name the conversation that you miss: tavus-callbacks backfill ID."""

# Of one conversation; any other error would meet the next one too.
Outcome = dict[str, Any]


@click.command(
    epilog=examples(
        "tavus-callbacks backfill c0b934942640d424 --stack tavus-callbacks",
        "tavus-callbacks backfill --since 7d --dry-run --stack tavus-callbacks",
        "tavus-callbacks backfill --since 2026-11-01T00:00:00Z --all --json --stack tavus-callbacks",
        "tavus-callbacks backfill --since 1d --local",
    )
)
@click.argument("id_", metavar="[ID]", required=False)
@click.option(
    "--since",
    type=options.moment,
    metavar="TIME",
    help="All conversations made from then on: 7d, or ISO 8601 (UTC).",
)
@click.option("--all", "is_all", is_flag=True, help="With --since: those whose callbacks go elsewhere, too.")
@click.option("--dry-run", is_flag=True, help="Only say what is missing.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def backfill(  # noqa: PLR0913 - one argument an option
    target: Target, id_: str | None, *, since: datetime | None, is_all: bool, dry_run: bool, is_json: bool
) -> None:
    """Fetch what Tavus has and the stack lacks.

    Events that never came are filed as their callbacks would have been, marked as backfilled; nothing that is
    there is written twice, and it may be stopped and started again. The key is in TAVUS_API_KEY. With --since
    only conversations are read whose callback_url has one of this stack's tokens, or that it knows. It takes
    AWS credentials, or --local. Exits with 1 if a conversation could not be read, or if Tavus's list
    changed so much while it was read that conversations may be missing.
    """
    if (id_ is None) == (since is None):
        raise click.UsageError("Name one ID, or --since TIME for all that were made from then on.")
    if is_all and since is None:
        raise click.UsageError("--all goes with --since.")
    with _errors():
        work = _work(target)
        wanted, listing = _select(work, id_, since, is_all=is_all)
        outcomes = list(_outcomes(work, wanted, dry_run=dry_run))
    _print(outcomes, listing, dry_run=dry_run, is_json=is_json)
    doubt = listing.doubt if listing else None
    if doubt:
        note(f"{doubt} {_INCOMPLETE}")
    are_read = all(one["outcome"] not in ("unknown", "unreadable") for one in outcomes)
    if len(outcomes) < len(wanted) or not are_read or doubt:
        raise SystemExit(1)


@contextmanager
def _errors() -> Iterator[None]:
    """Raise what AWS and Tavus refuse as click.ClickException."""
    from tavus_callbacks.domain.common.errors import StoreDown
    from tavus_callbacks.outbound.tavus_api import TavusError
    from tavus_callbacks_cli.targets.aws_errors import aws_errors, error_advice

    try:
        with aws_errors():
            yield
    except TavusError as error:
        raise click.ClickException(str(error)) from None
    except StoreDown as error:
        known = error_advice(str(error))
        raise click.ClickException(
            known or f"AWS did not take all of it ({error}). What was filed stays filed: start it again."
        ) from error


def _work(target: Target) -> "Work":
    from tavus_callbacks_cli.operations.backfill import prepare
    from tavus_callbacks_cli.targets.tavus import open_tavus_api

    if isinstance(target, UrlTarget):
        raise click.UsageError(_BY_URL)
    tavus, deployment = open_tavus_api(target), target.deployment()
    note(f"asking {tavus.name}")
    return prepare(tavus.api, deployment.store, deployment.tables.tokens, deployment.event_retention)


def _select(
    work: "Work", id_: str | None, since: datetime | None, *, is_all: bool
) -> tuple[list[str], "Listing | None"]:
    """Return the ids to read, and the listing that they come from."""
    if since is None:
        return [str(id_)], None
    listing = _read_list(work)
    return _chosen(work, listing, since, is_all=is_all), listing


def _read_list(work: "Work") -> "Listing":
    from tavus_callbacks_cli.operations.tavus_list import Listing

    listing = Listing()
    with click.progressbar(
        listing.read(work.api),
        file=sys.stderr,
        label="reading Tavus's list",
        item_show_func=lambda _: f"{len(listing.records)} conversations",
    ) as pages:
        for _ in pages:
            pass
    return listing


def _chosen(work: "Work", listing: "Listing", since: datetime, *, is_all: bool) -> list[str]:
    from tavus_callbacks_cli.operations.backfill import find_candidates

    found = list(find_candidates(work, listing.records.values(), since))
    chosen = [one.conversation_id for one in found if one.is_ours or is_all]
    if len(chosen) < len(found):
        note(
            f"{len(found) - len(chosen)} conversations are left out: their callbacks go elsewhere. "
            "--all reads them too."
        )
    return chosen


def _outcomes(work: "Work", wanted: list[str], *, dry_run: bool) -> Iterator[Outcome]:
    """Yield what came of each; a key that is refused, or a Tavus that is busy, ends it."""
    from tavus_callbacks.outbound.tavus_api import Busy, KeyRefused

    with click.progressbar(wanted, file=sys.stderr, label="reading Tavus's records") as bar:
        for conversation_id in bar:
            try:
                yield _outcome(work, conversation_id, dry_run=dry_run)
            except (Busy, KeyRefused) as error:
                click.echo(err=True)
                note(f"{error} What was filed stays filed: start it again.")
                return


def _outcome(work: "Work", conversation_id: str, *, dry_run: bool) -> Outcome:
    from tavus_callbacks.outbound.tavus_api import UnknownThere, Unreadable
    from tavus_callbacks_cli.operations.backfill import backfill_conversation

    try:
        found = backfill_conversation(work, conversation_id, dry_run=dry_run)
    except UnknownThere as error:
        return _row(conversation_id, "unknown", reason=str(error))
    except Unreadable as error:
        return _row(conversation_id, "unreadable", reason=str(error))
    outcome = "missing" if dry_run and found.outcome == "filed" else found.outcome
    return _row(
        conversation_id,
        outcome,
        events=list(found.events),
        variants=found.variants,
        unfileable=found.unfileable,
        confirmed=found.confirmed,
    )


def _row(conversation_id: str, outcome: str, **members: Any) -> Outcome:
    absent = {"events": [], "variants": 0, "unfileable": 0, "confirmed": False, "reason": None}
    return {"conversation_id": conversation_id, "outcome": outcome, **absent, **members}


def _print(outcomes: list[Outcome], listing: "Listing | None", *, dry_run: bool, is_json: bool) -> None:
    if is_json:
        print_json({"conversations": outcomes, "listing": listing and _listing_json(listing)})
        return
    columns = ("conversation", "outcome", "events", "variants", "confirmed", "why")
    told = (one for one in outcomes if one["outcome"] != "complete")
    print_table(columns, map(_cells, told))
    events = sum(len(one["events"]) for one in outcomes)
    done = "are missing" if dry_run else "were filed"
    complete = sum(one["outcome"] == "complete" for one in outcomes)
    note(f"{len(outcomes)} conversations read, {complete} complete; {events} events {done}.")


def _listing_json(listing: "Listing") -> dict[str, Any]:
    return {
        "complete": listing.doubt is None,
        "conversations": len(listing.records),
        "total_count": listing.total_count,
        "passes": listing.passes,
        "doubt": listing.doubt,
    }


def _cells(one: Outcome) -> tuple[str, ...]:
    unfileable = f"{one['unfileable']} entries cannot be filed" if one["unfileable"] else ""
    return (
        one["conversation_id"],
        one["outcome"],
        str(len(one["events"])),
        str(one["variants"]),
        "yes" if one["confirmed"] else "no",
        one["reason"] or unfileable,
    )
