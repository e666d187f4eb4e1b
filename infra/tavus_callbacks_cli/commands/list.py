"""`tavus-callbacks list`: conversations, videos and other resources, or events."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, get_args

import click

from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks.domain.common.tags import SIMULATED, is_tagged
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import completion, options
from tavus_callbacks_cli.commands.options import query, simulated_option, target_options, wide_option
from tavus_callbacks_cli.output.console import note, note_more, print_json, print_table
from tavus_callbacks_cli.output.text import Short, Times, duration, examples, tags
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient

Item = dict[str, Any]
Row = tuple[str | Short, ...]
Names = tuple[str, ...]

RESOURCES = tuple(name for kind, name in LISTS.items() if kind != "conversation")

WHAT = options.Renamed((*LISTS.values(), "events"), {"faces": "replicas"})


@click.command(
    "list",
    epilog=examples(
        "tavus-callbacks list --local",
        "tavus-callbacks list --missing transcript --since 7d --stack tavus-callbacks",
        "tavus-callbacks list videos --status error --json",
        "tavus-callbacks list events --event-type system.shutdown --since 2h --local",
    ),
)
@click.argument("what", type=WHAT, default="conversations", metavar="[WHAT]")
@click.option("--tag", type=options.tag, metavar="NAME:VALUE", help="Only with this tag.")
@click.option(
    "--label",
    type=options.label,
    metavar="LABEL",
    shell_complete=completion.labels,
    help="Only callbacks to the token with this label.",
)
@click.option("--status", metavar="S", help="Only with this status, such as active, ended, ready or error.")
@click.option("--missing", metavar="M", help="Only conversations without this, such as transcript.")
@options.kind_option("Only events of this kind.")
@click.option(
    "--event-type",
    metavar="TYPE",
    shell_complete=completion.event_types,
    help="Only events of this type, such as system.shutdown.",
)
@click.option(
    "--since", type=options.moment, metavar="TIME", help="Only received since then: 7d, or ISO 8601 (UTC)."
)
@click.option(
    "--until", type=options.moment, metavar="TIME", help="Only received before then: 1d, or ISO 8601 (UTC)."
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, metavar="N", show_default=True, help="At most N rows."
)
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
@simulated_option
def list_(
    target: Target, what: str, *, limit: int, is_json: bool, leave_out: dict[str, str], **filters: Any
) -> None:
    """List conversations, videos, other resources or events.

    WHAT is conversations (the default), videos, replicas (or faces), documents, lipsync, replacements,
    transcriptions, speech, or events. Lists are sorted by first receipt, newest first. Events are listed in
    order of receipt, beginning a day ago unless you add --since.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    _check_filters(what, given)
    with target.open_api("read") as api:
        if what == "events":
            every = _events(api, given, with_simulated=not leave_out)
        else:
            every = api.items(f"/{what}", {"limit": str(min(limit + 1, 200)), **leave_out, **query(given)})
        items = list(islice(every, limit + 1))
    if is_json:
        print_json({what: items[:limit]})
    else:
        _print_table(what, items[:limit])
        if not items:
            note(f"No {what} match.")
        if what == "conversations" and not all(item["joined_at"] for item in items[:limit]):
            note("* The start is unknown. This is the time of the first callback.")
    if len(items) > limit:
        note_more(limit)


def _check_filters(what: str, given: Mapping[str, Any]) -> None:
    """Raise click.UsageError for a filter or a value that this list does not have."""
    for name in given.keys() - ({"tag", "label", "since", "until"} | _OWN_FILTERS[what]):
        raise click.UsageError(f"--{name.replace('_', '-')} does not filter {what}.")
    if given.keys().isdisjoint({"status", "missing"}):
        return
    from tavus_callbacks.domain.conversations.delays import Part
    from tavus_callbacks.domain.conversations.expected import ConversationStatus
    from tavus_callbacks.domain.resources.facts import ResourceStatus

    statuses = ConversationStatus if what == "conversations" else ResourceStatus
    for name, values in (("status", get_args(statuses)), ("missing", get_args(Part))):
        if name in given and given[name] not in values:
            raise click.UsageError(f"For {what}, --{name} must be one of {', '.join(values)}.")


def _events(api: "ApiClient", given: Mapping[str, Any], *, with_simulated: bool) -> Iterator[Item]:
    from tavus_callbacks_cli.operations.events import EventFilter

    until = iso(given["until"]) if "until" in given else None
    tags = (given["tag"],) if "tag" in given else ()
    types = (given["event_type"],) if "event_type" in given else ()
    filter_ = EventFilter(given.get("kind"), types, given.get("label"), tags, with_simulated)
    # Events come oldest first, so a list of them begins somewhere.
    since = given.get("since") or datetime.now(UTC) - timedelta(days=1)
    for event in api.events_since(iso(since)):
        if until and event["received_at"] >= until:
            return
        if filter_.matches(event):
            yield event


def _print_table(what: str, items: list[Item]) -> None:
    row, time_of, columns, optional = _TABLES[what]
    times = Times.of(map(time_of, items))
    print_table(
        [times.head(column) if column in _TIMES else column for column in columns],
        [row(item, times.cell(time_of(item))) for item in items],
        optional=optional,
    )


def _start(item: Item) -> str:
    return str(item["joined_at"] or item["received_first_at"])


def _conversation_row(item: Item, time: Short) -> Row:
    return (
        item["conversation_id"],
        item["status"],
        time if item["joined_at"] else Short(*(f"{form} *" for form in time)),
        duration(item["duration"]),
        "" if item["turns"] is None else str(item["turns"]),
        item["end_reason"] or "",
        ", ".join(item["missing"]),
        # A stack of an earlier version does not answer this member.
        str(item.get("guardrails") or ""),
        _mark(item),
        tags(item["tags"]),
    )


def _resource_row(item: Item, time: Short) -> Row:
    return item["id"], item["status"], time, _mark(item), tags(item["tags"])


def _event_row(item: Item, time: Short) -> Row:
    from tavus_callbacks_cli.operations.events import row_id
    from tavus_callbacks_cli.operations.ids import shorten_event_id

    # The short id begins with the subject.
    subject, event_id = Short("", item["subject"]), shorten_event_id(row_id(item))
    is_simulated = _mark({"simulated": is_tagged(item["tags"], SIMULATED)})
    return time, item["kind"], subject, item["event_type"], event_id, is_simulated


def _mark(item: Item) -> str:
    return "yes" if item["simulated"] else ""


_OWN_FILTERS: dict[str, set[str]] = {
    "conversations": {"status", "missing"},
    **{name: {"status"} for name in RESOURCES},
    "events": {"kind", "event_type"},
}

# For each list: its rows, the time of an item, its columns, and those that a narrow terminal leaves out.
_TIMES = ("began", "received")
_TABLES: dict[str, tuple[Callable[[Item, Short], Row], Callable[[Item], str], Names, Names]] = {
    "conversations": (
        _conversation_row,
        _start,
        (
            *("conversation", "status", "began", "lasted", "turns"),
            *("end reason", "missing", "guardrails", "simulated", "tags"),
        ),
        ("end reason", "guardrails", "tags", "turns", "lasted", "simulated"),
    ),
    **dict.fromkeys(
        RESOURCES,
        (
            _resource_row,
            itemgetter("received_last_at"),
            ("id", "status", "received", "simulated", "tags"),
            ("tags",),
        ),
    ),
    "events": (
        _event_row,
        itemgetter("received_at"),
        ("received", "kind", "subject", "event", "event id", "simulated"),
        ("kind", "simulated"),
    ),
}
