"""`tavus-callbacks quarantine`: bodies with a valid token that could not be filed."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

import click

from tavus_callbacks_cli.commands.options import named_target_options, target_options
from tavus_callbacks_cli.output.console import note, print_block, print_fields, print_json, print_table
from tavus_callbacks_cli.output.shell import quote
from tavus_callbacks_cli.output.text import examples, moment, size, tags, zone
from tavus_callbacks_cli.targets.choose import Target


@click.group(
    epilog=examples(
        "tavus-callbacks quarantine list --stack tavus-callbacks",
        "tavus-callbacks quarantine show 0123456789abcdef0123456789abcdef --local",
        "tavus-callbacks quarantine redrive --all --dry-run --stack tavus-callbacks",
    )
)
def quarantine() -> None:
    """Look at what could not be filed, and file it.

    With TAVUS_CALLBACKS_URL this takes TAVUS_CALLBACKS_QUARANTINE_TOKEN.
    """


@quarantine.command(
    "list",
    epilog=examples(
        "tavus-callbacks quarantine list --local",
        "tavus-callbacks quarantine list --limit 500 --json --stack tavus-callbacks",
    ),
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many, newest first."
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def list_(target: Target, *, limit: int, is_json: bool) -> None:
    """List what could not be filed and why.

    Newest first; equal bodies are one entry with a count.
    """
    with target.open_api("quarantine") as api:
        entries = list(islice(api.items("/quarantine"), limit + 1))
    if is_json:
        print_json({"quarantine": entries[:limit]})
    else:
        columns = ("quarantine id", f"last received ({zone()})", "count", "label", "size", "reason")
        rows = (
            (
                entry["quarantine_id"],
                moment(entry["last_received_at"]),
                str(entry["count"]),
                entry["label"],
                size(entry["size"]),
                f"{entry['status']} {entry['detail']}",
            )
            for entry in entries[:limit]
        )
        print_table(columns, rows)
    if not entries:
        note("Nothing is in quarantine.")
    if len(entries) > limit:
        note(f"There are more: --limit {limit * 10} shows up to {limit * 10}.")


@quarantine.command(
    epilog=examples("tavus-callbacks quarantine show 0123456789abcdef0123456789abcdef --local")
)
@click.argument("id_", metavar="ID")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def show(target: Target, id_: str, *, is_json: bool) -> None:
    """Show one body and why it could not be filed.

    Control characters in it are shown escaped.
    """
    from tavus_callbacks_cli.operations.quarantine import NOT_THERE
    from tavus_callbacks_cli.targets.api_client import NotFound

    with target.open_api("quarantine") as api:
        entries = (entry for entry in api.items("/quarantine") if entry["quarantine_id"] == id_)
        entry = next(entries, None)
        if entry is None:
            raise NotFound(NOT_THERE.format(quote(id_)))
        if entry["body"] is None:
            entry["body"] = api.text(f"/quarantine/{id_}/body")
    if is_json:
        print_json(entry)
        return
    print_fields(entry_fields(entry))
    click.echo()
    print_block(entry["body"])


def entry_fields(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield an entry as names and values."""
    yield "id", entry["quarantine_id"]
    yield "reason", f"{entry['status']} {entry['title']}: {entry['detail']}"
    yield "label", entry["label"]
    yield "tags", tags(entry["tags"]) or "none"
    first, last = moment(entry["first_received_at"]), moment(entry["last_received_at"])
    yield "received", f"{first}, {entry['count']} in all, last {last} ({zone()})"
    yield "size", size(entry["size"])
    if coding := entry.get("content_encoding"):
        yield "coding", coding


@quarantine.command(
    epilog=examples(
        "tavus-callbacks quarantine redrive --all --dry-run --local",
        "tavus-callbacks quarantine redrive --all --stack tavus-callbacks",
        "tavus-callbacks quarantine redrive 0123456789abcdef0123456789abcdef --local",
    )
)
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--all", "is_all", is_flag=True, help="Everything that is in quarantine.")
@click.option("--dry-run", is_flag=True, help="Only say what could be filed.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@named_target_options
def redrive(target: Target, id_: str | None, *, is_all: bool, dry_run: bool, is_json: bool) -> None:
    """File what can be filed by now.

    This version's rules read each body anew, with its own time of receipt, label and tags; an entry goes once
    its event is kept, and what still cannot be filed stays. It takes AWS credentials, or --local.
    """
    from tavus_callbacks_cli.operations.quarantine import redrive_entries

    if (id_ is None) != is_all:
        raise click.UsageError("Name one ID of `tavus-callbacks quarantine list`, or --all.")
    outcomes = redrive_entries(target, id_, dry_run=dry_run)
    if is_json:
        print_json({"quarantine": [asdict(outcome) for outcome in outcomes]})
        return
    columns = ("quarantine id", "outcome", "event id", "reason")
    rows = ((each.quarantine_id, each.outcome, each.event_id or "", each.reason or "") for each in outcomes)
    print_table(columns, rows)
    refused = sum(outcome.outcome == "refused" for outcome in outcomes)
    done = "can be filed" if dry_run else "are filed"
    note(f"{len(outcomes) - refused} {done}, {refused} still cannot be filed.")
