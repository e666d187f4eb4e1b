"""Shared by all tests: the profile of hypothesis, the published bodies, and the recorded AWS calls."""

import gc
import os
from functools import cache

import pytest
from botocore import session
from hypothesis import HealthCheck, settings

import aws_calls
import corpus
from tavus_callbacks.aws import clients

# CI runs the same examples every time; other runs generate new ones. `make coverage` asks for more examples.
settings.register_profile(
    "here",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "25")),
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("here")


def pytest_configure(config):
    """Refuse to run if the published bodies are required and missing."""
    # Tests of a group share a fixture that is slow to start. Runs without xdist need the marker too.
    config.addinivalue_line("markers", "xdist_group(name): tests that run in one process of a parallel run")
    try:
        corpus.folder()
    except corpus.MissingError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_sessionstart():
    """Note every call of AWS that the functions make, for the check of their roles; load models once."""
    # One for all sessions, so that the model of a service is read once and not for each client.
    session.create_loader = cache(session.create_loader)
    aws_calls.follow_threads()
    make = clients._client
    clients._client = lambda service, config: aws_calls.watch(make(service, config))


def pytest_collection_finish():
    """Spare the collector of garbage what lives to the end: going through it took a tenth of all time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def pytest_sessionfinish():
    """Write the calls that were noted; each process of a parallel run has its own file."""
    aws_calls.keep()
