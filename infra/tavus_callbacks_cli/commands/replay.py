"""`tavus-callbacks replay`: post the stored bodies of a subject again, to an address of yours."""

import sys

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import examples, moment, zone
from tavus_callbacks_cli.targets.choose import Target
from tavus_callbacks_cli.targets.urls import is_http


def _http_url(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not is_http(value):
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
    from tavus_callbacks_cli.operations.replay import list_bodies, outcome_of
    from tavus_callbacks_cli.operations.replay import replay as post_bodies
    from tavus_callbacks_cli.targets.api_client import http_client

    with target.open_api("read") as api:
        events = list_bodies(api, kind, id_)
        if dry_run:
            outcomes = [outcome_of(event, "would be posted") for event in events]
        else:
            # The person's own address gets no token.
            with (
                http_client(url) as client,
                click.progressbar(events, file=sys.stderr, label="posting") as bar,
            ):
                outcomes = list(post_bodies(api, bar, client, url))
    if is_json:
        print_json({"events": outcomes})
    else:
        rows = []
        for each in outcomes:
            status = f" ({each['status_code']})" if each["status_code"] else ""
            reason = f": {each['reason']}" if each["reason"] else ""
            outcome = f"{each['outcome']}{status}{reason}"
            rows.append((moment(each["received_at"]), each["event_type"], outcome, each["event_id"]))
        print_table((f"received ({zone()})", "event type", "outcome", "event id"), rows)
    taken = sum(each["outcome"] == "taken" for each in outcomes)
    note(f"{len(outcomes)} would be posted." if dry_run else f"{taken} of {len(outcomes)} were taken.")
    if not dry_run and taken < len(outcomes):
        raise SystemExit(1)
