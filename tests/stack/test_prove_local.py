"""`make prove ARGS=--local`: the steps of a proof run for real against the local stack."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(400)]

PASSED = {"deploy", "tokens", "doctor", "scenarios", "parameter", "outage", "remove"}
PASSED |= {"keys: blue", "keys: blue,green", "keys: green,blue", "keys: green"}
# A whole token, or a signature of a link.
SECRET = re.compile(r"tcb_\w{8}|Signature=")


def prove(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start a proof on this machine whose files are in a folder."""
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "prove", "--local", "--reports", str(folder / "reports"), *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "infra"), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_step_that_applies_passes(tmp_path: Path) -> None:
    """Only the alarms are skipped, with a reason; nothing is left; no secret is in a report."""
    output, errors = (process := prove(tmp_path, "--outage", "2s", "--json")).communicate()
    report = json.loads(output)
    statuses = {each["name"]: each["status"] for each in report["results"]}
    seen = {each["name"]: each["seen"] for each in report["results"]}
    files = sorted((tmp_path / "reports").iterdir())

    assert {**dict.fromkeys(PASSED, "passed"), "alarms": "skipped"} == statuses, (report, errors)
    assert (0, True) == (process.returncode, report["is_proven"])
    assert "a local stack evaluates no alarms" == seen["alarms"]
    assert re.match(r"\d+ accepted; all were stored", seen["outage"])
    assert seen["keys: green"].endswith("links by signer: blue 403, green 200")
    assert [".json", ".md"] == [file.suffix for file in files]
    assert not any(SECRET.search(text) for text in (output, errors, *(file.read_text() for file in files)))
    assert ["reports"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["ctrl-c", "closed terminal"])
def test_an_interruption_removes_the_stack(tmp_path: Path, number: signal.Signals) -> None:
    """An interrupted proof deletes what it deployed, and its report says so."""
    process = prove(tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("passed  deploy")

    process.send_signal(number)
    output, _ = process.communicate()

    assert 0 != process.returncode
    assert "passed  remove" in output
    assert ["reports"] == [path.name for path in tmp_path.iterdir()]
