"""`tavus-callbacks export`: all that is kept of a subject, or of a tag, as one zip."""

import zipfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json
from tavus_callbacks_cli.output.shell import argument, command
from tavus_callbacks_cli.output.text import escape, examples, size
from tavus_callbacks_cli.targets.choose import TOKEN_VARIABLES, Target, UrlTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tavus_callbacks_cli.erasure.place import Wanted
    from tavus_callbacks_cli.operations.export import Exported, Progress, Sources
    from tavus_callbacks_cli.targets.api_client import ApiClient

Tag = tuple[str, str]


@click.command(
    epilog=examples(
        "tavus-callbacks export c123456 --to c123456.zip --stack tavus-callbacks",
        "tavus-callbacks export --tag user:4711 --to 4711.zip --stack tavus-callbacks",
        "tavus-callbacks export v123456 --kind video --to v123456.zip --local",
    )
)
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--tag", type=options.tag, metavar="NAME:VALUE", help="Everything that belongs to this tag.")
@click.option(
    "--kind",
    type=options.KIND,
    default="conversation",
    show_default=True,
    help="What ID is the id of.",
)
@click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="The zip to write.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--json", "is_json", is_flag=True, help="Print what was written as JSON.")
@target_options
def export(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    id_: str | None,
    tag: Tag | None,
    kind: str,
    file: Path,
    force: bool,
    is_json: bool,
) -> None:
    """Write everything that is stored about a subject into a zip.

    Events with their bodies, the view, the transcript, recordings, and quarantine that names it; README.txt
    says what each file is. With TAVUS_CALLBACKS_URL, quarantine is searched if
    TAVUS_CALLBACKS_QUARANTINE_TOKEN is set. --tag leaves out and lists a subject whose callbacks do not all
    carry the tag.

    The exit code is 1 if --tag left something out.
    """
    if (id_ is None) == (tag is None):
        raise click.UsageError("Name an ID, or --tag NAME:VALUE.")
    _refuse(file, force=force)
    with _sources(target) as sources:
        wanted = _wanted(sources.api, kind, id_, tag)
        left_out = _left_out(target, wanted)
        exported = _written(sources, wanted, file, left_out)
    if is_json:
        subjects = [{"kind": kind, "subject": name} for kind, name in sorted(wanted.subjects)]
        content = {"file": str(file), "size": file.stat().st_size, **exported._asdict()}
        print_json({**content, "subjects": subjects, "left_out": left_out})
    else:
        counts = f"{exported.events} events, {exported.quarantine} entries of quarantine"
        amount = f"{counts}, {size(file.stat().st_size)}"
        note(f"Wrote {argument(str(file))}: {amount}. It holds what people said.")
    if left_out:
        raise SystemExit(1)


def _refuse(file: Path, *, force: bool) -> None:
    if file.exists() and not force:
        raise click.ClickException(
            f"{argument(str(file))} exists: name another file, or add --force to overwrite it."
        )
    if not file.parent.is_dir():
        raise click.ClickException(f"There is no folder {argument(str(file.parent))}: make it first.")


@contextmanager
def _sources(target: Target) -> "Iterator[Sources]":
    from tavus_callbacks_cli.operations.export import Sources

    with ExitStack() as cleanup:
        api = cleanup.enter_context(target.open_api("read"))
        quarantine = (
            cleanup.enter_context(target.open_api("quarantine")) if _reads_quarantine(target) else None
        )
        yield Sources(api, quarantine, _fetch)


def _reads_quarantine(target: Target) -> bool:
    return not isinstance(target, UrlTarget) or bool(target.environment.get(TOKEN_VARIABLES["quarantine"]))


def _fetch(link: "Callable[[], str]", file: Path, progress: "Callable[[int, int | None], None]") -> int:
    from tavus_callbacks_cli.operations.download import download
    from tavus_callbacks_cli.targets.api_client import http_client

    with http_client(link()) as client:
        return download(client, link, file, progress=progress)


def _wanted(api: "ApiClient", kind: str, id_: str | None, tag: Tag | None) -> "Wanted":
    from tavus_callbacks_cli.erasure.place import Wanted
    from tavus_callbacks_cli.operations.export import tagged

    return tagged(api, tag) if tag else Wanted(frozenset({(kind, str(id_))}))


def _left_out(target: Target, wanted: "Wanted") -> list[dict[str, str]]:
    from tavus_callbacks_cli.erasure.receipt import report_left_out

    def named(kind: str, subject: str) -> str:
        return command("export", subject, options=("--kind", kind, "--to", "FILE", *target.options))

    return report_left_out(wanted, named)


def _written(sources: "Sources", wanted: "Wanted", file: Path, left_out: list[dict[str, str]]) -> "Exported":
    """Write the archive beside its name, so that a half-written one is never taken for the whole."""
    from tavus_callbacks_cli.operations.export import Archive
    from tavus_callbacks_cli.operations.export import export as export_all

    part = file.with_name(f"{file.name}.part")
    # A file of that name may have a wider mode, or be somebody's link: begin with a new one.
    part.unlink(missing_ok=True)
    part.touch(mode=0o600, exist_ok=False)
    try:
        with zipfile.ZipFile(part, "w") as content, _progress() as progress:
            exported = export_all(sources, wanted, Archive(content), progress, left_out)
        _refuse_nothing(wanted, exported)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return exported


def _refuse_nothing(wanted: "Wanted", exported: "Exported") -> None:
    from tavus_callbacks_cli.targets.api_client import NotFound

    if wanted.tag and not any(exported) and not wanted.left_out:
        raise NotFound(f"Nothing with the tag {':'.join(wanted.tag)} is stored there.")
    if not (wanted.tag or exported.events):
        raise NotFound(f"No event of {' '.join(min(wanted.subjects))} is kept there.")


@contextmanager
def _progress() -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    # A log of somebody's script is no place for a bar.
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        tasks: dict[str, Any] = {}

        def report(name: str, done: int, whole: int | None) -> None:
            if name not in tasks:
                tasks[name] = shown.add_task(escape(name), total=whole)
            shown.update(tasks[name], completed=done, total=whole)

        yield report
