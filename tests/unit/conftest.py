"""A process of its own for a command."""

import os

import boto3
import pytest

from runtimes import forget


@pytest.fixture
def own_process(monkeypatch):
    """Run a test as a process of its own: the command line sets its environment, the reader keeps it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "TAVUS_CALLBACKS_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
    forget()


@pytest.fixture
def aws_keys(own_process, monkeypatch):  # noqa: ARG001  # it clears what is set here
    """Give that process AWS credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
