"""What the live checks send through a stack, marked as simulated, and its removal.

Tokens live an hour at most and the object is one small file: a doctor that is killed leaves nothing open. The
callbacks stay, as every callback does, with the tag simulated:true and a conversation `csim…`.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import SCOPES, Scope, digest_token
from tavus_callbacks_cli.simulator.scenario import fresh_ids, simulated_url
from tavus_callbacks_cli.targets.api_client import http_client
from tavus_callbacks_cli.targets.aws_stack import Deployment
from tavus_callbacks_cli.targets.store import Tables
from tavus_callbacks_cli.tokens import create_token, revoke_token

LIFETIME = timedelta(hours=1)
CONTENT = b"A test object of `tavus-callbacks doctor`; it is removed again.\n"

# Seconds between two looks.
_PAUSE = 0.25

T = TypeVar("T")


class NotTried(Exception):
    """The check needs the result of another one that failed. The message names it."""


@dataclass(slots=True)
class Probe:
    """One conversation of the doctor's own; `patience` is how many seconds it waits for anything."""

    deployment: Deployment
    tables: Tables
    patience: float
    label: str = field(default_factory=lambda: f"doctor-{secrets.token_hex(4)}")
    conversation_id: str = field(default_factory=lambda: fresh_ids()["conversation_id"])
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    object_is_put: bool = False
    _tokens: dict[Scope, str] = field(default_factory=dict)
    _may_have_put: bool = False

    @property
    def key(self) -> str:
        """Return the key of the test object, in Tavus's layout."""
        return f"tavus/{self.conversation_id}/{int(self.started_at.timestamp() * 1000)}.mp4"

    @property
    def bucket(self) -> str:
        """Return the recordings bucket."""
        return self.deployment.outputs["RecordingsBucketName"]

    def create_tokens(self) -> None:
        """Create a token that posts and one that reads; `clean_up` revokes both."""
        for scope in SCOPES[:2]:
            now = datetime.now(UTC)
            token = create_token(self.tables.tokens, label=self.label, scope=scope, now=now)
            self._tokens[scope] = token
            self.tables.tokens.update_item(
                Key={"token_digest": digest_token(token)},
                UpdateExpression="SET expires_at = :end",
                ExpressionAttributeValues={":end": iso(now + LIFETIME)},
            )

    def try_callback_url(self, rest: str = "") -> httpx.Response:
        """Ask the callback URL, with `rest` behind it, whether it is ready."""
        return self._request("GET", f"/callbacks/{self._token('callback')}{rest}")

    def send(self, event_type: str, properties: dict[str, Any]) -> httpx.Response:
        """Post a callback as Tavus does, with the tag of a simulation."""
        body = {
            "event_type": event_type,
            "message_type": event_type.partition(".")[0],
            "conversation_id": self.conversation_id,
            "timestamp": iso(self.started_at),
            "properties": properties,
        }
        return self._request("POST", simulated_url(f"/callbacks/{self._token('callback')}"), json=body)

    def read(self, path: str) -> httpx.Response:
        """Read below the conversation, with the token for reading."""
        headers = {"authorization": f"Bearer {self._token('read')}"}
        return self._request("GET", f"/conversations/{self.conversation_id}{path}", headers=headers)

    def put_object(self) -> None:
        """Put the test object; `clean_up` removes it."""
        self._may_have_put = True
        s3 = self.deployment.client("s3")
        s3.put_object(Bucket=self.bucket, Key=self.key, Body=CONTENT, ContentType="video/mp4")
        self.object_is_put = True

    def wait_for(self, look: Callable[[], T | None]) -> T | None:
        """Look again and again until there is a result or the patience ends."""
        deadline = time.monotonic() + self.patience
        while (result := look()) is None and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        return result

    def clean_up(self) -> None:
        """Revoke the tokens and remove the object, each even if the other fails."""
        try:
            if self._may_have_put:
                s3 = self.deployment.client("s3")
                listed = s3.list_object_versions(Bucket=self.bucket, Prefix=self.key)
                for version in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
                    s3.delete_object(Bucket=self.bucket, Key=version["Key"], VersionId=version["VersionId"])
        finally:
            if self._tokens:
                revoke_token(self.tables.tokens, label=self.label, now=datetime.now(UTC))

    def _token(self, scope: Scope) -> str:
        if scope not in self._tokens:
            raise NotTried("not tried, for it takes the tokens that could not be made")
        return self._tokens[scope]

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with http_client(self.deployment.outputs["ApiUrl"]) as client:
            return client.request(method, path, **options)
