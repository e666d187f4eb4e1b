"""The request that makes Tavus send its callbacks and recordings to a stack, and advice about it."""

import json
from collections.abc import Iterator
from typing import Any

from tavus_callbacks_cli.output.shell import tavus_request
from tavus_callbacks_cli.targets.aws_stack import DOCUMENTED_EXTERNAL_ID, Deployment
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

Body = dict[str, Any]


def request_body(deployment: Deployment, kind: str, callback_url: str, *, older: bool) -> Body:
    """Return the body of a request with a stack's values."""
    _, members = REQUESTS[kind]
    names = [OLDER_NAMES.get(name, name) if older else name for name in members]
    body: Body = {**{name: name.upper() for name in names}, "callback_url": callback_url}
    if kind == "objective":
        return {"data": [body]}
    # A guardrail is a resource of its own today. Before, it was part of a named set.
    if kind == "guardrail" and older:
        return {"name": "NAME", "data": [body]}
    if kind == "conversation" and recording_obstacle(deployment, older=older) is None:
        properties = deployment.recording_properties(older=older)
        body |= {"properties": properties} if properties else {}
    return body


def curl_command(kind: str, body: Body, *, older: bool) -> str:
    """Return the curl command that sends a request."""
    path, _ = REQUESTS[kind]
    path = OLDER_NAMES.get(path, path) if older else path
    text = json.dumps(body, ensure_ascii=False)
    return tavus_request(f"{TAVUS}/{path}", "-H", "content-type: application/json", "-d", text)


def url_advice(deployment: Deployment, url: str | None, label: str) -> Iterator[str]:
    """Yield what to do about the callback_url."""
    yield "Replace the words in capitals. To add tags, append a query to the callback_url: ?user=4711"
    if url is None:
        command = deployment.command("token create", options=["--label", label])
        yield f"A stack cannot show a token again. `{command}` prints a new callback_url."
    elif is_loopback(url):
        start = "`tavus-callbacks local --public-url URL`"
        yield f"Tavus cannot reach this machine. Open a tunnel, then run {start} with the tunnel's address."


def recording_obstacle(deployment: Deployment, *, older: bool) -> str | None:
    """Return why Tavus cannot record into a stack, so that the request leaves it out; None if it can."""
    if not deployment.has_recordings:
        return "This stack does not receive recordings, because it was deployed with Recordings=off."
    if deployment.is_local:
        return (
            "The body has no recording_storage, because Tavus cannot write to a bucket on this machine. "
            f"`{deployment.command('simulate recording')}` creates a recording here."
        )
    # Tavus refuses a conversation whose role it cannot assume (docs/tavus.md, "Recordings").
    if older and deployment.external_id != DOCUMENTED_EXTERNAL_ID:
        return (
            "The body has no recording fields. The older fields have no external id, and the role of this "
            "stack requires one. Leave out --older, or deploy with RecordingExternalId=tavus."
        )
    return None


def recording_advice(deployment: Deployment, *, older: bool) -> Iterator[str]:
    """Yield what to do about the recording of a conversation."""
    obstacle = recording_obstacle(deployment, older=older)
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
