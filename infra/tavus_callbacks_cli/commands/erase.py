"""`tavus-callbacks erase`: a subject, or all that has a tag, from every store, with a receipt."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks_cli.commands import options as parameters
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_block, print_json
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target, UrlTarget

if TYPE_CHECKING:
    from tavus_callbacks_cli.erasure.place import Place, Wanted
    from tavus_callbacks_cli.erasure.steps import Erasure, Found, Report

Tag = tuple[str, str]

_NO_ACCESS = """A URL only reads, so nothing can be erased through it. Somebody with AWS credentials can:
  {command}"""

_AGAIN = "What went is gone: start the same command again, it goes on and ends the same."


@click.command(
    epilog=examples(
        "tavus-callbacks erase conversation c123456 --dry-run --stack tavus-callbacks",
        "tavus-callbacks erase conversation c123456 --receipt receipt.json --stack tavus-callbacks",
        "tavus-callbacks erase --tag user:4711 --yes --json --stack tavus-callbacks",
    )
)
@click.argument("kind", metavar="[KIND]", type=parameters.KIND, required=False)
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--tag", type=parameters.tag, metavar="NAME:VALUE", help="Everything that belongs to this tag.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@click.option(
    "--receipt",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the receipt there as well, as JSON.",
)
@click.option("--json", "is_json", is_flag=True, help="Print the receipt as JSON.")
@target_options
def erase(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    kind: str | None,
    id_: str | None,
    tag: Tag | None,
    dry_run: bool,
    is_sure: bool,
    file: Path | None,
    is_json: bool,
) -> None:
    """Erase a subject from every store, with a receipt.

    KIND is conversation, video, replica or another kind of subject. Events and their other contents, bodies,
    summary, recordings in all versions, and what names it in quarantine, spill and among failed records go; a
    tombstone stays, so that late callbacks are dropped. The receipt says what this cannot reach. It needs AWS
    credentials, or --local. --tag leaves out and lists a subject whose callbacks do not all carry the tag.

    The exit code is 1 if AWS refused, if something was not seen, or if --tag left something out.
    """
    from tavus_callbacks_cli.erasure.receipt import receipt
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    words, options = _asked(kind, id_, tag)
    _refuse(target, shell.command("erase", *words, options=(*options, "--stack", "NAME")), file)
    with aws_errors(), _again():
        place = _place(target)
        wanted = _wanted(place, kind, id_, tag)
        left_out = _left_out(place, wanted)
        found = _surveyed(place, wanted, shell.line(*words))
        if not (dry_run or is_sure):
            click.confirm("Erase this for ever?", abort=True, err=True)
        done = _planned(place, wanted, found) if dry_run else _erased(place, wanted, len(found.pieces))
        asked = shell.command("erase", *words, options=options).removeprefix("tavus-callbacks ")
        content = receipt(done, asked, target.name, place.deployment, left_out)
    _hand_over(content, file, is_json=is_json)
    if left_out or any(one["store"] != "recordings bucket" for one in content["left"]):
        raise SystemExit(1)


def _asked(kind: str | None, id_: str | None, tag: Tag | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the arguments and the options that name what to erase; raises click.UsageError."""
    if (tag is None) == (kind is None) or (kind is None) != (id_ is None):
        raise click.UsageError("Name a kind and an id (conversation c123456), or --tag NAME:VALUE.")
    if id_ is not None and not is_name(id_):
        raise click.UsageError(f"{id_!r} can be no id: 1 to 200 printable characters, no white space around.")
    return ((str(kind), str(id_)), ()) if tag is None else ((), ("--tag", ":".join(tag)))


def _refuse(target: Target, command: str, file: Path | None) -> None:
    if isinstance(target, UrlTarget):
        raise click.UsageError(_NO_ACCESS.format(command=command))
    if file is not None and file.exists():
        raise click.ClickException(
            f"{shell.argument(str(file))} exists, and a receipt is not overwritten: name another file."
        )
    if file is not None and not file.parent.is_dir():
        raise click.ClickException(f"There is no folder {shell.argument(str(file.parent))}: make it first.")


@contextmanager
def _again() -> Iterator[None]:
    from tavus_callbacks.domain.common.errors import StoreDown

    try:
        yield
    except StoreDown as error:
        raise click.ClickException(f"AWS did not take all of it ({error}). {_AGAIN}") from error
    except KeyboardInterrupt:
        note(_AGAIN)
        raise


def _place(target: Target) -> "Place":
    from tavus_callbacks_cli.erasure.place import Place

    return Place(target.deployment(), target.store())


def _wanted(place: "Place", kind: str | None, id_: str | None, tag: Tag | None) -> "Wanted":
    from tavus_callbacks_cli.erasure.place import Wanted
    from tavus_callbacks_cli.erasure.steps import tagged

    if tag is not None:
        return tagged(place, tag)
    return Wanted(frozenset({(str(kind), str(id_))}))


def _left_out(place: "Place", wanted: "Wanted") -> list[dict[str, str]]:
    from tavus_callbacks_cli.erasure.receipt import report_left_out

    return report_left_out(wanted, partial(place.deployment.command, "erase"))


def _surveyed(place: "Place", wanted: "Wanted", asked: str) -> "Found":
    from tavus_callbacks_cli.erasure.place import described
    from tavus_callbacks_cli.erasure.steps import survey

    found = survey(place, wanted)
    counts = [f"{len(names)} {store}" for store, names in sorted(described(found.pieces).items())]
    whom = f"{len(wanted.subjects)} subjects" if wanted.tag else asked
    note(f"{whom}: {', '.join(counts) or 'nothing is kept; what comes of it later is dropped'}.")
    return found


def _planned(place: "Place", wanted: "Wanted", found: "Found") -> "Erasure":
    from tavus_callbacks.domain.common.timestamps import now
    from tavus_callbacks_cli.erasure.steps import Erasure

    return Erasure(wanted, now(), _lifetime(place), found, None, is_dry_run=True)


def _erased(place: "Place", wanted: "Wanted", expected: int) -> "Erasure":
    from tavus_callbacks.domain.common.timestamps import now
    from tavus_callbacks_cli.erasure.steps import erase as erase_all

    with _reporting(expected) as report:
        return erase_all(place, wanted, _lifetime(place), now(), report)


def _lifetime(place: "Place") -> timedelta | None:
    """Return how long a tombstone lasts: longer than all that the stack's parameters keep."""
    from tavus_callbacks.domain.common.tombstone import lifetime

    known = place.deployment.parameters
    names = ["EventRetentionDays", "QuarantineRetentionDays", "FailedRetentionDays"]
    names += ["RecordingRetentionDays", "RecordingNoncurrentDays"] if place.deployment.has_recordings else []
    days = [int(known.get(name, "0")) for name in names]
    return lifetime(timedelta(days=each) if each else None for each in days)


@contextmanager
def _reporting(expected: int) -> "Iterator[Report]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    # A log of somebody's script is no place for a bar.
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("erasing", total=expected)
        yield lambda store: progress.update(task, advance=1, description=store)


def _hand_over(content: dict[str, Any], file: Path | None, *, is_json: bool) -> None:
    from tavus_callbacks_cli.erasure.receipt import lines
    from tavus_callbacks_cli.output.files import write_json

    if file is not None:
        write_json(file, content)
    if is_json:
        print_json(content)
    else:
        print_block("\n".join(lines(content)))
    if file is not None:
        note(f"The receipt is in {shell.argument(str(file))}. It names its subjects: keep it safe.")
