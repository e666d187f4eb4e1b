"""`tavus-callbacks connect`: the request that makes Tavus send its callbacks and recordings to this stack."""

import sys

import click

from tavus_callbacks.domain.common.token import PATTERN
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.operations.connect import (
    REQUESTS,
    curl_command,
    recording_advice,
    request_body,
    url_advice,
)
from tavus_callbacks_cli.output.console import note, print_json
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import OWN_LABEL, Target
from tavus_callbacks_cli.targets.urls import is_http

# Tavus documents this limit for guardrails (docs/tavus.md, "Guardrails"). Unverified: the other kinds.
_MAX_CALLBACK_URL = 2048


def _callback_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not (is_http(value) and PATTERN.search(value)):
        raise click.BadParameter(
            "This is not a callback_url. Use one that `tavus-callbacks token create` printed."
        )
    if len(value) > _MAX_CALLBACK_URL:
        raise click.BadParameter(
            f"The callback_url has {len(value)} characters. Tavus takes {_MAX_CALLBACK_URL}: use fewer tags."
        )
    return value


@click.command(
    epilog=examples(
        "tavus-callbacks connect --stack tavus-callbacks",
        "tavus-callbacks connect --local",
        'tavus-callbacks connect --older --callback-url "$CALLBACK_URL" --stack tavus-callbacks',
        "tavus-callbacks connect video --label website --stack tavus-callbacks",
    )
)
@click.argument(
    "kind", default="conversation", metavar="[KIND]", type=options.Renamed(REQUESTS, {"replica": "face"})
)
@click.option(
    "--label",
    type=options.label,
    metavar="LABEL",
    help="Label of the new callback_url. Default: production, or with --local the stack's own token.",
)
@click.option("--callback-url", callback=_callback_url, metavar="URL", help="The callback_url to use.")
@click.option("--older", is_flag=True, help="Use the names and formats that Tavus used before June 2026.")
@target_options
def connect(target: Target, kind: str, *, label: str | None, callback_url: str | None, older: bool) -> None:
    """Print a request body for Tavus with this stack's values.

    KIND is conversation (the default), video, face (or replica), document, objective, guardrail, lipsync,
    replacement or transcription. The body goes to standard output. The curl command and advice go to
    standard error.
    """
    deployment = target.deployment()
    # A local stack can show its own callback_url, but no other one.
    url = callback_url or (deployment.callback_url if label in (None, OWN_LABEL) else None)
    placeholder = f"{deployment.outputs.get('ApiUrl', '')}/callbacks/TOKEN"
    body = request_body(deployment, kind, url or placeholder, older=older)
    print_json(body, indent=2 if sys.stdout.isatty() else None)
    note(curl_command(kind, body, older=older))
    for line in url_advice(deployment, url, label or "production"):
        note(line)
    if kind == "conversation":
        for line in recording_advice(deployment, older=older):
            note(line)
