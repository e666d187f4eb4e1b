"""A process of its own and a fake target for commands; a stack and a file for `sync`; waits without time."""

import contextlib
import os
import sqlite3
import time

import boto3
import pytest
from fake_target import FakeTarget

import feed_server
from runtimes import forget
from tavus_callbacks_cli.targets import choose


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


@pytest.fixture
def target(monkeypatch):
    """Let every command work on a fake."""
    fake = FakeTarget()
    monkeypatch.setattr(choose, "choose", lambda *_, **__: fake)
    return fake


@pytest.fixture
def feed(monkeypatch):
    """Serve a stack of three conversations, and make it the target of commands."""
    with feed_server.serving(feed_server.Feed(3)) as feed:
        for name, value in feed_server.environment(feed).items():
            monkeypatch.setenv(name, value)
        yield feed


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Name a file for `sync`, whose transactions do not wait for the disk: no test cuts the power."""
    connect = sqlite3.connect

    def connect_quickly(*arguments, **options):
        connection = connect(*arguments, **options)
        # The code under test meets a file that is not a database, and closes the connection.
        with contextlib.suppress(sqlite3.DatabaseError):
            connection.execute("PRAGMA synchronous = OFF")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_quickly)
    return tmp_path / "calls.db"


@pytest.fixture
def waits(monkeypatch):
    """Let waiting take no time, and return the seconds of each wait."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def berlin(monkeypatch):
    """Set this machine's zone to one with summer time."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def narrow(monkeypatch):
    """Make standard output a terminal of 60 columns."""
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
