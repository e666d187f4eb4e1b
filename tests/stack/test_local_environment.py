"""`--local` stays on this machine, whatever proxies, AWS setup and keys the environment has."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_process import CLI, running

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PROXIES = {
    **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY"), "http://["),
    "ALL_PROXY": "nonsense://127.0.0.1:99999",
    "NO_PROXY": "[::1,*bad",
}
AWS = {
    "AWS_PROFILE": "no-such-profile",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_S3": "http://[",
    "AWS_CA_BUNDLE": "/no/such/bundle.pem",
    "AWS_REGION": "no region",
    "AWS_DEFAULTS_MODE": "nonsense",
    "AWS_RETRY_MODE": "nonsense",
    "AWS_MAX_ATTEMPTS": "many",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "nonsense",
    "AWS_SESSION_TOKEN": "of another account",
}
OTHERS = {
    "SSL_CERT_FILE": "/no/such/file.pem",
    "REQUESTS_CA_BUNDLE": "/no/such/file.pem",
    "TAVUS_API_KEY": "a-real-key",
    "TAVUS_API_URL": "http://[",
    "TAVUS_CALLBACKS_STACK": "production",
    "TAVUS_CALLBACKS_URL": "http://[",
}

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int) -> Iterator[Run]:
    """Start a stack in a hostile environment; yield what runs a command there and returns its output."""
    broken = tmp_path / "config"
    broken.write_bytes(b"[default\n= x\n\xff")
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), str(broken))
    for name, value in {**PROXIES, **AWS, **OTHERS, **files}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))

    def run(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own command
            [*CLI, *arguments, "--local"], capture_output=True, text=True, timeout=60, check=False
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout

    with running(tmp_path, port):
        yield run


def test_a_hostile_environment_changes_no_local_command(run: Run) -> None:
    """The stack starts; reading, operating and repairing it work as they do without these variables."""
    run("simulate", "conversation")

    assert "csim" in run("list")
    assert "production" in run("token", "create", "--label", "production") + run("token", "list")
    assert '"failed"' in run("failed", "list", "--json")
    assert '"outcome": "complete"' in run("backfill", "--since", "1h", "--json")
    run("reindex")
