"""`tavus-callbacks show`: the events of a subject, or the body of one event."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from tavus_callbacks.domain.families import KINDS
from tavus_callbacks_cli.console import examples, json_text, moment, print_json, print_table, size, zone
from tavus_callbacks_cli.targets import Target, target_options

if TYPE_CHECKING:
    from tavus_callbacks_cli.reader import Reader


@click.command(
    epilog=examples(
        "tavus-callbacks show c123456 --local",
        "tavus-callbacks show v123456 --kind video --stack tavus-callbacks",
        'tavus-callbacks show "$EVENT_ID" --local',
    )
)
@click.argument("id_", metavar="ID")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="conversation",
    show_default=True,
    help="What ID is the id of.",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def show(target: Target, id_: str, *, kind: str, is_json: bool) -> None:
    """Show a conversation's events, or one event's body.

    --kind shows those of a video, a replica or another subject.
    """
    from tavus_callbacks.domain.event import parse_event_id

    with target.reader("read") as reader:
        if parse_event_id(id_):
            print_json(reader.get(f"/events/{quote(id_, safe='')}/body"))
            return
        events = _events(reader, kind, id_)
    if is_json:
        print_json({"events": events})
    else:
        columns = (f"occurred ({zone()})", "event", "size", "issues", "event id")
        print_table(columns, (row for event in events for row in _rows(event)))


def _events(reader: "Reader", kind: str, subject: str) -> list[dict[str, Any]]:
    from tavus_callbacks_cli.reader import Missing, pages

    # Not /conversations/{id}/events: an id with unusual characters is read by this one alone.
    found = pages(reader, "/events", {"kind": kind, "subject": subject})
    events = [event for page in found for event in page["events"]]
    if not events:
        raise Missing(
            f"No event of {kind} {subject!r} is kept there. `tavus-callbacks tail --since 1d` shows "
            "what came; --kind looks for other kinds."
        )
    return events


def _rows(event: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the event's row and those of its variants, which it stands above."""
    yield _row(event, event["event_type"])
    for variant in event.get("variants", []):
        yield _row(variant, f"└ {variant['event_type']}")


def _row(event: dict[str, Any], name: str) -> tuple[str, ...]:
    event_id = event.get("variant_id", event["event_id"])
    return moment(event["occurred_at"]), name, _size(event), ", ".join(event["issues"]), event_id


def _size(event: dict[str, Any]) -> str:
    from tavus_callbacks.domain.event_view import INLINE_LIMIT

    if "body" not in event:
        return f"over {size(INLINE_LIMIT)}"
    return size(len(json_text(event["body"], indent=None).encode()))
