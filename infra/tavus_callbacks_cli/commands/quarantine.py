"""`tavus-callbacks quarantine`: what came with a valid token and could not be filed."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.console import (
    examples,
    moment,
    note,
    print_block,
    print_fields,
    print_json,
    print_table,
    size,
    tags,
    zone,
)
from tavus_callbacks_cli.targets import Target, target_options

if TYPE_CHECKING:
    from tavus_callbacks_cli.reader import Reader

_SHOWN = 50


@click.group(
    epilog=examples(
        "tavus-callbacks quarantine list --stack tavus-callbacks",
        "tavus-callbacks quarantine show 0123456789abcdef0123456789abcdef --local",
    )
)
def quarantine() -> None:
    """Look at what could not be filed.

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
    "--limit", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="How many, newest first."
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def list_(target: Target, *, limit: int, is_json: bool) -> None:
    """List what could not be filed and why.

    Newest first; equal bodies are one entry with a count.
    """
    with target.reader("quarantine") as reader:
        entries = list(islice(_entries(reader), limit + 1))
    if is_json:
        print_json({"quarantine": entries[:limit]})
    else:
        columns = ("quarantine id", f"last received ({zone()})", "count", "label", "size", "reason")
        print_table(columns, map(_row, entries[:limit]))
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
    with target.reader("quarantine") as reader:
        entry = _entry(reader, id_)
    if is_json:
        print_json(entry)
        return
    print_fields(_fields(entry))
    click.echo()
    print_block(_body(entry))


def _entries(reader: "Reader") -> Iterator[dict[str, Any]]:
    from tavus_callbacks_cli.reader import pages

    for page in pages(reader, "/quarantine", {}):
        yield from page["quarantine"]


def _entry(reader: "Reader", quarantine_id: str) -> dict[str, Any]:
    from tavus_callbacks_cli.reader import Missing

    for entry in _entries(reader):
        if entry["quarantine_id"] == quarantine_id:
            return entry
    raise Missing(
        f"{quarantine_id!r} is not in quarantine there: `tavus-callbacks quarantine list` names what is."
    )


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    received, count = moment(entry["last_received_at"]), str(entry["count"])
    reason = f"{entry['status']} {entry['detail']}"
    return entry["quarantine_id"], received, count, entry["label"], size(entry["size"]), reason


def _fields(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "id", entry["quarantine_id"]
    yield "reason", f"{entry['status']} {entry['title']}: {entry['detail']}"
    yield "label", entry["label"]
    yield "tags", tags(entry["tags"]) or "none"
    first, last = moment(entry["first_received_at"]), moment(entry["last_received_at"])
    yield "received", f"{first}, {entry['count']} in all, last {last} ({zone()})"
    yield "size", size(entry["size"])


def _body(entry: dict[str, Any]) -> str:
    body: str | None = entry["body"]
    return "The body is too large to be shown here; it is kept whole." if body is None else body
