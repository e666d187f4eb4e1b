"""`tavus-callbacks backfill`: fetch lost events from Tavus's API and store them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import id_argument, target_options, wide_option
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target, UrlTarget

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.backfill import Work
    from tavus_callbacks_cli.operations.tavus_list import Listing

_BY_URL = """TAVUS_CALLBACKS_URL can only read, and backfill stores events. Add --stack NAME or --local.
Without AWS credentials, deploy the stack with TavusApiKeyArn. It then fetches lost callbacks by itself."""

_INCOMPLETE = """Conversations may be missing. Run the command again: no event is stored twice.
If one is still missing, fetch it by its id: `{command}`."""


@click.command(
    epilog=examples(
        "tavus-callbacks backfill c0b934942640d424 --stack tavus-callbacks",
        "tavus-callbacks backfill --since 7d --dry-run --stack tavus-callbacks",
        "tavus-callbacks backfill --since 2026-11-01T00:00:00Z --all --json --stack tavus-callbacks",
        "tavus-callbacks backfill --since 1d --local",
        "tavus-callbacks backfill c0b934942640d424 --tavus --local",
    )
)
@id_argument(required=False)
@click.option(
    "--since",
    type=options.moment,
    metavar="TIME",
    help="Fetch all conversations created since then: 7d, or ISO 8601 (UTC).",
)
@click.option(
    "--all", "is_all", is_flag=True, help="With --since: also fetch conversations with another callback_url."
)
@click.option("--tavus", "is_real", is_flag=True, help="With --local: query Tavus, not the local stand-in.")
@click.option("--dry-run", is_flag=True, help="Only list what is missing.")
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def backfill(  # noqa: PLR0913 - one argument an option
    target: Target,
    id_: str | None,
    *,
    since: datetime | None,
    is_all: bool,
    is_real: bool,
    dry_run: bool,
    is_json: bool,
) -> None:
    """Fetch lost events from Tavus's API and store them.

    ID is the id of a conversation, or `latest`. Missing events are stored as if their callbacks had arrived,
    and marked as backfilled. No event is stored twice, so you can stop the command and run it again.

    The command reads your Tavus API key from TAVUS_API_KEY. With --local, it queries the local stand-in for
    Tavus's API, which needs no key. With --since it fetches conversations that the stack knows, or that have
    one of its tokens in their callback_url. It needs AWS credentials, or --local.

    The exit code is 1 if a conversation could not be read. It is also 1 if conversations may be missing
    because Tavus's list changed while it was read.
    """
    from tavus_callbacks_cli.operations.backfill import prepare
    from tavus_callbacks_cli.operations.ids import resolve_on
    from tavus_callbacks_cli.targets.tavus import open_tavus_api

    if (id_ is None) == (since is None):
        raise click.UsageError("Add the ID of a conversation, or --since TIME.")
    if is_all and since is None:
        raise click.UsageError("--all goes with --since.")
    listing: Listing | None = None
    with _client_errors():
        if isinstance(target, UrlTarget):
            raise click.UsageError(_BY_URL)
        (api, name), deployment = open_tavus_api(target, is_real=is_real), target.deployment()
        note(f"asking {name}")
        work = prepare(api, deployment.store, deployment.tables.tokens, deployment.event_retention)
        wanted = [resolve_on(target, id_, "conversation")] if id_ else []
        if since is not None:
            listing, wanted = _read_list(work, since, is_all=is_all)
        outcomes = list(_outcomes(work, wanted, dry_run=dry_run))
    if is_json:
        print_json({"conversations": outcomes, "listing": listing and listing.as_json()})
    else:
        _print_table(outcomes, dry_run=dry_run)
    doubt = listing.doubt if listing else None
    if doubt:
        command = shell.command("backfill", options=("ID", *target.options))
        note(f"{doubt} {_INCOMPLETE.format(command=command)}")
    are_read = all(outcome["outcome"] not in ("unknown", "unreadable") for outcome in outcomes)
    if len(outcomes) < len(wanted) or not are_read or doubt:
        raise SystemExit(1)


@contextmanager
def _client_errors() -> Iterator[None]:
    """Raise errors of AWS and Tavus as click.ClickException."""
    from tavus_callbacks.outbound.tavus_api import TavusError
    from tavus_callbacks_cli.targets.aws_errors import aws_errors, incomplete_errors

    try:
        with aws_errors(), incomplete_errors("Run the command again to store the rest."):
            yield
    except TavusError as error:
        raise click.ClickException(str(error)) from None


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
            f"{len(candidates) - len(ids)} conversations with a callback_url elsewhere are left out. "
            "--all includes them."
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
                note(f"{error} Run the command again to store the rest.")
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
            row["reason"] or (f"{row['unfileable']} entries cannot be stored" if row["unfileable"] else ""),
        )
        for row in incomplete
    )
    print_table(("conversation", "outcome", "events", "variants", "confirmed", "why"), rows)
    events = sum(len(outcome["events"]) for outcome in outcomes)
    done = "missing" if dry_run else "stored"
    complete = len(outcomes) - len(incomplete)
    note(f"Conversations read: {len(outcomes)}, complete: {complete}. Events {done}: {events}.")
