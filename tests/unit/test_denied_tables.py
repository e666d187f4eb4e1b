"""The embedded DynamoDB refuses a table to a function, as a Deny in the policy of its role does."""

import json
from io import BytesIO

import pytest

from tavus_callbacks_cli.local_stack.services.access_keys import PERSON, AccessKeys, authorization
from tavus_callbacks_cli.local_stack.services.denied_tables import deny_tables

KEYS = AccessKeys()
PUT, BATCH = {"TableName": "events", "Item": {}}, {"RequestItems": {"events": {}}}


def ask(owner, body, service="DynamoDB_20120810.PutItem"):
    """Return the status and the body of an answer; the service behind repeats the body that it gets."""

    def repeat(environ, start_response):
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    content, statuses = json.dumps(body).encode(), []
    environ = {
        "HTTP_AUTHORIZATION": authorization(KEYS.key_id(owner), "dynamodb"),
        "HTTP_X_AMZ_TARGET": service,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": BytesIO(content),
    }
    application = deny_tables(repeat, KEYS, {"ReceiveFunction": "events"})
    answer = b"".join(application(environ, lambda status, _headers: statuses.append(status)))
    return statuses[0], json.loads(answer)


@pytest.mark.parametrize("body", [PUT, BATCH])
def test_the_denied_table_is_refused(body):
    """The function gets the error that DynamoDB gives for an explicit deny."""
    status, answer = ask("ReceiveFunction", body)

    assert "400 Bad Request" == status
    assert answer["__type"].endswith("#AccessDeniedException")


@pytest.mark.parametrize(
    ("owner", "body", "service"),
    [
        ("ReceiveFunction", {"TableName": "tokens"}, "DynamoDB_20120810.GetItem"),
        ("ReadFunction", PUT, "DynamoDB_20120810.PutItem"),
        (PERSON, PUT, "DynamoDB_20120810.PutItem"),
        ("ReceiveFunction", {"QueueUrl": "events"}, "AmazonSQS.SendMessage"),
    ],
)
def test_everything_else_passes_unchanged(owner, body, service):
    """Other tables, functions, people and services are not affected."""
    assert ("200 OK", body) == ask(owner, body, service)
