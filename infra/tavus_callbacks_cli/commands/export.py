"""`tavus-callbacks export`: everything that is stored about a subject, or a tag, as one zip."""

import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import (
    id_argument,
    refuse_overwrite,
    require_folder,
    simulated_option,
    target_options,
)
from tavus_callbacks_cli.output.console import note, print_json, progress_bar
from tavus_callbacks_cli.output.shell import argument, command
from tavus_callbacks_cli.output.text import escape, examples, size
from tavus_callbacks_cli.targets.choose import TOKEN_VARIABLES, Target, UrlTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import TaskID

    from tavus_callbacks_cli.operations.export import Exported, Sources
    from tavus_callbacks_cli.operations.selection import Selection


@click.command(
    epilog=examples(
        "tavus-callbacks export c123456 --to c123456.zip --stack tavus-callbacks",
        "tavus-callbacks export --tag user:4711 --to 4711.zip --stack tavus-callbacks",
        "tavus-callbacks export v123456 --kind video --to v123456.zip --local",
    )
)
@id_argument(required=False)
@click.option("--tag", type=options.tag, metavar="NAME:VALUE", help="Export the subjects with this tag.")
@options.kind_option("Kind of the subject.", default="conversation")
@click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="Write the zip to FILE.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--json", "is_json", is_flag=True, help="Print a summary as JSON.")
@target_options
@simulated_option
def export(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    id_: str | None,
    tag: tuple[str, str] | None,
    kind: str,
    file: Path,
    force: bool,
    is_json: bool,
    leave_out: dict[str, str],
) -> None:
    """Write everything stored about a subject into a zip file.

    `latest` is the newest conversation, or with --kind the newest subject of that kind. The zip contains the
    events with their bodies, the view, the transcript, the recordings, and the quarantine entries that
    contain the id. Its README.txt describes each file. With TAVUS_CALLBACKS_URL, the command searches the
    quarantine only if TAVUS_CALLBACKS_QUARANTINE_TOKEN is set.

    With --tag, subjects whose callbacks do not all have the tag are listed but not exported. The exit code is
    then 1.
    """
    from tavus_callbacks_cli.operations.export import Sources, find_by_tag
    from tavus_callbacks_cli.operations.ids import resolve_subject
    from tavus_callbacks_cli.operations.selection import Selection, left_out_lines

    def export_command(kind: str, subject: str) -> str:
        return command("export", subject, options=("--kind", kind, "--to", "FILE", *target.options))

    if (id_ is None) == (tag is None):
        raise click.UsageError("Add an ID, latest, or --tag NAME:VALUE.")
    refuse_overwrite(file, force=force)
    require_folder(file)
    with ExitStack() as cleanup:
        api, quarantine = cleanup.enter_context(target.open_api("read")), None
        # A URL may have no token for quarantine.
        if not isinstance(target, UrlTarget) or target.environment.get(TOKEN_VARIABLES["quarantine"]):
            quarantine = cleanup.enter_context(target.open_api("quarantine"))
        sources = Sources(api, quarantine, fetch)
        selection = (
            find_by_tag(api, tag, with_simulated=not leave_out)
            if tag
            else Selection(frozenset({(kind, resolve_subject(api, str(id_), kind, leave_out))}))
        )
        left_out = selection.left_out_json(export_command)
        for line in left_out_lines(left_out):
            note(line)
        if tag and leave_out:
            note("Simulated data is left out. --simulated includes it.")
        exported = _write_archive(sources, selection, file, left_out)
    if is_json:
        subjects = [{"kind": kind, "subject": name} for kind, name in sorted(selection.subjects)]
        content = {"file": str(file), "size": file.stat().st_size, **exported._asdict()}
        print_json({**content, "subjects": subjects, "left_out": left_out})
    else:
        counts = f"{exported.events} events, {exported.quarantine} quarantine entries"
        amount = f"{counts}, {size(file.stat().st_size)}"
        note(f"Wrote {argument(str(file))}: {amount}. It contains personal data.")
    if left_out:
        raise SystemExit(1)


def fetch(link: "Callable[[], str]", file: Path, progress: "Callable[[int, int | None], None]") -> int:
    """Download a recording."""
    from tavus_callbacks_cli.operations.recording import download
    from tavus_callbacks_cli.targets.api_client import http_client

    with http_client(link()) as client:
        return download(client, link, file, progress=progress)


def _write_archive(
    sources: "Sources", selection: "Selection", file: Path, left_out: list[dict[str, str]]
) -> "Exported":
    """Write the archive beside its name, so that nobody takes an unfinished one for the whole."""
    from tavus_callbacks_cli.operations.export import Archive
    from tavus_callbacks_cli.operations.export import export as export_all
    from tavus_callbacks_cli.targets.api_client import NotFound

    part = file.with_name(f"{file.name}.part")
    # A file of that name may have a wider mode, or be somebody's link. Begin with a new one.
    part.unlink(missing_ok=True)
    part.touch(mode=0o600, exist_ok=False)
    try:
        with zipfile.ZipFile(part, "w") as content, progress_bar() as bar:
            tasks: dict[str, TaskID] = {}

            def report(name: str, done: int, whole: int | None) -> None:
                if name not in tasks:
                    tasks[name] = bar.add_task(escape(name), total=whole)
                bar.update(tasks[name], completed=done, total=whole)

            exported = export_all(sources, selection, Archive(content), report, left_out)
        if selection.tag and not any(exported) and not selection.left_out:
            raise NotFound(f"Nothing with the tag {':'.join(selection.tag)} is stored there.")
        if not (selection.tag or exported.events):
            raise NotFound(f"No event of {' '.join(min(selection.subjects))} is stored there.")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return exported
