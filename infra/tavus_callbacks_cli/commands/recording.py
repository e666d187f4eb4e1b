"""`tavus-callbacks recording`: what there is to watch of a conversation, and watching it."""

import webbrowser
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.operations.subjects import has_page, near_ids, path_of
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_fields, print_json, print_table
from tavus_callbacks_cli.output.text import escape, examples, moment, size, zone
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress

    from tavus_callbacks_cli.operations.download import Progress as Report
    from tavus_callbacks_cli.targets.api_client import ApiClient

Action = Literal["open", "url"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A conversation's recording, by its id or `latest`."""

    api: "ApiClient"
    conversation: str
    recording: str

    def listed(self) -> list[dict[str, Any]]:
        """Return all recordings of the conversation."""
        return [one for page in self.api.pages(self._path, {}) for one in page["recordings"]]

    def link(self) -> dict[str, Any]:
        """Make a fresh link; raises click.ClickException where the recording cannot be played, and why."""
        from tavus_callbacks_cli.targets.api_client import NotFound

        try:
            return self.api.get(f"{self._path}/{self.recording}", {"format": "json"})
        except NotFound:
            raise _none(self) from None

    @property
    def _path(self) -> str:
        return f"/conversations/{self.conversation}/recordings"


def _name(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not has_page(value):
        raise click.BadParameter(
            f"{shell.quote(value)} has characters that no path carries. "
            f"`{shell.command('show', value, options=['--events'])}` shows its events.",
            param=parameter,
        )
    return value


@click.command(
    epilog=examples(
        "tavus-callbacks recording c123456 --local",
        "tavus-callbacks recording c123456 --open --stack tavus-callbacks",
        "tavus-callbacks recording c123456 1762000000000 --download call.mp4 --stack tavus-callbacks",
        'mpv "$(tavus-callbacks recording c123456 --url --local)"',
    )
)
@click.argument("conversation", metavar="ID", callback=_name)
@click.argument("recording_id", metavar="[RECORDING_ID]", default="latest", callback=_name)
@click.option("--open", "action", flag_value="open", type=str, help="Open the browser with a fresh link.")
@click.option("--url", "action", flag_value="url", type=str, help="Print a fresh link and nothing else.")
@click.option(
    "--download",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save it; after an interruption the same command goes on where it was.",
)
@click.option("--force", is_flag=True, help="Let --download overwrite FILE.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def recording(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    conversation: str,
    recording_id: str,
    action: Action | None,
    file: Path | None,
    force: bool,
    is_json: bool,
) -> None:
    """List a conversation's recordings, watch or save one.

    RECORDING_ID is `latest` where none is given. A link is for whoever has it, until it expires.
    """
    _refuse_contradictions(action, file, force=force)
    with target.open_api("read") as api:
        chosen = Chosen(api, conversation, recording_id)
        if file is not None:
            _save(chosen, file, is_json=is_json)
        elif action is not None:
            _hand_over(chosen.link(), action, is_json=is_json)
        else:
            _list(chosen, is_json=is_json)


def _refuse_contradictions(action: Action | None, file: Path | None, *, force: bool) -> None:
    if action is not None and file is not None:
        raise click.UsageError(f"--{action} and --download are two things to do: name one.")
    if force and file is None:
        raise click.UsageError("--force goes with --download.")
    if file is not None:
        _refuse_unwritable(file, force=force)


def _refuse_unwritable(file: Path, *, force: bool) -> None:
    if str(file) == "-":
        raise click.UsageError(
            "--download writes a file: for a pipe fetch the link that --url prints and --json holds, as in "
            'curl "$(tavus-callbacks recording … --url)".'
        )
    # The finished download takes the name: it would replace a link or a device, not write to it.
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise click.ClickException(
            f"{shell.argument(str(file))} is no regular file, which --force does not replace: name another."
        )
    if file.exists() and not force:
        raise click.ClickException(
            f"{shell.argument(str(file))} exists: name another file, or add --force to overwrite it."
        )


def _hand_over(link: dict[str, Any], action: Action, *, is_json: bool) -> None:
    if action == "open" and not webbrowser.open(link["url"]):
        note("There is no browser to open; this is the link:")
        action = "url"
    if is_json:
        print_json(link)
    elif action == "url":
        # As it is: one character more or less, and it is refused.
        click.echo(link["url"])
    note(f"The link expires at {moment(link['expires_at'])} {zone()}.")


def _list(chosen: Chosen, *, is_json: bool) -> None:
    recordings = [one for one in chosen.listed() if chosen.recording in ("latest", one["recording_id"])]
    if not recordings:
        raise _none(chosen)
    link, why_not = _link_or_reason(chosen)
    if is_json:
        print_json({"recordings": recordings, "link": link})
        return
    print_table(("recording id", "status", "size", "duration", f"since ({zone()})"), map(_row, recordings))
    # Below: a column of sentences would leave the others no room for whole words.
    print_fields((one["recording_id"], remark) for one in recordings if (remark := _remark(one)))
    if link is None:
        note(f"{chosen.recording} cannot be played: {why_not}")
        return
    click.echo()
    _hand_over(link, "url", is_json=False)


def _none(chosen: Chosen) -> click.ClickException:
    from tavus_callbacks_cli.targets.api_client import NotFound

    # A mistyped id is told with those near it; a conversation that is there lacks the recording alone.
    if not chosen.listed():
        with near_ids(chosen.api, chosen.conversation):
            chosen.api.get(path_of("conversation", chosen.conversation))
    which = "No recording" if chosen.recording == "latest" else f"No recording {chosen.recording}"
    return NotFound(
        f"{which} of conversation {shell.argument(chosen.conversation)} is known. "
        f"`{chosen.api.command('show', chosen.conversation)}` shows the conversation. "
        "A recording must be permitted and started: `tavus-callbacks connect` prints how."
    )


def _link_or_reason(chosen: Chosen) -> tuple[dict[str, Any] | None, str]:
    try:
        return chosen.link(), ""
    except click.ClickException as error:
        return None, error.message


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    bytes_, duration = one["size"], one["duration"]
    return (
        one["recording_id"],
        one["status"],
        "-" if bytes_ is None else size(bytes_),
        "-" if duration is None else _span(duration),
        moment(one["modified_at"] or one["received_at"]),
    )


def _remark(one: dict[str, Any]) -> str:
    untold = "" if one["announced"] else "no callback announced it"
    # An earlier version of the API does not explain.
    why = ". ".join(filter(None, [(one["message"] or "").rstrip(" ."), one.get("explanation")]))
    notes = ", ".join(filter(None, [*one["issues"], untold]))
    return f"{why} ({notes})" if why and notes else why or notes


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _save(chosen: Chosen, file: Path, *, is_json: bool) -> None:
    from tavus_callbacks_cli.operations.download import download
    from tavus_callbacks_cli.targets.api_client import http_client

    if not file.parent.is_dir():
        raise click.ClickException(f"There is no folder {shell.argument(str(file.parent))}: make it first.")
    link = chosen.link()
    # The latest may be another one by the time a fresh link is wanted.
    same = Chosen(chosen.api, chosen.conversation, link["recording_id"])
    with http_client(link["url"]) as client, _reporting(file) as report:
        count = download(client, lambda: str(same.link()["url"]), file, progress=report)
    if is_json:
        print_json({"recording_id": link["recording_id"], "file": str(file), "size": count})
    else:
        note(f"Saved {shell.argument(str(file))}: {size(count)}.")


@contextmanager
def _reporting(file: Path) -> "Iterator[Report]":
    with _progress() as progress:
        task = progress.add_task(escape(file.name), total=None)

        def report(count: int, whole: int | None) -> None:
            progress.update(task, completed=count, total=whole)

        try:
            yield report
        except KeyboardInterrupt:
            note("What came is kept: the same command goes on from there.")
            raise


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    # A log of somebody's script is no place for a bar.
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
