"""`tavus-callbacks quarantine`: bodies that came with a valid token and could not be stored as events."""

from collections.abc import Collection, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

import click

from tavus_callbacks_cli.commands import completion, options
from tavus_callbacks_cli.commands.options import named_target_options, target_options, wide_option
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import (
    note,
    note_more,
    print_block,
    print_fields,
    print_json,
    print_table,
)
from tavus_callbacks_cli.output.text import Times, amount, examples, size, tags
from tavus_callbacks_cli.targets.choose import Target


@click.group(
    epilog=examples(
        "tavus-callbacks quarantine list --stack tavus-callbacks",
        "tavus-callbacks quarantine show latest --local",
        "tavus-callbacks quarantine redrive --all --dry-run --stack tavus-callbacks",
    )
)
def quarantine() -> None:
    """Show, redrive or delete quarantined callbacks.

    With TAVUS_CALLBACKS_URL, `list` and `show` use TAVUS_CALLBACKS_QUARANTINE_TOKEN.
    """


@quarantine.command(
    "list",
    epilog=examples(
        "tavus-callbacks quarantine list --local",
        "tavus-callbacks quarantine list --limit 500 --json --stack tavus-callbacks",
    ),
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    metavar="N",
    show_default=True,
    help="At most N entries.",
)
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def list_(target: Target, *, limit: int, is_json: bool) -> None:
    """List the entries and the reason for each.

    The newest entries come first. Equal bodies share one entry, which has a count.
    """
    from tavus_callbacks_cli.operations.ids import shorten_quarantine_id

    with target.open_api("quarantine") as api:
        entries = list(islice(api.items("/quarantine"), limit + 1))
    if is_json:
        print_json({"quarantine": entries[:limit]})
    elif entries:
        times = Times.of(entry["last_received_at"] for entry in entries[:limit])
        columns = ("quarantine id", times.head("last received"), "count", "label", "size", "reason")
        rows = (
            (
                shorten_quarantine_id(entry["quarantine_id"]),
                times.cell(entry["last_received_at"]),
                str(entry["count"]),
                entry["label"],
                size(entry["size"]),
                f"{entry['status']} {entry['detail']}",
            )
            for entry in entries[:limit]
        )
        print_table(columns, rows, optional=("size",))
    if not entries:
        note("Nothing is in quarantine.")
    if len(entries) > limit:
        note_more(limit)


@quarantine.command(
    epilog=examples(
        "tavus-callbacks quarantine show latest --local",
        "tavus-callbacks quarantine show 0123456789abcdef0123456789abcdef --stack tavus-callbacks",
    )
)
@options.id_argument(complete=completion.quarantine_ids)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def show(target: Target, id_: str, *, is_json: bool) -> None:
    """Show an entry's body, and why it is in quarantine.

    `latest` is the newest entry. Control characters in the body are shown escaped.
    """
    from tavus_callbacks_cli.operations.ids import choose_quarantined

    with target.open_api("quarantine") as api:
        entry = choose_quarantined(api.items("/quarantine"), id_, api.command("quarantine list"))
        if entry["body"] is None:
            entry["body"] = api.text(f"/quarantine/{entry['quarantine_id']}/body")
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
    received = entry["first_received_at"], entry["last_received_at"]
    times = Times.of(received)
    first, last = map(times.show, received)
    several = f"{first} to {last}, {entry['count']} times"
    yield times.head("received"), first if entry["count"] == 1 else several
    yield "size", size(entry["size"])
    if coding := entry.get("content_encoding"):
        yield "encoding", coding


@quarantine.command(
    epilog=examples(
        "tavus-callbacks quarantine redrive --all --dry-run --local",
        "tavus-callbacks quarantine redrive --all --stack tavus-callbacks",
        "tavus-callbacks quarantine redrive latest --local",
    )
)
@options.id_argument(complete=completion.quarantine_ids, required=False)
@click.option("--all", "is_all", is_flag=True, help="Redrive every entry.")
@click.option("--dry-run", is_flag=True, help="Only say which entries can be stored.")
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@named_target_options
def redrive(target: Target, id_: str | None, *, is_all: bool, dry_run: bool, is_json: bool) -> None:
    """Store the entries that this version accepts.

    `latest` is the newest entry. Each body is parsed again with the rules of this version, and keeps its time
    of receipt, label and tags. An entry is removed once its event is stored, and stays otherwise. The command
    needs AWS credentials, or --local.
    """
    from tavus_callbacks_cli.operations.ids import shorten_event_id, shorten_quarantine_id
    from tavus_callbacks_cli.operations.quarantine import redrive_entries

    if (id_ is None) != is_all:
        raise click.UsageError(
            "Give the ID of an entry, or --all. "
            f"`{shell.command('quarantine list', options=target.options)}` shows them."
        )
    outcomes = redrive_entries(target, id_, dry_run=dry_run)
    if is_json:
        print_json({"quarantine": [asdict(outcome) for outcome in outcomes]})
        return
    rows = (
        (
            shorten_quarantine_id(each.quarantine_id),
            each.outcome,
            shorten_event_id(each.event_id or ""),
            each.reason or "",
        )
        for each in outcomes
    )
    print_table(("quarantine id", "outcome", "event id", "reason"), rows)
    refused = sum(outcome.outcome == "refused" for outcome in outcomes)
    done = "that can be stored" if dry_run else "stored"
    note(f"Entries {done}: {len(outcomes) - refused}. Still refused: {refused}.")


@quarantine.command(
    epilog=examples(
        "tavus-callbacks quarantine delete latest --local",
        "tavus-callbacks quarantine delete 0123456789abcdef0123456789abcdef --yes --stack tavus-callbacks",
    )
)
@options.id_argument("ids", completion.quarantine_ids, nargs=-1)
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@named_target_options
def delete(target: Target, ids: tuple[str, ...], *, is_sure: bool, is_json: bool) -> None:
    """Delete entries and their bodies.

    `latest` is the newest entry. The command needs AWS credentials, or --local.
    """
    from tavus_callbacks_cli.operations.quarantine import delete_entries

    def confirm(entries: Collection[dict[str, Any]]) -> None:
        for entry in entries:
            note(f"{entry['quarantine_id']}  {entry['status']} {entry['detail']}")
        if not is_sure:
            count = amount(len(entries), "entry", "entries")
            click.confirm(f"Delete {count} for ever?", abort=True, err=True)

    deleted = delete_entries(target, ids, confirm)
    if is_json:
        print_json({"deleted": deleted})
    note(f"Deleted {amount(len(deleted), 'entry', 'entries')}.")
