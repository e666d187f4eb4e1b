#!/usr/bin/env python3
"""Measures the cost of a link, and the time until a claimed recording is available on this machine.

docs/performance.md has these figures. The second one runs the whole local stack. Both are the best of
several runs: slower runs show what else the machine does.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tavus_callbacks.domain.recordings import signed_url
from tavus_callbacks_cli.local_stack.account import isolated_session
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.stack import LocalStack, local_stack

ROUNDS, LINKS, CLAIMS = 20, 100, 20
_PAUSE, _PATIENCE = 0.005, 60


def main() -> None:
    """Print both figures."""
    sys.stdout.write(f"a link: {link_milliseconds():.3f} ms of CPU\n")
    with tempfile.TemporaryDirectory() as folder:
        options = Options(port=0, state_root=Path(folder))
        with local_stack(options) as stack:
            seconds = min(available_after(stack, f"c-measured-{number}") for number in range(CLAIMS))
    sys.stdout.write(f"from the callback to available: {seconds * 1000:.0f} ms\n")


def link_milliseconds() -> float:
    """Return the CPU time of building and signing a link, in the best of the rounds."""
    key = ec.generate_private_key(ec.SECP256R1())

    def sign(message: bytes) -> bytes:
        return key.sign(message, ec.ECDSA(hashes.SHA256()))

    return min(_round(sign) for _ in range(ROUNDS)) * 1000 / LINKS


def _round(sign: Callable[[bytes], bytes]) -> float:
    expires = datetime.now(UTC)
    started = time.process_time()
    for number in range(LINKS):
        url = signed_url.resource_url("https://cdn.example.com", f"tavus/c123/{number}", download_name=None)
        signed_url.sign_url(url, expires=expires, key_id="K1", sign=sign)
    return time.process_time() - started


def available_after(stack: LocalStack, conversation_id: str) -> float:
    """Put an object and claim it; return the seconds from the callback until it is available."""
    running, key = stack.running, f"tavus/{conversation_id}/1"
    s3 = isolated_session(running.aws_access_key_id).client("s3", endpoint_url=running.endpoint_url)
    s3.put_object(Bucket=running.outputs["RecordingsBucketName"], Key=key, Body=b"video")
    started = time.perf_counter()
    _claim(stack, conversation_id, key)
    while not _is_available(stack, conversation_id):
        if time.perf_counter() > started + _PATIENCE:
            raise TimeoutError(f"{key} was not found within {_PATIENCE} seconds; see {stack.state.logs}")
        time.sleep(_PAUSE)
    return time.perf_counter() - started


def _claim(stack: LocalStack, conversation_id: str, key: str) -> None:
    body = {
        "event_type": "application.recording_ready",
        "message_type": "application",
        "conversation_id": conversation_id,
        "timestamp": "2026-03-01T12:00:00Z",
        "properties": {"s3_key": key, "duration": 14},
    }
    httpx.post(stack.running.callback_url, json=body, trust_env=False).raise_for_status()


def _is_available(stack: LocalStack, conversation_id: str) -> bool:
    url = f"{stack.running.api_url}/conversations/{conversation_id}/recordings"
    headers = {"authorization": f"Bearer {stack.running.read_token}"}
    answer = httpx.get(url, headers=headers, trust_env=False).raise_for_status().json()
    # Announced by its callback: the event of S3 alone may be faster.
    return [(each["status"], each["announced"]) for each in answer["recordings"]] == [("available", True)]


if __name__ == "__main__":
    main()
