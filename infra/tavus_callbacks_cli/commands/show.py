"""`tavus-callbacks show`: a subject as a page, its events, or the body of one event."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from tavus_callbacks.domain.common.paths import LISTS, fits_path, subject_path
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import id_argument, simulated_option, target_options, wide_option
from tavus_callbacks_cli.operations.subjects import searched_kinds, subject_events, unknown_id
from tavus_callbacks_cli.output.console import note, print_fields, print_json, print_line, print_table
from tavus_callbacks_cli.output.text import Short, Times, examples, json_text, size
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient


@click.command(
    epilog=examples(
        "tavus-callbacks show latest --local",
        "tavus-callbacks show c123456 --events --stack tavus-callbacks",
        "tavus-callbacks show c123456:a2592e11 --local",
        "tavus-callbacks show c123456 --json | jq .missing",
    )
)
@id_argument()
@options.kind_option("Kind of the subject. By default every kind is searched.")
@click.option("--events", "is_of_events", is_flag=True, help="List its events instead.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@wide_option
@target_options
@simulated_option
def show(  # noqa: PLR0913 - one argument an option
    target: Target,
    id_: str,
    *,
    kind: str | None,
    is_of_events: bool,
    is_json: bool,
    leave_out: dict[str, str],
) -> None:
    """Show a conversation, a video or another subject.

    `latest` is the newest conversation, or with --kind the newest subject of that kind. The id of an event,
    whole or short, shows the event's body. Kinds without a page (objective, guardrail) show their events.
    """
    from tavus_callbacks_cli.operations.ids import LATEST, resolve_event, resolve_subject

    with target.open_api("read") as api:
        if event_id := resolve_event(api, id_, kind):
            print_json(api.get(f"/events/{quote(event_id, safe='')}/body"))
            return
        if id_ == LATEST:
            kind = kind or "conversation"
            id_ = resolve_subject(api, id_, kind, leave_out)
        # Pages first: most ids have one.
        kinds = searched_kinds(kind)
        if not any(_show(api, each, id_, is_of_events=is_of_events, is_json=is_json) for each in kinds):
            raise unknown_id(api, kind, id_)


def _show(api: "ApiClient", kind: str, id_: str, *, is_of_events: bool, is_json: bool) -> bool:
    """Show the page of a subject, or its events if it has no page; return False if nothing is stored."""
    from tavus_callbacks_cli.targets.api_client import NoSuchPath, NotFound

    if kind in LISTS and fits_path(id_) and not is_of_events:
        # A stack of an earlier version has fewer paths.
        with suppress(NoSuchPath):
            try:
                show_page(api, kind, api.get(subject_path(kind, id_)), is_json=is_json)
            except NotFound:
                return False
            return True
    events = list(subject_events(api, kind, id_))
    if events:
        _show_events(api, events, is_json=is_json)
    return bool(events)


def show_page(api: "ApiClient", kind: str, view: dict[str, Any], *, is_json: bool) -> None:
    """Print a view, as JSON or as sections of names and values."""
    if is_json:
        print_json(view)
        return
    from rich.text import Text

    from tavus_callbacks_cli.output.pages import large_events, sections

    for title, fields in sections(kind, {**view, "history": list(_short_history(view))}):
        if title:
            print_line(Text(f"\n{title}", "bold underline"))
        print_fields(fields)
    for event_id in large_events(view):
        note(f"Too large for a page: `{api.command('show', event_id)}` shows it whole.")
    for command in _watch_commands(api, view):
        note(f"Watch: {command}")


def _short_history(view: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the changes of a resource, with short event ids."""
    from tavus_callbacks_cli.operations.ids import shorten_event_id

    for change in view.get("history", ()):
        yield {**change, "event_id": shorten_event_id(change["event_id"]).short}


def _watch_commands(api: "ApiClient", view: dict[str, Any]) -> Iterator[str]:
    """Yield the command that opens each recording which can be watched."""
    ids = [each["recording_id"] for each in view.get("recordings", ()) if each["status"] == "available"]
    for recording_id in ids:
        # The newest one is the default.
        which = [recording_id] if len(ids) > 1 else []
        yield api.command("recording", view["conversation_id"], *which, options=["--open"])


def _show_events(api: "ApiClient", events: list[dict[str, Any]], *, is_json: bool) -> None:
    if is_json:
        print_json({"events": events})
        return
    from tavus_callbacks_cli.operations.events import row_id
    from tavus_callbacks_cli.operations.ids import shorten_event_id

    times, rows = Times.of(event["occurred_at"] for event in events), []
    for event in events:
        rows.append(_row(event, event["event_type"], times))
        rows += [_row(variant, f"└ {variant['event_type']}", times) for variant in event.get("variants", [])]
    print_table((times.head("occurred"), "event", "size", "issues", "event id"), rows, optional=("size",))
    note(f"`{api.command('show', shorten_event_id(row_id(events[-1])).short)}` shows the body of an event.")


def _row(event: dict[str, Any], name: str, times: Times) -> tuple[str | Short, ...]:
    from tavus_callbacks.domain.events.view import LIST_BODY_LIMIT
    from tavus_callbacks_cli.operations.events import row_id
    from tavus_callbacks_cli.operations.ids import shorten_event_id

    size_text = f"over {size(LIST_BODY_LIMIT)}"
    if "body" in event:
        size_text = size(len(json_text(event["body"], indent=None).encode()))
    issues = ", ".join(event["issues"])
    return times.cell(event["occurred_at"]), name, size_text, issues, shorten_event_id(row_id(event))
