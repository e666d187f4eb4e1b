"""`tavus-callbacks list`: conversations, videos and other resources, or events."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args

import click

from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks.domain.common.tags import SIMULATED, is_tagged
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import query, simulated_option, target_options
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import duration, examples, moment, tags, zone
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient

Item = dict[str, Any]

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
@click.option("--label", metavar="L", help="Only what came by the token of this label.")
@click.option("--status", metavar="S", help="Only with this status, as in active or ended, ready or error.")
@click.option("--missing", metavar="M", help="Only conversations that miss this, as in transcript.")
@click.option("--kind", type=options.KIND, help="Only events of this kind.")
@click.option("--event-type", metavar="TYPE", help="Only events of this type, as in system.shutdown.")
@click.option(
    "--since", type=options.moment, metavar="TIME", help="Only from then on: 7d, or ISO 8601 (UTC)."
)
@click.option("--until", type=options.moment, metavar="TIME", help="Only before: 1d, or ISO 8601 (UTC).")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
@simulated_option
def list_(
    target: Target, what: str, *, limit: int, is_json: bool, leave_out: dict[str, str], **filters: Any
) -> None:
    """List conversations, videos, other resources or events.

    WHAT is conversations (the default), videos, replicas (or faces), documents, lipsync, replacements,
    transcriptions, speech, or events. All but events are sorted by first receipt, the newest first. Events
    stand in the order of arrival, those of the last day unless --since goes further back.
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
        columns, row = _TABLES[what]
        print_table([column.format(zone=zone()) for column in columns], map(row, items[:limit]))
        if not items:
            note(f"No {what} are there that fit.")
        if what == "conversations" and not all(item["joined_at"] for item in items[:limit]):
            note("* When it began is not known: this is when it was first received.")
    if len(items) > limit:
        note(f"There are more: --limit {limit * 10} shows up to {limit * 10}.")


def _check_filters(what: str, given: Mapping[str, Any]) -> None:
    """Raise click.UsageError for a filter or a value that this list does not have."""
    for name in given.keys() - ({"tag", "label", "since", "until"} | _OWN_FILTERS[what]):
        raise click.UsageError(f"--{name.replace('_', '-')} is no filter of {what}.")
    if given.keys().isdisjoint({"status", "missing"}):
        return
    from tavus_callbacks.domain.conversations.delays import Part
    from tavus_callbacks.domain.conversations.expected import ConversationStatus
    from tavus_callbacks.domain.resources.facts import ResourceStatus

    statuses = ConversationStatus if what == "conversations" else ResourceStatus
    for name, values in (("status", get_args(statuses)), ("missing", get_args(Part))):
        if name in given and given[name] not in values:
            raise click.UsageError(f"--{name} of {what} takes {', '.join(values)}.")


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


def conversation_row(item: Item) -> tuple[str, ...]:
    """Return a conversation's cells; a time of receipt in place of an unknown beginning has a mark."""
    joined_at, received_at = moment(item["joined_at"]), moment(item["received_first_at"])
    return (
        item["conversation_id"],
        item["status"],
        joined_at if item["joined_at"] else f"{received_at} *",
        duration(item["duration"]),
        "" if item["turns"] is None else str(item["turns"]),
        item["end_reason"] or "",
        ", ".join(item["missing"]),
        # A stack of an earlier version does not answer this member.
        str(item.get("guardrails") or ""),
        _mark(item),
        tags(item["tags"]),
    )


def resource_row(item: Item) -> tuple[str, ...]:
    """Return the cells of a video or another resource."""
    received_last_at = moment(item["received_last_at"])
    return item["id"], item["status"], received_last_at, _mark(item), tags(item["tags"])


def event_row(item: Item) -> tuple[str, ...]:
    """Return an event's cells."""
    cells = item["kind"], item["subject"], item["event_type"], item["event_id"]
    return moment(item["received_at"]), *cells, _mark({"simulated": is_tagged(item["tags"], SIMULATED)})


def _mark(item: Item) -> str:
    return "yes" if item["simulated"] else ""


_OWN_FILTERS: dict[str, set[str]] = {
    "conversations": {"status", "missing"},
    **{name: {"status"} for name in RESOURCES},
    "events": {"kind", "event_type"},
}
_RESOURCE_COLUMNS = ("id", "status", "last received ({zone})", "simulated", "tags")
_TABLES: dict[str, tuple[tuple[str, ...], Any]] = {
    "conversations": (
        (
            *("conversation", "status", "began ({zone})", "lasted", "turns"),
            *("end reason", "missing", "guardrails", "simulated", "tags"),
        ),
        conversation_row,
    ),
    **dict.fromkeys(RESOURCES, (_RESOURCE_COLUMNS, resource_row)),
    "events": (("received ({zone})", "kind", "subject", "event", "event id", "simulated"), event_row),
}
