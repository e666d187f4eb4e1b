"""`tavus-callbacks recording`: list, play or download the recordings of a conversation."""

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tavus_callbacks_cli.commands import completion
from tavus_callbacks_cli.commands.options import (
    id_argument,
    identifier,
    refuse_overwrite,
    require_folder,
    simulated_option,
    target_options,
    wide_option,
)
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_fields, print_json, print_table, progress_bar
from tavus_callbacks_cli.output.text import Times, clock, escape, examples, moment, size
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.recording import Recordings

Action = Literal["open", "url"]


@click.command(
    epilog=examples(
        "tavus-callbacks recording c123456 --local",
        "tavus-callbacks recording latest --open --stack tavus-callbacks",
        "tavus-callbacks recording c123456 1762000000000 --download call.mp4 --stack tavus-callbacks",
        'mpv "$(tavus-callbacks recording c123456 --url --local)"',
    )
)
@id_argument("conversation")
@click.argument(
    "recording_id",
    metavar="[RECORDING_ID]",
    type=identifier,
    default="latest",
    shell_complete=completion.recordings,
)
@click.option("--open", "action", flag_value="open", type=str, help="Open a fresh link in the browser.")
@click.option("--url", "action", flag_value="url", type=str, help="Print a fresh link and nothing else.")
@click.option(
    "--download",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the recording to FILE. To continue after an interruption, run the same command again.",
)
@click.option("--force", is_flag=True, help="Let --download overwrite FILE.")
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
@simulated_option
def recording(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    conversation: str,
    recording_id: str,
    action: Action | None,
    file: Path | None,
    force: bool,
    is_json: bool,
    leave_out: dict[str, str],
) -> None:
    """List, watch or download a conversation's recordings.

    As ID, `latest` is the newest conversation. As RECORDING_ID, it is the conversation's newest recording,
    which is also the default. Anyone who has a link can watch the recording until the link expires.
    """
    from tavus_callbacks_cli.operations.ids import resolve_subject
    from tavus_callbacks_cli.operations.recording import Recordings
    from tavus_callbacks_cli.operations.subjects import require_path

    if action is not None and file is not None:
        raise click.UsageError(f"--{action} and --download cannot be combined. Use one of them.")
    if force and file is None:
        raise click.UsageError("--force requires --download.")
    if file is not None:
        _check_file(file, force=force)
    with target.open_api("read") as api:
        conversation = resolve_subject(api, conversation, "conversation", leave_out)
        require_path(api, conversation)
        recordings = Recordings(api, conversation, recording_id)
        if file is not None:
            _download(recordings, file, is_json=is_json)
        elif action is not None:
            _print_link(recordings.link(), action, is_json=is_json)
        else:
            _list(recordings, is_json=is_json)


def _check_file(file: Path, *, force: bool) -> None:
    """Raise click.ClickException for a file that a download must not replace."""
    if str(file) == "-":
        raise click.UsageError(
            "--download cannot write to a pipe. Fetch the link that --url prints: "
            'curl "$(tavus-callbacks recording ID --url)"'
        )
    # The finished download takes the name: it would replace a link or a device instead of writing to it.
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise click.ClickException(
            f"{shell.argument(str(file))} is not a regular file, and --force does not replace it. "
            "Name another file."
        )
    refuse_overwrite(file, force=force)


def _print_link(link: dict[str, Any], action: Action, *, is_json: bool) -> None:
    if action == "open" and not webbrowser.open(link["url"]):
        note("No browser was found. Open this link:")
        action = "url"
    if is_json:
        print_json(link)
    elif action == "url":
        # As it is: with one character more or less, it is refused.
        click.echo(link["url"])
    note(f"The link expires at {moment(link['expires_at'], with_zone=True)}.")


def _list(recordings: "Recordings", *, is_json: bool) -> None:
    from tavus_callbacks_cli.operations.recording import recording_remark

    items, link, reason = recordings.matches(), None, ""
    try:
        link = recordings.link()
    except click.ClickException as error:
        reason = error.message
    if is_json:
        print_json({"recordings": items, "link": link})
        return
    times = Times.of(map(_since, items))
    rows = (
        (
            item["recording_id"],
            item["status"],
            "-" if item["size"] is None else size(item["size"]),
            "-" if item["duration"] is None else clock(item["duration"]),
            times.cell(_since(item)),
        )
        for item in items
    )
    print_table(("recording id", "status", "size", "duration", times.head("since")), rows)
    # Below: a column of sentences would leave the others no room for whole words.
    print_fields((item["recording_id"], remark) for item in items if (remark := recording_remark(item)))
    if link is None:
        which = recordings.recording
        name = "The latest recording" if which == "latest" else f"Recording {which}"
        # A remark may have said why.
        messages = ((item["message"] or "").rstrip(" .") for item in items)
        is_said = any(message and message in reason for message in messages)
        note(f"{name} cannot be played{'.' if is_said else f': {reason}'}")
        return
    click.echo()
    _print_link(link, "url", is_json=False)


def _since(item: dict[str, Any]) -> str:
    return str(item["modified_at"] or item["received_at"])


def _download(recordings: "Recordings", file: Path, *, is_json: bool) -> None:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    from tavus_callbacks_cli.operations.recording import Recordings, download
    from tavus_callbacks_cli.targets.api_client import http_client

    require_folder(file)
    link = recordings.link()
    # The latest may be another one when a fresh link is needed.
    same = Recordings(recordings.api, recordings.conversation, link["recording_id"])
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with http_client(link["url"]) as client, progress_bar(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task(escape(file.name), total=None)
        try:
            count = download(
                client,
                lambda: str(same.link()["url"]),
                file,
                progress=lambda done, whole: bar.update(task, completed=done, total=whole),
            )
        except KeyboardInterrupt:
            note("The bytes so far are kept. Run the same command again to continue.")
            raise
    if is_json:
        print_json({"recording_id": link["recording_id"], "file": str(file), "size": count})
    else:
        note(f"Saved {shell.argument(str(file))}: {size(count)}.")
