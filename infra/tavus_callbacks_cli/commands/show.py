"""`tavus-callbacks show`: a conversation, a video or a replica as a page, its events, or one event's body."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.operations.subjects import LISTS, find_view, has_page, subject_events, unknown_id
from tavus_callbacks_cli.output.console import note, print_fields, print_json, print_line, print_table
from tavus_callbacks_cli.output.text import examples, json_text, moment, size, zone
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient


@click.command(
    epilog=examples(
        "tavus-callbacks show c123456 --local",
        "tavus-callbacks show c123456 --events --stack tavus-callbacks",
        'tavus-callbacks show "$EVENT_ID" --local',
        "tavus-callbacks show c123456 --json | jq .missing",
    )
)
@click.argument("id_", metavar="ID")
@click.option("--kind", type=options.KIND, help="What ID is the id of; otherwise it is looked for.")
@click.option("--events", "is_of_events", is_flag=True, help="Show its events instead.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def show(target: Target, id_: str, *, kind: str | None, is_of_events: bool, is_json: bool) -> None:
    """Show a conversation, a video or a replica.

    Or the body of one event, where ID is an event's; or with --events, and of another kind always, all that
    was received about ID.
    """
    from tavus_callbacks.domain.callbacks.event import parse_event_id

    with target.open_api("read") as api:
        kinds = (kind,) if kind else KINDS
        paged = [] if is_of_events or not has_page(id_) else [each for each in kinds if each in LISTS]
        lists = (list(subject_events(api, each, id_)) for each in kinds if each not in paged)
        if parse_event_id(id_):
            print_json(api.get(f"/events/{quote(id_, safe='')}/body"))
        elif view := find_view(api, paged, id_):
            show_page(api, *view, is_json=is_json)
        elif events := next(filter(None, lists), None):
            _show_events(api, events, is_json=is_json)
        else:
            raise unknown_id(api, kind, id_)


def show_page(api: "ApiClient", kind: str, view: dict[str, Any], *, is_json: bool) -> None:
    """Print a view, as JSON or as sections of names and values."""
    if is_json:
        print_json(view)
        return
    from rich.text import Text

    from tavus_callbacks_cli.output.pages import large_events, sections

    for title, fields in sections(kind, view):
        if title:
            print_line(Text(f"\n{title}", "bold underline"))
        print_fields(fields)
    for event_id in large_events(view):
        note(f"Too large for a page: `{api.command('show', event_id)}` shows it whole.")


def _show_events(api: "ApiClient", events: list[dict[str, Any]], *, is_json: bool) -> None:
    if is_json:
        print_json({"events": events})
        return
    columns = (f"occurred ({zone()})", "event", "size", "issues", "event id")
    rows = []
    for event in events:
        rows.append(_row(event, event["event_type"]))
        rows += [_row(variant, f"└ {variant['event_type']}") for variant in event.get("variants", [])]
    print_table(columns, rows)
    note(f"`{api.command('show', 'EVENT ID')}` shows the body of one.")


def _row(event: dict[str, Any], name: str) -> tuple[str, ...]:
    from tavus_callbacks.domain.events.view import LIST_BODY_LIMIT

    size_text = f"over {size(LIST_BODY_LIMIT)}"
    if "body" in event:
        size_text = size(len(json_text(event["body"], indent=None).encode()))
    event_id = event.get("variant_id", event["event_id"])
    return moment(event["occurred_at"]), name, size_text, ", ".join(event["issues"]), event_id
