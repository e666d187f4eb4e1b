"""`tavus-callbacks list`: conversations, videos, replicas, or events."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import duration, examples, moment, tags, zone
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient

Item = dict[str, Any]

WHAT = options.Renamed(("conversations", "videos", "replicas", "events"), {"faces": "replicas"})

_SHOWN = 50
# Events come oldest first, so a list of them begins somewhere.
_RECENT = timedelta(days=1)


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
@click.option(
    "--limit", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="How many at most."
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def list_(target: Target, what: str, *, limit: int, is_json: bool, **filters: Any) -> None:
    """List conversations, videos, faces or events.

    WHAT is conversations (the default), videos, replicas (or faces), or events. Conversations, videos and
    faces are sorted by first receipt, the newest first. Events stand in the order of arrival, those of the
    last day unless --since goes further back.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    _refuse_what_does_not_fit(what, given)
    with target.open_api("read") as api:
        listed = _events(api, given) if what == "events" else _subjects(api, what, given, limit)
        items = list(islice(listed, limit + 1))
    _show(what, items[:limit], is_json=is_json)
    if len(items) > limit:
        note(f"There are more: --limit {limit * 10} shows up to {limit * 10}.")


def _refuse_what_does_not_fit(what: str, given: Item) -> None:
    """Refuse filters that this list does not have; raises click.UsageError."""
    taken = {"tag", "label", "since", "until"} | _OWN_FILTERS[what]
    for name in given.keys() - taken:
        raise click.UsageError(f"--{name.replace('_', '-')} is no filter of {what}.")
    for name, values in _words(what).items():
        if name in given and given[name] not in values:
            raise click.UsageError(f"--{name} of {what} takes {', '.join(values)}.")


def _words(what: str) -> dict[str, tuple[str, ...]]:
    from tavus_callbacks.domain.conversations.expected import Status, What
    from tavus_callbacks.domain.resources.facts import ResourceStatus

    statuses = Status if what == "conversations" else ResourceStatus
    return {"status": get_args(statuses), "missing": get_args(What)}


def _subjects(api: "ApiClient", what: str, given: Item, limit: int) -> Iterator[Item]:

    for page in api.pages(f"/{what}", {"limit": str(min(limit + 1, 200)), **query(given)}):
        yield from page[what]


def query(given: Item) -> dict[str, str]:
    """Write filters as the API takes them."""
    return {name: _written(value) for name, value in given.items()}


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    return ":".join(value) if isinstance(value, tuple) else str(value)


def _events(api: "ApiClient", given: Item) -> Iterator[Item]:
    from tavus_callbacks_cli.commands.tail import Filter

    until = iso(given["until"]) if "until" in given else None
    wanted = (given["tag"],) if "tag" in given else ()
    chosen = Filter(given.get("kind"), given.get("event_type"), given.get("label"), wanted)
    for event in _received(api, given.get("since") or datetime.now(UTC) - _RECENT):
        if until and event["received_at"] >= until:
            return
        if chosen.fits(event):
            yield event


def _received(api: "ApiClient", since: datetime) -> Iterator[Item]:
    """Yield what was received since, until nothing more is there."""
    page = api.get("/events", {"after": iso(since), "limit": "200"})
    while page["events"]:
        yield from page["events"]
        page = api.get("/events", {"after": page["cursor"], "limit": "200"})


def _show(what: str, items: list[Item], *, is_json: bool) -> None:
    if is_json:
        print_json({what: items})
        return
    columns, row = _TABLES[what]
    print_table([column.format(zone=zone()) for column in columns], map(row, items))
    if not items:
        note(f"No {what} are there that fit.")
    if what == "conversations" and not all(one["joined_at"] for one in items):
        note("* When it began is not known: this is when it was first received.")


def _conversation_row(one: Item) -> tuple[str, ...]:
    return (
        one["conversation_id"],
        one["status"],
        _began(one),
        duration(one["duration"]),
        "" if one["turns"] is None else str(one["turns"]),
        one["end_reason"] or "",
        ", ".join(one["missing"]),
        # A stack that was deployed by an earlier version does not answer this member.
        str(one.get("guardrails") or ""),
        tags(one["tags"]),
    )


def _began(one: Item) -> str:
    """Return when it began; where that is not known, when it was first received, marked as such."""
    return moment(one["joined_at"]) if one["joined_at"] else f"{moment(one['received_first_at'])} *"


def _resource_row(one: Item) -> tuple[str, ...]:
    return one["id"], one["status"], moment(one["received_last_at"]), tags(one["tags"])


def _event_row(one: Item) -> tuple[str, ...]:
    return moment(one["received_at"]), one["kind"], one["subject"], one["event_type"], one["event_id"]


_OWN_FILTERS: dict[str, set[str]] = {
    "conversations": {"status", "missing"},
    "videos": {"status"},
    "replicas": {"status"},
    "events": {"kind", "event_type"},
}
_RESOURCE_COLUMNS = ("id", "status", "last received ({zone})", "tags")
_TABLES: dict[str, tuple[tuple[str, ...], Any]] = {
    "conversations": (
        (
            *("conversation", "status", "began ({zone})", "lasted", "turns"),
            *("end reason", "missing", "guardrails", "tags"),
        ),
        _conversation_row,
    ),
    "videos": (_RESOURCE_COLUMNS, _resource_row),
    "replicas": (_RESOURCE_COLUMNS, _resource_row),
    "events": (("received ({zone})", "kind", "subject", "event", "event id"), _event_row),
}
