"""A recording that can be watched: a video in the local stack's bucket, where the callback says it is."""

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.simulator.video import SECONDS, make_video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from tavus_callbacks_cli.local_stack.registry import RunningStack
    from tavus_callbacks_cli.simulator.scenario import Rendered
    from tavus_callbacks_cli.targets.api_client import ApiClient

_READY = "application.recording_ready"
_PATIENCE, _INTERVAL = 10.0, 0.2


@dataclass(frozen=True, slots=True)
class LocalRecordings:
    """The recordings of a local stack."""

    s3: "S3Client"
    bucket: str

    def with_video(self, rendered: "list[Rendered]") -> "Iterator[Rendered]":
        """Put a video where a callback says its recording is, and let the callback name this bucket."""
        for callback in rendered:
            body = json.loads(callback.body)
            yield replace(callback, body=self._with_video(body)) if _is_ready(body) else callback

    def _with_video(self, body: dict[str, Any]) -> bytes:
        key = body["properties"]["s3_key"]
        # As Tavus writes it: neither a suffix nor a type says that it is a video.
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=make_video())
        place = {"bucket_name": self.bucket, "storage_uri": f"s3://{self.bucket}/{key}", "duration": SECONDS}
        return json.dumps({**body, "properties": {**body["properties"], **place}}).encode()


def recordings_of(stack: "RunningStack") -> LocalRecordings:
    """Open the bucket of a local stack; raises click.ClickException where it runs without recordings."""
    from tavus_callbacks_cli.local_stack.account import isolated_session

    bucket = stack.outputs.get("RecordingsBucketName")
    if bucket is None:
        raise click.ClickException("This stack runs with Recordings=off: there is nowhere to put a video.")
    session = isolated_session(stack.aws_access_key_id)
    return LocalRecordings(session.client("s3", endpoint_url=stack.endpoint_url), bucket)


def link_to(conversation_id: str, api: "ApiClient") -> str:
    """Return a link that plays, waiting until the recording is found; raises click.ClickException."""
    path, deadline = f"/conversations/{conversation_id}/recordings", time.monotonic() + _PATIENCE
    while not any(one["status"] == "available" for one in api.get(path)["recordings"]):
        if time.monotonic() > deadline:
            raise click.ClickException("The recording was not found within ten seconds.")
        time.sleep(_INTERVAL)
    return str(api.get(f"{path}/latest", {"format": "json"})["url"])


def _is_ready(body: dict[str, Any]) -> bool:
    return body.get("event_type") == _READY
