"""`tavus-callbacks connect`: the request that makes Tavus send its callbacks and recordings to this stack."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import click

from tavus_callbacks.domain.common.token import PATTERN
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json
from tavus_callbacks_cli.output.shell import tavus_request
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.aws_stack import DOCUMENTED_EXTERNAL_ID, Deployment
from tavus_callbacks_cli.targets.choose import Target
from tavus_callbacks_cli.targets.urls import is_loopback

TAVUS = "https://tavusapi.com/v2"

# The path of each kind's request, and the members that you fill in. Sources and the whole schema:
# tests/tavus_requests.schema.json.
REQUESTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "conversation": ("conversations", ("face_id", "pal_id")),
    "video": ("videos", ("face_id", "script")),
    "face": ("faces", ("face_name", "train_video_url")),
    "document": ("documents", ("document_url",)),
    "objective": ("objectives", ("objective_name", "objective_prompt")),
    "guardrail": ("guardrails", ("guardrail_name", "guardrail_prompt")),
    "lipsync": ("lipsync", ("original_video_url", "source_audio_url")),
    "replacement": ("replacements", ("original_video_url", "new_transcript")),
    "transcription": ("transcriptions", ("file_url",)),
}

# Tavus renamed these in June 2026 and still accepts the older names.
OLDER_NAMES = {
    "face_id": "replica_id",
    "pal_id": "persona_id",
    "face_name": "replica_name",
    "faces": "replicas",
}

# Tavus documents this limit for guardrails (docs/tavus.md, "Guardrails"). Unverified: the other kinds.
_MAX_CALLBACK_URL = 2048
_WEB_ADDRESS = re.compile(r"https?://[^\s/]\S*")

Body = dict[str, Any]


def _callback_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not (_WEB_ADDRESS.fullmatch(value) and PATTERN.search(value)):
        raise click.BadParameter("This is not a callback_url. `tavus-callbacks token create` prints one.")
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
    default="production",
    show_default=True,
    metavar="L",
    help="Label of the token in the command that makes a callback_url.",
)
@click.option("--callback-url", callback=_callback_url, metavar="URL", help="The callback_url to use.")
@click.option("--older", is_flag=True, help="Use the names and forms from before June 2026.")
@target_options
def connect(target: Target, kind: str, *, label: str, callback_url: str | None, older: bool) -> None:
    """Print a request body for Tavus with this stack's values.

    KIND is conversation (the default), video, face (or replica), document, objective, guardrail, lipsync,
    replacement or transcription. The body goes to standard output. The curl command and advice go to
    standard error.
    """
    deployment = target.deployment()
    url = callback_url or deployment.callback_url
    placeholder = f"{deployment.outputs.get('ApiUrl', '')}/callbacks/TOKEN"
    body = _body(kind, url or placeholder, older=older)
    if kind == "conversation" and _recording_obstacle(deployment, older=older) is None:
        properties = deployment.recording_properties(older=older)
        body |= {"properties": properties} if properties else {}
    print_json(body, indent=2 if sys.stdout.isatty() else None)
    note(_curl(_path(kind, older=older), body))
    for line in (*_url_advice(deployment, url, label), *_recording_advice(deployment, kind, older=older)):
        note(line)


def _body(kind: str, callback_url: str, *, older: bool) -> Body:
    _, members = REQUESTS[kind]
    names = [OLDER_NAMES.get(name, name) if older else name for name in members]
    body: Body = {**{name: name.upper() for name in names}, "callback_url": callback_url}
    if kind == "objective":
        return {"data": [body]}
    # A guardrail is a resource of its own today; before, it stood in a named set.
    if kind == "guardrail" and older:
        return {"name": "NAME", "data": [body]}
    return body


def _path(kind: str, *, older: bool) -> str:
    path, _ = REQUESTS[kind]
    return OLDER_NAMES.get(path, path) if older else path


def _curl(path: str, body: Body) -> str:
    written = json.dumps(body, ensure_ascii=False)
    return tavus_request(f"{TAVUS}/{path}", "-H", "content-type: application/json", "-d", written)


def _url_advice(deployment: Deployment, url: str | None, label: str) -> Iterator[str]:
    yield "Replace the words in capitals. Tags go into the query of the callback_url: ?user=4711"
    if url is None:
        command = deployment.command("token create", options=["--label", label])
        yield f"The stack cannot show a token again. `{command}` prints a new callback_url."
    elif is_loopback(url):
        start = "`tavus-callbacks local --public-url URL`"
        yield f"Tavus cannot reach this machine. Open a tunnel, then start {start} with its address."


def _recording_obstacle(deployment: Deployment, *, older: bool) -> str | None:
    """Say why Tavus cannot record into this stack, so that the request leaves it out; None if it can."""
    if not deployment.has_recordings:
        return "This stack takes no recordings: it was deployed with Recordings=off."
    if deployment.is_local:
        return (
            "The body has no recording_storage: Tavus cannot write into a bucket on this machine. "
            "`tavus-callbacks simulate recording --local` makes a recording here."
        )
    # Tavus refuses a conversation whose role it cannot assume (docs/tavus.md, "Recordings").
    if older and deployment.external_id != DOCUMENTED_EXTERNAL_ID:
        return (
            "The body has no recording fields: the older ones carry no external id, but this stack's role "
            "requires its own. Leave out --older, or deploy with RecordingExternalId=tavus."
        )
    return None


def _recording_advice(deployment: Deployment, kind: str, *, older: bool) -> Iterator[str]:
    if kind != "conversation":
        return
    obstacle = _recording_obstacle(deployment, older=older)
    if obstacle:
        yield obstacle
        return
    yield "enable_recording only permits a recording. Your page must start it, with Daily's JavaScript:"
    yield f"  {deployment.outputs.get('RecordingStart', 'await call.startRecording();')}"
    if deployment.external_id == DOCUMENTED_EXTERNAL_ID:
        yield (
            "All customers of Tavus share the external id `tavus`, so it protects nothing from anyone who "
            "knows the role's ARN. Keep the ARN to yourself."
        )
