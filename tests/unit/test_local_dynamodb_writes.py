"""The embedded DynamoDB reports what each request wrote."""

import json
from io import BytesIO

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.services.dynamodb_writes import report_writes

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
OTHER = {"pk": {"S": "b"}, "sk": {"S": "2"}}
TOKEN = {"digest": {"S": "c"}}


@pytest.fixture
def backend():
    """Create a table with a sort key and one without, and return moto's own view of the service."""
    with mock_aws():
        client = boto3.client("dynamodb", region_name=REGION)
        for name, keys in (("written-events", ["pk", "sk"]), ("written-tokens", ["digest"])):
            types = zip(keys, ["HASH", "RANGE"], strict=False)
            client.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in types],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        yield dynamodb_backends[ACCOUNT][REGION]


def send(operation, request, reports, status="200 OK"):
    """Send a request through the wrapper to a service that repeats its body."""

    def repeat(environ, start_response):
        start_response(status, [])
        return [environ["wsgi.input"].read()]

    body = json.dumps(request).encode()
    environ = {
        "HTTP_X_AMZ_TARGET": f"DynamoDB_20120810.{operation}",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    return b"".join(report_writes(repeat, reports)(environ, lambda _status, _headers: None)) == body


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("operation", "request_body", "expected"),
    [
        ("PutItem", {"TableName": "written-events", "Item": KEY | {"x": {"N": "1"}}}, [KEY]),
        ("UpdateItem", {"TableName": "written-events", "Key": KEY}, [KEY]),
        ("DeleteItem", {"TableName": "written-tokens", "Key": TOKEN}, [TOKEN]),
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    "written-events": [{"PutRequest": {"Item": KEY}}, {"DeleteRequest": {"Key": OTHER}}],
                    "written-tokens": [{"PutRequest": {"Item": TOKEN}}],
                }
            },
            [KEY, OTHER, TOKEN],
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "written-events", "Item": KEY}},
                    {"Delete": {"TableName": "written-tokens", "Key": TOKEN}},
                ]
            },
            [KEY, TOKEN],
        ),
        ("GetItem", {"TableName": "written-events", "Key": KEY}, []),
    ],
)
def test_a_write_is_reported_with_its_keys(operation, request_body, expected):
    """Each write request names its tables and keys once, reads name none, and the body passes unchanged."""
    reports = []

    assert send(operation, request_body, [reports.extend])

    keys = [
        dict(zip(write.table.table_key_attrs, filter(None, (write.hash_key, write.range_key)), strict=True))
        for write in reports
    ]
    assert expected == keys


@pytest.mark.usefixtures("backend")
def test_a_refused_write_is_not_reported():
    """A failed condition changes nothing."""
    reports = []

    assert send("PutItem", {"TableName": "written-events", "Item": KEY}, [reports.append], "400 Bad Request")

    assert not reports


def test_a_report_reads_the_item_as_it_is_after_the_write(backend):
    """A put returns the item, a delete None."""
    reports = []
    backend.put_item("written-events", KEY | {"x": {"N": "1"}})
    for key in (KEY, OTHER):
        send("DeleteItem", {"TableName": "written-events", "Key": key}, [reports.extend])

    stored, deleted = [write.item() for write in reports]

    assert stored.to_json()["Attributes"] == KEY | {"x": {"N": "1"}}
    assert deleted is None


def test_partiql_is_refused():
    """Neither the journal nor the queries would see the items that it writes."""
    reports = []

    assert not send("ExecuteStatement", {"Statement": "DELETE FROM t"}, [reports.append])
    assert [] == reports
