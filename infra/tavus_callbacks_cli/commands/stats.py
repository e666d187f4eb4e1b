"""`tavus-callbacks stats`: sums over many conversations, as a table, CSV, HTML or JSON."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.summaries import sums
from tavus_callbacks_cli.commands import completion, options
from tavus_callbacks_cli.commands.options import query, simulated_option, target_options, wide_option
from tavus_callbacks_cli.output.console import (
    note,
    print_fields,
    print_file,
    print_json,
    print_table,
    progress_bar,
)
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import duration, examples
from tavus_callbacks_cli.stats.spreadsheet import csv_text
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient

_FILE = click.Path(dir_okay=False, path_type=Path, allow_dash=True)
_OUTPUT = Path("-")


def _key(text: str) -> tuple[str, sums.Key]:
    """Parse the key of the groups."""
    key = sums.parse_key(text)
    if key is None:
        raise click.BadParameter(f"{text!r} is not a key. Use {sums.KEY_WORDS}.")
    return text, key


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
    help="Only conversations received since then: 90d, or ISO 8601 (UTC).",
)
@click.option(
    "--until",
    type=options.moment,
    metavar="TIME",
    help="Only conversations received before then: 1d, or ISO 8601 (UTC).",
)
@click.option("--tag", type=options.tag, metavar="NAME:VALUE", help="Only conversations with this tag.")
@click.option(
    "--label",
    type=options.label,
    metavar="LABEL",
    shell_complete=completion.labels,
    help="Only conversations received by the token with this label.",
)
@click.option(
    "--by", type=_key, default="day", show_default=True, metavar="WHAT",
    help="Group by day, label, end-reason or tag:NAME.",
)  # fmt: skip
@click.option(
    "--csv", "csv_file", type=_FILE, metavar="FILE", help="Write the groups to FILE as CSV; - prints them."
)
@click.option(
    "--html",
    "html_file",
    type=_FILE,
    metavar="FILE",
    help="Write the console's Stats page to FILE; - prints it.",
)
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
@simulated_option
def stats(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    by: tuple[str, sums.Key],
    csv_file: Path | None,
    html_file: Path | None,
    is_json: bool,
    leave_out: dict[str, str],
    **filters: Any,
) -> None:
    """Summarise conversations: how many, how long, who spoke.

    Durations in files and JSON are in seconds. Days are in UTC.
    """
    if (csv_file, html_file, is_json and _OUTPUT).count(_OUTPUT) > 1:
        raise click.UsageError("Only one of --csv -, --html - and --json can write to standard output.")
    until = filters["until"] or datetime.now(UTC)
    with target.open_api("read") as api:
        conversations = _read(api, {**filters, **leave_out}, until)
    statistics = sums.statistics(conversations, by[1])
    total, grouped = statistics["total"], statistics["groups"]
    if csv_file:
        _write(csv_file, csv_text(grouped), f"has {len(grouped)} rows.")
    if html_file:
        from tavus_callbacks_cli.stats.report import report

        about = ", ".join(_scope(target, filters, until, leave_out, total))
        others = {name: sums.groups(conversations, key) for name, key in sums.KEYS.items() if name != by[0]}
        page = {name: statistics[name] for name in statistics if name != "groups"}
        html = report({**page, "by": by[0]}, {by[0]: grouped, **others}, about)
        _write(html_file, html, "has the Stats page. Open it in a browser.")
    if is_json:
        print_json({**statistics, "by": by[0]})
    elif not (csv_file or html_file):
        _show(total, grouped, by[0])
    if leave_out:
        note("Simulated conversations are left out. --simulated includes them.")


def _scope(
    target: Target, filters: dict[str, Any], until: datetime, leave_out: dict[str, str], total: dict[str, Any]
) -> Iterator[str]:
    """Yield which conversations the sums are about."""
    texts = query(filters)
    first, last = (text[:16].replace("T", " ") for text in (texts["since"], timestamps.iso(until)))
    yield f"On {target.name}"
    yield f"first received from {first} to {last} (UTC)"
    yield from (f"{name} {texts[name]}" for name in ("tag", "label") if name in texts)
    if leave_out:
        yield "without simulated ones"
    if total["simulated"]:
        yield f"{total['simulated']} of them simulated"


def _read(api: "ApiClient", filters: dict[str, Any], until: datetime) -> list[sums.Conversation]:
    """Return the conversations. The newest come first, so the progress is how far back the reading is."""
    from rich.progress import BarColumn, TextColumn

    conversations: list[sums.Conversation] = []
    since = filters["since"]
    columns = (TextColumn("reading"), BarColumn(), TextColumn("{task.fields[count]:,} conversations"))
    with progress_bar(*columns, transient=True) as progress:
        task = progress.add_task("", total=(until - since).total_seconds(), count=0)
        for page in api.pages("/conversations", query(filters)):
            conversations += page["conversations"]
            if conversations:
                at = timestamps.parse(conversations[-1]["received_first_at"]) or since
                seconds = (until - at).total_seconds()
                progress.update(task, completed=seconds, count=len(conversations))
    return conversations


def _write(path: Path, text: str, says: str) -> None:
    """Write a file, or to standard output if its name is `-`; raises click.ClickException."""
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


def _show(total: dict[str, Any], grouped: Sequence[dict[str, Any]], by: str) -> None:
    print_fields(total_fields(total))
    if grouped:
        rows = (
            (
                group["group"],
                str(group["conversations"]),
                str(group["ended"]),
                str(timedelta(seconds=round(group["seconds"]))),
                str(group["user_turns"] + group["replica_turns"]),
                str(group["user_words"] + group["replica_words"]),
                duration(group["median_response_seconds"]),
                str(group["missing_transcript"] or ""),
            )
            for group in grouped
        )
        click.echo()
        columns = (by, "conversations", "ended", "time", "turns", "words", "response", "no transcript")
        print_table(columns, rows, optional=("no transcript", "response"))
    if total["simulated"]:
        note(f"Simulated conversations included: {total['simulated']}.")


def total_fields(total: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the sums over all conversations as names and values."""
    states = _counts({name.replace("_", " "): total[name] for name in sums.STATUSES})
    yield "conversations", f"{total['conversations']}: {states}" if states else "none"
    time, median = timedelta(seconds=round(total["seconds"])), duration(total["median_seconds"]) or "-"
    yield "time", f"{time} in total, median {median}"
    yield "turns", f"{total['user_turns']} by users, {total['replica_turns']} by replicas"
    share = total["user_share_by_words"]
    percent = "" if share is None else f" ({share:.0%})"
    yield "words", f"{total['user_words']} by users{percent}, {total['replica_words']} by replicas"
    yield "response", duration(total["median_response_seconds"]) or "-"
    missing = {part: total[f"missing_{part}"] for part in sums.PARTS}
    plural = {part if count == 1 else f"{part}s": count for part, count in missing.items()}
    yield "missing", _counts(plural) or "nothing"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
