"""`tavus-callbacks connect`: what to send to Tavus so that its callbacks and recordings come here."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import click

from tavus_callbacks.domain.token import PATTERN
from tavus_callbacks_cli import parameters
from tavus_callbacks_cli.console import examples, note, print_json
from tavus_callbacks_cli.deployment import (
    DOCUMENTED_EXTERNAL_ID,
    Deployment,
    external_id,
    open_deployment,
    recording_properties,
)
from tavus_callbacks_cli.targets import Target, is_near, target_options

TAVUS = "https://tavusapi.com/v2"

Body = dict[str, Any]


def _conversation(callback_url: str, recording: Body) -> Body:
    body: Body = {"replica_id": "REPLICA_ID", "persona_id": "PERSONA_ID", "callback_url": callback_url}
    return {**body, "properties": recording} if recording else body


def _video(callback_url: str, _recording: Body) -> Body:
    return {"replica_id": "REPLICA_ID", "script": "SCRIPT", "callback_url": callback_url}


def _replica(callback_url: str, _recording: Body) -> Body:
    return {
        "replica_name": "REPLICA_NAME",
        "train_video_url": "TRAIN_VIDEO_URL",
        "callback_url": callback_url,
    }


BODIES: dict[str, Callable[[str, Body], Body]] = {
    "conversation": _conversation,
    "video": _video,
    "replica": _replica,
}


def _callback_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (PATTERN.search(value) and urlsplit(value).scheme in ("http", "https")):
        raise click.BadParameter("that is no callback_url: `tavus-callbacks token create` prints one, once.")
    return value


@click.command(
    epilog=examples(
        "tavus-callbacks connect --local",
        "tavus-callbacks connect conversation --stack tavus-callbacks",
        'tavus-callbacks connect conversation --older --callback-url "$CALLBACK_URL" --stack tavus-callbacks',
        "tavus-callbacks connect video --label website --stack tavus-callbacks",
    )
)
@click.argument("kind", required=False, metavar="[KIND]", type=click.Choice(list(BODIES)))
@click.option(
    "--label",
    type=parameters.label,
    default="production",
    show_default=True,
    metavar="L",
    help="The label to make a token under, where the callback_url is not known.",
)
@click.option("--callback-url", callback=_callback_url, metavar="URL", help="The callback_url to put in.")
@click.option("--older", is_flag=True, help="Name the bucket in the four older fields.")
@target_options
def connect(target: Target, kind: str | None, *, label: str, callback_url: str | None, older: bool) -> None:
    """Print request bodies for Tavus, with this stack's values.

    KIND is conversation, video or replica; without it there is one of each. The bodies go to standard
    output, the curl lines and what else to know to standard error.
    """
    deployment = open_deployment(target)
    url = callback_url or deployment.callback_url or _placeholder(deployment, label)
    recording = recording_properties(deployment.outputs, older=older)
    kinds = [kind] if kind else list(BODIES)
    bodies = {each: BODIES[each](url, recording) for each in kinds}
    print_json(bodies[kind] if kind else bodies, indent=2 if sys.stdout.isatty() else None)
    for each, body in bodies.items():
        note(_curl(each, body))
    for line in _advice(deployment, bodies, url, older=older):
        note(line)


def _placeholder(deployment: Deployment, label: str) -> str:
    api_url = deployment.outputs.get("ApiUrl", "")
    return f"{api_url}/callbacks/TOKEN (the whole URL: tavus-callbacks token create --label {label})"


def _curl(kind: str, body: Body) -> str:
    written = shlex.quote(json.dumps(body, ensure_ascii=False))
    headers = "-H \"x-api-key: $TAVUS_API_KEY\" -H 'content-type: application/json'"
    return f"curl {TAVUS}/{kind}s {headers} -d {written}"


def _advice(deployment: Deployment, bodies: dict[str, Body], url: str, *, older: bool) -> Iterator[str]:
    yield "Replace what is in capitals. A query on the callback_url is kept as tags: ...?user=4711"
    if is_near(url):
        yield "Tavus cannot reach this machine: start `tavus-callbacks local` with --public-url."
    if "conversation" not in bodies:
        return
    if not deployment.has_recordings:
        yield "This stack takes no recordings: it was deployed with Recordings=off."
        return
    yield from _start(deployment.outputs)
    yield from _warnings(deployment, older=older)


def _start(outputs: Mapping[str, str]) -> Iterator[str]:
    yield "enable_recording only permits it: somebody must start it in the room, in Daily's JavaScript:"
    yield f"  {outputs.get('RecordingStart', 'await call.startRecording();')}"


def _warnings(deployment: Deployment, *, older: bool) -> Iterator[str]:
    known = external_id(deployment.outputs)
    if deployment.is_local:
        yield (
            "Tavus cannot write into a bucket of this machine and refuses such a conversation: leave "
            "`properties` out for a real call. `tavus-callbacks simulate recording --local` makes one."
        )
    if known == DOCUMENTED_EXTERNAL_ID:
        yield (
            "The external id `tavus` is the same for all of Tavus's customers, so it keeps nobody out who "
            "knows the role's ARN: keep the ARN to yourself."
        )
    elif older:
        yield (
            "The older fields carry no external id, and this stack's role wants its own: Tavus will be "
            "refused. Use the form without --older, or deploy with RecordingExternalId=tavus."
        )
