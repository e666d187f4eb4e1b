"""`tavus-callbacks explain`: what the receiver would make of a body, offline."""

from datetime import UTC, datetime

import click

from tavus_callbacks_cli.output.console import note, print_fields, print_json
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import examples

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
    """Show offline how the stack would read a body.

    The command shows the subject, identity and issues of each body, or why the stack would not store it as an
    event. It sends and stores nothing. If FILE is -, it reads standard input. The exit code is 1 if a body
    would go to quarantine.

    --shape prints the names of properties and the types of their values, but no value. You can share this
    output to report unknown properties. Names that may be data, because they contain digits or begin with a
    capital, become *.
    """
    from tavus_callbacks.domain.common.errors import NotAnObject
    from tavus_callbacks_cli.operations.explain import explain_body, shape_of_body

    now, bodies = datetime.now(UTC), []
    for name in files:
        with click.open_file(name, "rb") as file:
            bodies.append((name, file.read()))
    explanations = [explain_body(name, raw, now=now) for name, raw in bodies]
    if shape:
        for name, raw in bodies:
            note(argument(name))
            try:
                print_json(shape_of_body(raw))
            except NotAnObject as error:
                note(str(error))
    elif is_json:
        print_json({"files": [explanation.as_json() for explanation in explanations]})
    else:
        for number, explanation in enumerate(explanations):
            if number:
                click.echo()
            print_fields(explanation.fields())
    if not all(explanation.is_filed for explanation in explanations):
        click.get_current_context().exit(1)
