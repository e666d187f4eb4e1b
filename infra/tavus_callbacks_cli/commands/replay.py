"""`tavus-callbacks replay`: the kept bodies of a subject, posted again to an address of yours."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import escape, examples, moment, zone
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    import httpx

    from tavus_callbacks_cli.targets.api_client import ApiClient

EVENT_HEADER, REPLAY_HEADER = "X-Tavus-Callbacks-Event-Id", "X-Tavus-Callbacks-Replay"

Outcome = dict[str, Any]


def _http_url(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise click.BadParameter("write where to post as http://HOST/PATH or https://HOST/PATH.")
    return value


@click.command(
    epilog=examples(
        "tavus-callbacks replay c0b934942640d424 --to http://localhost:5000/webhook --local",
        "tavus-callbacks replay c0b934942640d424 --to https://dev.example.com/hook --dry-run --local",
        "tavus-callbacks replay v123 --kind video --to http://localhost:5000/webhook --json --local",
    )
)
@click.argument("id_", metavar="ID")
@click.option("--to", "url", required=True, callback=_http_url, metavar="URL", help="Where to post.")
@click.option(
    "--kind", default="conversation", show_default=True, metavar="KIND", help="What ID is the id of."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be posted.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def replay(target: Target, id_: str, *, url: str, kind: str, dry_run: bool, is_json: bool) -> None:  # noqa: PLR0913 - one argument an option
    """Post kept bodies again, in order of receipt.

    Bodies are those that were kept, tokens redacted, variants among them; two headers name the event and mark
    the replay, and the event's tags stand in the query. Nothing is retried: an answer that is no 2xx is said,
    and the rest is posted all the same. Where nobody answers it stops. Ends with 1 unless everything was
    taken.
    """
    with target.open_api("read") as api:
        events = _events(api, kind, id_)
        outcomes = _planned(events) if dry_run else _replayed(api, events, url)
    if is_json:
        print_json({"events": outcomes})
    else:
        columns = (f"received ({zone()})", "event type", "outcome", "event id")
        print_table(columns, map(_row, outcomes))
    taken = sum(one["outcome"] == "taken" for one in outcomes)
    note(f"{len(outcomes)} would be posted." if dry_run else f"{taken} of {len(outcomes)} were taken.")
    if not dry_run and taken < len(outcomes):
        raise SystemExit(1)


def _events(api: "ApiClient", kind: str, id_: str) -> list[dict[str, Any]]:
    """Return a subject's events and variants in order of receipt; raises click.ClickException for none."""
    from tavus_callbacks_cli.targets.api_client import NotFound

    found = [
        one
        for page in api.pages("/events", {"kind": kind, "subject": id_})
        for event in page["events"]
        for one in (event, *event.get("variants", ()))
    ]
    if not found:
        raise NotFound(
            f"No event of {kind} {shell.quote(id_)} is kept there. `{api.command('list')}` shows what is."
        )
    return sorted(found, key=lambda one: (one["received_at"], _name(one)))


def _name(event: dict[str, Any]) -> str:
    return str(event.get("variant_id") or event["event_id"])


def _planned(events: list[dict[str, Any]]) -> list[Outcome]:
    return [_outcome(event, "would be posted") for event in events]


def _replayed(api: "ApiClient", events: list[dict[str, Any]], url: str) -> list[Outcome]:
    from tavus_callbacks_cli.targets.api_client import http_client

    # The person's own address, and nothing of the stack's: no token, no proxy for this machine.
    with (
        http_client(url) as client,
        click.progressbar(events, file=sys.stderr, label="posting") as bar,
    ):
        return list(_posted(api, bar, client, url))


def _posted(
    api: "ApiClient", events: "Iterator[dict[str, Any]]", client: "httpx.Client", url: str
) -> Iterator[Outcome]:
    import httpx

    from tavus_callbacks.domain.pushes.target import with_tags

    silence: str | None = None
    for event in events:
        if silence is not None:
            yield _outcome(event, "not posted", reason=silence)
            continue
        try:
            tagged = with_tags(url, event["tags"])
            answer = client.post(tagged, content=_body(api, event), headers=_headers(event))
        except httpx.TransportError as error:
            silence = escape(str(error)) or type(error).__name__
            yield _outcome(event, "no answer", reason=silence)
        else:
            yield _outcome(event, "taken" if answer.is_success else "refused", status_code=answer.status_code)


def _body(api: "ApiClient", event: dict[str, Any]) -> bytes:
    """Return the kept text, not what JSON makes of it: numbers and spaces stay as they came."""
    return api.text(f"/events/{quote(_name(event), safe='')}/body", {}).encode()


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {"content-type": "application/json", EVENT_HEADER: _name(event), REPLAY_HEADER: "true"}


def _outcome(event: dict[str, Any], outcome: str, **members: Any) -> Outcome:
    return {
        "event_id": _name(event),
        "event_type": event["event_type"],
        "received_at": event["received_at"],
        "outcome": outcome,
        "status_code": None,
        "reason": None,
        **members,
    }


def _row(one: Outcome) -> tuple[str, ...]:
    answered = f" ({one['status_code']})" if one["status_code"] else ""
    why = f": {one['reason']}" if one["reason"] else ""
    return moment(one["received_at"]), one["event_type"], f"{one['outcome']}{answered}{why}", one["event_id"]
