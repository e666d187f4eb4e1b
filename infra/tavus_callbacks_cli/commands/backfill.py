"""`tavus-callbacks backfill`: store events that Tavus has and the stack lacks."""

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
    from tavus_callbacks_cli.operations.backfill import prepare
    from tavus_callbacks_cli.targets.tavus import open_tavus_api

    if (id_ is None) == (since is None):
        raise click.UsageError("Name one ID, or --since TIME for all that were made from then on.")
    if is_all and since is None:
        raise click.UsageError("--all goes with --since.")
    listing: Listing | None = None
    with _client_errors():
        if isinstance(target, UrlTarget):
            raise click.UsageError(_BY_URL)
        (api, name), deployment = open_tavus_api(target), target.deployment()
        note(f"asking {name}")
        work = prepare(api, deployment.store, deployment.tables.tokens, deployment.event_retention)
        wanted = [str(id_)]
        if since is not None:
            listing, wanted = _read_list(work, since, is_all=is_all)
        outcomes = list(_outcomes(work, wanted, dry_run=dry_run))
    if is_json:
        print_json({"conversations": outcomes, "listing": listing and listing.as_json()})
    else:
        _print_table(outcomes, dry_run=dry_run)
    doubt = listing.doubt if listing else None
    if doubt:
        note(f"{doubt} {_INCOMPLETE}")
    are_read = all(outcome["outcome"] not in ("unknown", "unreadable") for outcome in outcomes)
    if len(outcomes) < len(wanted) or not are_read or doubt:
        raise SystemExit(1)


@contextmanager
def _client_errors() -> Iterator[None]:
    """Raise errors of AWS and Tavus as click.ClickException."""
    from tavus_callbacks.domain.common.errors import StoreDown
    from tavus_callbacks.outbound.tavus_api import TavusError
    from tavus_callbacks_cli.targets.aws_errors import aws_errors, error_advice

    try:
        with aws_errors():
            yield
    except TavusError as error:
        raise click.ClickException(str(error)) from None
    except StoreDown as error:
        advice = error_advice(str(error))
        raise click.ClickException(
            advice or f"AWS did not take all of it ({error}). What was filed stays filed: start it again."
        ) from error


def _read_list(work: "Work", since: datetime, *, is_all: bool) -> "tuple[Listing, list[str]]":
    """Return Tavus's list, and the ids in it to read: those of this stack, or all."""
    from tavus_callbacks_cli.operations.backfill import find_candidates
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
    candidates = list(find_candidates(work, listing.records.values(), since))
    ids = [candidate.conversation_id for candidate in candidates if candidate.is_ours or is_all]
    if len(ids) < len(candidates):
        note(
            f"{len(candidates) - len(ids)} conversations are left out: their callbacks go elsewhere. "
            "--all reads them too."
        )
    return listing, ids


def _outcomes(work: "Work", wanted: list[str], *, dry_run: bool) -> Iterator[dict[str, Any]]:
    """Yield the outcome of each conversation; stop if the key is refused or Tavus is busy."""
    from tavus_callbacks.outbound.tavus_api import Busy, KeyRefused
    from tavus_callbacks_cli.operations.backfill import backfill_outcome

    with click.progressbar(wanted, file=sys.stderr, label="reading Tavus's records") as bar:
        for conversation_id in bar:
            try:
                yield backfill_outcome(work, conversation_id, dry_run=dry_run)
            except (Busy, KeyRefused) as error:
                click.echo(err=True)
                note(f"{error} What was filed stays filed: start it again.")
                return


def _print_table(outcomes: list[dict[str, Any]], *, dry_run: bool) -> None:
    incomplete = [outcome for outcome in outcomes if outcome["outcome"] != "complete"]
    rows = (
        (
            row["conversation_id"],
            row["outcome"],
            str(len(row["events"])),
            str(row["variants"]),
            "yes" if row["confirmed"] else "no",
            row["reason"] or (f"{row['unfileable']} entries cannot be filed" if row["unfileable"] else ""),
        )
        for row in incomplete
    )
    print_table(("conversation", "outcome", "events", "variants", "confirmed", "why"), rows)
    events = sum(len(outcome["events"]) for outcome in outcomes)
    done = "are missing" if dry_run else "were filed"
    complete = len(outcomes) - len(incomplete)
    note(f"{len(outcomes)} conversations read, {complete} complete; {events} events {done}.")
