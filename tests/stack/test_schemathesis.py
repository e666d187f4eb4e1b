"""The description of the API against the running stack: whatever is asked, nothing fails undescribed."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.simulator import scenario as simulator

pytestmark = [pytest.mark.stack, pytest.mark.more, pytest.mark.timeout(600)]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# Existing things are requested by their names, because random names reach little.
CONFIGURATION = """
headers = {{ Authorization = "Bearer {read_token}" }}

[parameters]
token = "{token}"
conversation_id = "{conversation_id}"
video_id = "{video_id}"
event_id = "{event_id}"
quarantine_id = "{quarantine_id}"
alarm = "StoreDownAlarm"

# All resources share one declaration, so videos stand for the others.
[[operations]]
include-path-regex = "^/({others})"
enabled = false

[[operations]]
include-path-regex = "^/quarantine"
headers = {{ Authorization = "Bearer {quarantine_token}" }}
"""


def configuration(stack: RunningStack) -> str:
    """Keep something of every kind, and write how to ask for it."""
    ids = simulator.fresh_ids()
    with httpx.Client() as client:
        for name in ("conversation", "video", "malformed"):
            rendered = simulator.render(
                simulator.load(name), callback_url=stack.callback_url, now=datetime.now(UTC), ids=ids
            )
            for one in rendered:
                client.post(stack.callback_url, content=one.body)
        refused = client.post(stack.callback_url, content=b"no JSON").json()
    headers = {"authorization": f"Bearer {stack.read_token}"}
    query = {"kind": "conversation", "subject": ids["conversation_id"]}
    found = httpx.get(f"{stack.api_url}/events", params=query, headers=headers).json()["events"]
    return CONFIGURATION.format(
        **ids,
        others="|".join(name for kind, name in LISTS.items() if kind not in ("conversation", "video")),
        event_id=found[0]["event_id"],
        quarantine_id=refused["quarantine_id"],
        token=stack.callback_url.rpartition("/")[2].partition("?")[0],
        read_token=stack.read_token,
        quarantine_token=stack.quarantine_token,
    )


@pytest.mark.parametrize(
    ("phases", "examples"),
    [
        ("examples,fuzzing", 40),
        # Each value that a schema forbids, one by one.
        ("coverage", 1),
    ],
)
def test_no_request_is_answered_with_5xx_or_undescribed(
    local_stack: RunningStack, tmp_path: Path, phases: str, examples: int
) -> None:
    """Schemathesis sends good and bad values to every route, and the description has each answer."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(configuration(local_stack))
    bounded = ["--phases", phases, "--max-examples", str(examples), "--workers", "1"]
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{local_stack.api_url}/openapi.json", "--checks", ",".join(CHECKS)),
        *(*bounded, "--continue-on-failure", "--suppress-health-check", "all", "--no-color"),
    ]

    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)  # noqa: S603 - our own words and addresses

    assert 0 == result.returncode, result.stdout[-8000:]
    assert "21 selected / 33 total" in result.stdout
