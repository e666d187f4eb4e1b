"""The embedded DynamoDB handles one request at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tavus_callbacks_cli.local_stack.services.dynamodb_lock import serialize_dynamodb

PUT = "DynamoDB_20120810.PutItem"


def ask(application, target):
    """Send a request and return its status."""
    started = []
    environ = {"HTTP_X_AMZ_TARGET": target} if target else {}
    list(application(environ, lambda status, _headers: started.append(status)))
    return started


@pytest.mark.parametrize("target", [PUT, "DynamoDB_20120810.Query", "DynamoDBStreams_20120810.GetRecords"])
def test_no_two_requests_are_within_the_tables_at_once(target):
    """A check and its write are one step, and no reader sees a state in between."""
    inside, most = [], []

    def moto(_environ, start_response):
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.005)
        inside.pop()
        start_response("200 OK", [])
        return [b"{}"]

    application = serialize_dynamodb(moto)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: ask(application, target), range(4)))

    assert [1] * 4 == most
    assert [["200 OK"]] * 4 == answers


@pytest.mark.parametrize("target", [None, "AmazonSQS.ReceiveMessage"])
def test_other_services_wait_for_nobody(target):
    """A long poll of the queue holds up no table: the two are within at the same time."""
    together = threading.Barrier(2, timeout=30)

    def moto(_environ, start_response):
        together.wait()
        start_response("200 OK", [])
        return [b"{}"]

    application = serialize_dynamodb(moto)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda each: ask(application, each), (PUT, target)))

    assert [["200 OK"], ["200 OK"]] == answers
