"""`tavus-callbacks stats`: sums over many conversations, for people, spreadsheets and programs."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.list import query
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_fields, print_file, print_json, print_table
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import duration, escape, examples
from tavus_callbacks_cli.stats import sums
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from tavus_callbacks_cli.targets.api_client import ApiClient

_FILE = click.Path(dir_okay=False, path_type=Path, allow_dash=True)
_OUTPUT = Path("-")
_KEYS = {"day": sums.by_day, "label": sums.by_label, "end-reason": sums.by_end_reason}
_TAG = "tag:"

# Spreadsheets take a text that begins so for a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def _key(text: str) -> tuple[str, sums.Key]:
    """Read what to group by."""
    if text.startswith(_TAG) and text != _TAG:
        return text, sums.by_tag(text.removeprefix(_TAG))
    if text not in _KEYS:
        raise click.BadParameter(f"{text!r} is none of {', '.join(_KEYS)}, or tag:NAME as in tag:user.")
    return text, _KEYS[text]


@click.command(
    epilog=examples(
        "tavus-callbacks stats --local",
        "tavus-callbacks stats --since 90d --by end-reason --stack tavus-callbacks",
        "tavus-callbacks stats --by tag:user --csv users.csv --stack tavus-callbacks",
        "tavus-callbacks stats --html report.html --local",
    )
)
@click.option(
    "--since",
    type=options.moment,
    default="30d",
    show_default=True,
    metavar="TIME",
    help="From then on: 30d, or ISO 8601 (UTC).",
)
@click.option("--until", type=options.moment, metavar="TIME", help="Before: 1d, or ISO 8601 (UTC).")
@click.option("--tag", type=options.tag, metavar="NAME:VALUE", help="Only with this tag.")
@click.option("--label", metavar="L", help="Only what came by the token of this label.")
@click.option(
    "--by", type=_key, default="day", show_default=True, metavar="WHAT",
    help="Sum up by day, label, end-reason, or tag:NAME.",
)  # fmt: skip
@click.option(
    "--csv", "csv_file", type=_FILE, metavar="FILE", help="Write the sums for a spreadsheet; - prints them."
)
@click.option(
    "--html", "html_file", type=_FILE, metavar="FILE", help="Write a report with plots; - prints it."
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def stats(
    target: Target,
    *,
    by: tuple[str, sums.Key],
    csv_file: Path | None,
    html_file: Path | None,
    is_json: bool,
    **filters: Any,
) -> None:
    """Sum up conversations: how many, how long, who spoke how much.

    Of the last 30 days unless --since says more. Spans are seconds in files and JSON; days are UTC.
    """
    if (csv_file, html_file, is_json and _OUTPUT).count(_OUTPUT) > 1:
        raise click.UsageError("Standard output takes one of --csv -, --html - and --json: name one.")
    given = {name: value for name, value in filters.items() if value is not None}
    with target.open_api("read") as api:
        conversations = _read(api, given)
    total, grouped = sums.sums(conversations), sums.groups(conversations, by[1])
    if csv_file:
        _write(csv_file, _csv(grouped), f"has {len(grouped)} rows.")
    if html_file:
        from tavus_callbacks_cli.stats.report import report

        about = _about(target, given)
        html = report(conversations, total, grouped, by=by[0], about=about)
        _write(html_file, html, "has the report: open it in a browser.")
    if is_json:
        print_json({"total": total, "by": by[0], "groups": grouped})
    elif not (csv_file or html_file):
        _show(total, grouped, by[0])


def _read(api: "ApiClient", given: dict[str, Any]) -> list[sums.Conversation]:

    found: list[sums.Conversation] = []
    with _progress(given["since"], given.get("until") or datetime.now(UTC)) as show:
        for page in api.pages("/conversations", query(given)):
            found += page["conversations"]
            if found:
                show(found[-1]["received_first_at"], len(found))
    return found


@contextmanager
def _progress(since: datetime, until: datetime) -> "Iterator[Callable[[str, int], None]]":
    """Show how far back the reading is: the newest come first, and `since` is the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("reading"), BarColumn(), TextColumn("{task.fields[count]:,} conversations"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=(until - since).total_seconds(), count=0)

        def show(received: str, count: int) -> None:
            at = timestamps.parse(received) or since
            progress.update(task, completed=(until - at).total_seconds(), count=count)

        yield show


def _about(target: Target, given: dict[str, Any]) -> str:
    until = given.get("until") or datetime.now(UTC)
    span_of_time = f"first received from {iso(given['since'])[:16]} to {iso(until)[:16]} (UTC)"
    chosen = [f"{name} {query(given)[name]}" for name in ("tag", "label") if name in given]
    return ", ".join((f"On {target.name}", span_of_time, *chosen))


def _write(path: Path, text: str, says: str) -> None:
    """Write a file, or to standard output where it is called `-`; raises click.ClickException."""
    if path == _OUTPUT:
        print_file(text)
        return
    from tavus_callbacks_cli.output.files import write_file

    try:
        write_file(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise click.ClickException(
            f"{argument(str(path))} cannot be written: {error.strerror}. Name another file."
        ) from error
    note(f"{argument(str(path))} {says}")


def _csv(grouped: Sequence[dict[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, ["group", *sums.sums([])], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**group, "group": _no_formula(escape(group["group"]))} for group in grouped)
    return text.getvalue()


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _show(total: dict[str, Any], grouped: Sequence[dict[str, Any]], by: str) -> None:
    print_fields(_fields(total))
    if grouped:
        click.echo()
        columns = (by, "conversations", "ended", "time", "turns", "words", "response", "no transcript")
        print_table(columns, map(_row, grouped))
    if total["simulated"]:
        note(f"{total['simulated']} of them are simulated.")


def _fields(total: dict[str, Any]) -> Iterator[tuple[str, str]]:
    states = _parts(total, "{}", ("ended", "presumed_ended", "active"))
    yield "talks", f"{total['conversations']}: {states}" if states else "none"
    time, usual = timedelta(seconds=round(total["seconds"])), duration(total["median_seconds"]) or "-"
    yield "time", f"{time} in all, median {usual}"
    yield "turns", f"{total['user_turns']} by users, {total['replica_turns']} by replicas"
    yield "words", _words(total)
    yield "response", duration(total["median_response_seconds"]) or "-"
    missing = ("shutdown", "transcript", "perception", "recording")
    yield "missing", _parts(total, "missing_{}", missing) or "nothing"


def _parts(total: dict[str, Any], form: str, names: Sequence[str]) -> str:
    counts = ((total[form.format(name)], name.replace("_", " ")) for name in names)
    return ", ".join(f"{count} {name}" for count, name in counts if count)


def _words(total: dict[str, Any]) -> str:
    share = total["user_share_by_words"]
    counts = f"{total['user_words']} by users, {total['replica_words']} by replicas"
    return counts if share is None else f"{counts}: {share:.0%} are users'"


def _row(group: dict[str, Any]) -> tuple[str, ...]:
    return (
        group["group"],
        str(group["conversations"]),
        str(group["ended"]),
        str(timedelta(seconds=round(group["seconds"]))),
        str(group["user_turns"] + group["replica_turns"]),
        str(group["user_words"] + group["replica_words"]),
        duration(group["median_response_seconds"]),
        str(group["missing_transcript"] or ""),
    )
