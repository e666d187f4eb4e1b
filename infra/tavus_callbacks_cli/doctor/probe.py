"""Simulated callbacks and the test object that the live checks send through a stack, and their removal.

A doctor that is killed leaves nothing open: its tokens expire within an hour, its callbacks carry the tag
simulated:true, and a later run removes both.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import SCOPES, Scope
from tavus_callbacks_cli.doctor.removal import label_of, remove_run, unfinished_runs
from tavus_callbacks_cli.operations.quarantine import get_entry, remove_entry
from tavus_callbacks_cli.simulator.scenario import fresh_ids, simulated_url
from tavus_callbacks_cli.targets.api_client import http_client
from tavus_callbacks_cli.targets.aws_stack import Deployment
from tavus_callbacks_cli.targets.store import Tables
from tavus_callbacks_cli.tokens import create_token

LIFETIME = timedelta(hours=1)
CONTENT = b"A test object of `tavus-callbacks doctor`, which removes it.\n"

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
    conversation_id: str = field(default_factory=lambda: fresh_ids()["conversation_id"])
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    object_is_put: bool = False
    _tokens: dict[Scope, str] = field(default_factory=dict)
    _has_begun: bool = False
    _quarantine_ids: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Return the label of the tokens."""
        return label_of(self.conversation_id)

    @property
    def key(self) -> str:
        """Return the key of the test object, in Tavus's layout."""
        return f"tavus/{self.conversation_id}/{int(self.started_at.timestamp() * 1000)}.mp4"

    @property
    def bucket(self) -> str:
        """Return the recordings bucket."""
        return self.deployment.outputs["RecordingsBucketName"]

    def create_tokens(self) -> None:
        """Create a token that posts and one that reads; `clean_up` removes both."""
        self._has_begun = True
        now = datetime.now(UTC)
        for scope in SCOPES[:2]:
            self._tokens[scope] = create_token(
                self.tables.tokens, label=self.label, scope=scope, now=now, expires_at=iso(now + LIFETIME)
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
        answer = self._request("POST", simulated_url(f"/callbacks/{self._token('callback')}"), json=body)
        if (quarantine_id := members(answer).get("quarantine_id")) is not None:
            self._quarantine_ids.append(quarantine_id)
        return answer

    def read(self, path: str) -> httpx.Response:
        """Read below the conversation, with the token for reading."""
        headers = {"authorization": f"Bearer {self._token('read')}"}
        return self._request("GET", f"/conversations/{self.conversation_id}{path}", headers=headers)

    def put_object(self) -> None:
        """Put the test object; `clean_up` removes it."""
        self._has_begun = True
        s3 = self.deployment.client("s3")
        s3.put_object(Bucket=self.bucket, Key=self.key, Body=CONTENT, ContentType="video/mp4")
        self.object_is_put = True

    def wait_for(self, look: Callable[[], T | None]) -> T | None:
        """Look again and again until there is a result or the patience ends."""
        deadline = time.monotonic() + self.patience
        while (result := look()) is None and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        return result

    def clean_up(self) -> Counter[str]:
        """Remove what this run left, and earlier ones; return how many pieces went, by their store.

        Raises the errors of AWS.
        """
        counts = remove_run(self.deployment, self.label, self.started_at) if self._has_begun else Counter()
        for entry in filter(None, (get_entry(self.deployment.store, id_) for id_ in self._quarantine_ids)):
            remove_entry(self.deployment.store, entry)
            counts["quarantine"] += 1
        for label, began_at in unfinished_runs(self.deployment):
            counts += remove_run(self.deployment, label, began_at)
        return counts

    def _token(self, scope: Scope) -> str:
        if scope not in self._tokens:
            raise NotTried("Not tried, because the tokens could not be created.")
        return self._tokens[scope]

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with http_client(self.deployment.outputs["ApiUrl"]) as client:
            return client.request(method, path, **options)


def members(answer: httpx.Response) -> dict[str, Any]:
    """Return the members of a JSON object, none for any other answer."""
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
