"""`tavus-callbacks explain`: what the receiver would make of a body, offline."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.output.console import note, print_fields, print_json
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import examples

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.explain import Explanation

_FILE = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)


@click.command(
    epilog=examples(
        "tavus-callbacks explain callback.json",
        "tavus-callbacks explain --json bodies/*.json",
        "pbpaste | tavus-callbacks explain --shape -",
    )
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@click.option("--shape", is_flag=True, help="Print property names and JSON types only.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
def explain(files: tuple[str, ...], *, shape: bool, is_json: bool) -> None:
    """Tell what the receiver would make of a body.

    What it is about, its identity, its issues, or why it would be refused. Works offline, nothing is sent or
    kept; FILE - is standard input. Ends with 1 when a body would not be filed.

    --shape prints the names of properties and the types of their values, and no value: safe to share when
    callbacks look different from what is known. Names that may be data (digits, a capital in front) become *.
    """
    from tavus_callbacks_cli.operations.explain import explain_body

    now = datetime.now(UTC)
    bodies = [(name, _read(name)) for name in files]
    explanations = [explain_body(name, raw, now=now) for name, raw in bodies]
    if shape:
        _show_shapes(bodies)
    else:
        _show(explanations, is_json=is_json)
    if not all(explanation.is_filed for explanation in explanations):
        click.get_current_context().exit(1)


def _read(name: str) -> bytes:
    with click.open_file(name, "rb") as file:
        content: bytes = file.read()
    return content


def _show_shapes(bodies: Iterable[tuple[str, bytes]]) -> None:
    from tavus_callbacks.domain.common.errors import NotAnObject
    from tavus_callbacks_cli.operations.explain import shape_of_body

    for name, raw in bodies:
        note(argument(name))
        try:
            print_json(shape_of_body(raw))
        except NotAnObject as error:
            note(str(error))


def _show(explanations: "list[Explanation]", *, is_json: bool) -> None:
    from tavus_callbacks_cli.operations.explain import as_fields, as_json

    if is_json:
        print_json({"files": [as_json(explanation) for explanation in explanations]})
        return
    for number, explanation in enumerate(explanations):
        if number:
            click.echo()
        print_fields(as_fields(explanation))
