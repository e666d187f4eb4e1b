"""`tavus-callbacks erase`: erase a subject, or everything with a tag, from every store, with a receipt."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks_cli.commands import options as parameters
from tavus_callbacks_cli.commands.options import named_target_options, require_folder
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_lines, progress_bar
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.erasure.erase import Erasure
    from tavus_callbacks_cli.operations.selection import Selection
    from tavus_callbacks_cli.targets.aws_stack import Deployment

_AGAIN = "The erasure is not complete. Run the same command again to finish it."


@click.command(
    epilog=examples(
        "tavus-callbacks erase conversation c123456 --dry-run --stack tavus-callbacks",
        "tavus-callbacks erase conversation c123456 --receipt receipt.json --stack tavus-callbacks",
        "tavus-callbacks erase --tag user:4711 --yes --json --stack tavus-callbacks",
    )
)
@click.argument("kind", metavar="[KIND]", type=parameters.KIND, required=False)
@parameters.id_argument(required=False)
@click.option(
    "--tag", type=parameters.tag, metavar="NAME:VALUE", help="Erase everything that belongs to this tag."
)
@click.option("--dry-run", is_flag=True, help="Only list what would be erased.")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--receipt",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the receipt to this file, as JSON.",
)
@click.option("--json", "is_json", is_flag=True, help="Print the receipt as JSON.")
@named_target_options
def erase(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    kind: str | None,
    id_: str | None,
    tag: tuple[str, str] | None,
    dry_run: bool,
    is_sure: bool,
    file: Path | None,
    is_json: bool,
) -> None:
    """Erase a subject from every store, and print a receipt.

    KIND is conversation, video, replica or another kind of subject. `latest` is the newest subject of KIND.
    The command prints its id before it asks.

    It erases events, stored bodies, the summary, recordings, and everything in the quarantine, the spill and
    the failed records that contains the id. A tombstone remains, so that late callbacks are dropped. The
    receipt lists what the command cannot reach. With --tag, subjects whose callbacks do not all have the tag
    are listed but not erased. The command needs AWS credentials, or --local.

    The exit code is 1 if something could not be erased or checked, or if --tag left something out.
    """
    from tavus_callbacks_cli.erasure.erase import find_by_tag
    from tavus_callbacks_cli.erasure.receipt import receipt
    from tavus_callbacks_cli.operations.ids import resolve_on
    from tavus_callbacks_cli.operations.selection import Selection, left_out_lines
    from tavus_callbacks_cli.targets.aws_errors import aws_errors, incomplete_errors

    if (tag is None) == (kind is None) or (kind is None) != (id_ is None):
        raise click.UsageError("Add a kind and an id, such as conversation c123456, or --tag NAME:VALUE.")
    if id_ is not None and not is_name(id_):
        raise click.UsageError(
            f"{id_!r} is not an id. An id has 1 to 200 printable characters, without spaces around it."
        )
    if id_ is not None:
        id_ = resolve_on(target, id_, kind)
    words = () if tag else (str(kind), str(id_))
    options = ("--tag", ":".join(tag)) if tag else ()
    if file is not None:
        if file.exists():
            raise click.ClickException(
                f"{shell.argument(str(file))} exists, and a receipt is not overwritten. Use another file."
            )
        require_folder(file)
    try:
        with aws_errors(), incomplete_errors(_AGAIN):
            deployment = target.deployment()
            selection = find_by_tag(deployment, tag) if tag else Selection(frozenset({(str(kind), str(id_))}))
            left_out = selection.left_out_json(partial(deployment.command, "erase"))
            for line in left_out_lines(left_out):
                note(line)
            erasure = _erase(deployment, selection, shell.line(*words), dry_run=dry_run, is_sure=is_sure)
            asked = shell.command("erase", *words, options=options).removeprefix("tavus-callbacks ")
            content = receipt(erasure, asked, target.name, deployment, left_out)
    except KeyboardInterrupt:
        note(_AGAIN)
        raise
    _print_receipt(content, file, is_json=is_json)
    if left_out or any(each["store"] != "recordings bucket" for each in content["left"]):
        raise SystemExit(1)


def _erase(
    deployment: "Deployment", selection: "Selection", subject: str, *, dry_run: bool, is_sure: bool
) -> "Erasure":
    """Print what there is. Unless it is a dry run, ask and erase it."""
    from tavus_callbacks.domain.common.timestamps import now
    from tavus_callbacks_cli.erasure import erase as erasure
    from tavus_callbacks_cli.erasure.pieces import names_by_store

    findings, lifetime = erasure.survey(deployment, selection), erasure.tombstone_lifetime(deployment)
    counts = [f"{len(names)} {store}" for store, names in sorted(names_by_store(findings.pieces).items())]
    whom = f"{len(selection.subjects)} subjects" if selection.tag else subject
    note(f"{whom}: {', '.join(counts) or 'nothing is stored. Later callbacks about it will be dropped'}.")
    if dry_run:
        return erasure.Erasure(selection, now(), lifetime, findings, None, is_dry_run=True)
    if not is_sure:
        click.confirm("Erase this permanently?", abort=True, err=True)
    with progress_bar() as progress:
        task = progress.add_task("erasing", total=len(findings.pieces))

        def report(store: str) -> None:
            progress.update(task, advance=1, description=store)

        return erasure.erase(deployment, selection, lifetime, now(), report)


def _print_receipt(content: dict[str, Any], file: Path | None, *, is_json: bool) -> None:
    from tavus_callbacks_cli.erasure.receipt import receipt_lines
    from tavus_callbacks_cli.output.files import write_json

    if file is not None:
        write_json(file, content)
    if is_json:
        print_json(content)
    else:
        print_lines(receipt_lines(content))
    if file is not None:
        note(f"The receipt is in {shell.argument(str(file))}. It contains ids, so keep it safe.")
