"""A recording that plays: puts a video into the stack's bucket, where the callback says it is."""

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.local_stack.state import state_root
from tavus_callbacks_cli.simulator.video import SECONDS, cached_video

if TYPE_CHECKING:
    from tavus_callbacks_cli.simulator.scenario import Rendered
    from tavus_callbacks_cli.targets.api_client import ApiClient
    from tavus_callbacks_cli.targets.aws_stack import Deployment

# The bucket that scenarios name. A stack of this machine has the video in its own bucket instead.
SIMULATED_BUCKET = "simulated-recordings"
_PATIENCE, _INTERVAL = 10.0, 0.2


def put_videos(callbacks: "list[Rendered]", deployment: "Deployment") -> "list[Rendered]":
    """Put a video for each callback of a recording, and return callbacks that name the stack's bucket.

    Raises click.ClickException if the stack runs without recordings.
    """
    bucket = deployment.outputs.get("RecordingsBucketName")
    if bucket is None:
        raise click.ClickException("This stack runs with Recordings=off, so it has no bucket for a video.")
    s3 = deployment.client("s3")
    renamed = []
    for callback in callbacks:
        if names_bucket(callback):
            body = json.loads(callback.body)
            key = body["properties"]["s3_key"]
            # As Tavus writes it: neither an extension nor a content type says that it is a video.
            s3.put_object(Bucket=bucket, Key=key, Body=cached_video(state_root()))
            place = {"bucket_name": bucket, "storage_uri": f"s3://{bucket}/{key}", "duration": SECONDS}
            body["properties"] |= place
            callback = replace(callback, body=json.dumps(body).encode())  # noqa: PLW2901 - the same callback, renamed
        renamed.append(callback)
    return renamed


def names_bucket(callback: "Rendered") -> bool:
    """Tell whether a callback names the bucket of the scenarios."""
    return f'"{SIMULATED_BUCKET}"'.encode() in callback.body


def await_link(conversation_id: str, api: "ApiClient") -> str:
    """Wait until the recording is available and return a link that plays; raises click.ClickException."""
    path, deadline = f"/conversations/{conversation_id}/recordings", time.monotonic() + _PATIENCE
    while not any(each["status"] == "available" for each in api.get(path)["recordings"]):
        if time.monotonic() > deadline:
            raise click.ClickException("The stack did not find the recording within ten seconds.")
        time.sleep(_INTERVAL)
    return str(api.get(f"{path}/latest", {"format": "json"})["url"])
