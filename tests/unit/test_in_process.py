"""Reading in this process: each request gets its own answer."""

import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tavus_callbacks.api.runbooks import _read_runbooks
from tavus_callbacks_cli.targets.in_process import InProcessTransport


@pytest.mark.usefixtures("aws_keys")
def test_parallel_requests_get_their_own_answers(monkeypatch):
    """Powertools keeps the current event on a class: without a lock, several of 200 answers are another's."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    alarms = [name for name in _read_runbooks() for _ in range(20)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with (
            httpx.Client(base_url="https://stack.invalid", transport=InProcessTransport()) as client,
            ThreadPoolExecutor(200) as pool,
        ):
            answers = list(pool.map(lambda alarm: client.get(f"/runbooks/{alarm}").text, alarms))
    finally:
        sys.setswitchinterval(before)

    assert alarms == [answer.partition("\n")[0] for answer in answers]
