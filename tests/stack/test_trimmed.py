"""Trimming is safe: whatever the code calls works from a trimmed artifact, and resolves where Lambda runs."""

import dataclasses
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "functions" / "tavus_callbacks"
TEMPLATE = (ROOT / "template.yaml").read_text()
HANDLERS = re.findall(r"^ +Handler: (tavus_callbacks\.[\w.]+)\.handler$", TEMPLATE, re.MULTILINE)
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
THIS_MACHINE = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64"}[platform.machine()]
CALLED = re.compile(
    r"(?:client|client\(\)|sqs\(\)|s3\(\))\.([a-z]+_[a-z_]+|query)[(,]|get_paginator\(\"(\w+)\"\)"
)
KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}
# Every operation that the code calls, in an order in which each finds what it needs; `made` is by the test.
CALLS = [
    ("dynamodb", "put_item", {"TableName": "made", "Item": KEY | {"body": {"B": "b"}, "n": {"N": "1"}}}),
    (
        "dynamodb",
        "update_item",
        {
            "TableName": "made",
            "Key": KEY,
            "UpdateExpression": "SET a = :a",
            "ExpressionAttributeValues": {":a": {"S": "x"}},
        },
    ),
    ("dynamodb", "get_item", {"TableName": "made", "Key": KEY, "ConsistentRead": True}),
    ("dynamodb", "batch_get_item", {"RequestItems": {"made": {"Keys": [KEY]}}}),
    (
        "dynamodb",
        "query",
        {
            "TableName": "made",
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": "p"}},
        },
    ),
    ("dynamodb", "delete_item", {"TableName": "made", "Key": KEY}),
    ("s3", "put_object", {"Bucket": "made", "Key": "events/1", "Body": "b"}),
    ("s3", "get_object", {"Bucket": "made", "Key": "events/1"}),
    ("s3", "head_object", {"Bucket": "made", "Key": "events/1"}),
    ("s3", "delete_object", {"Bucket": "made", "Key": "events/1"}),
    ("sqs", "send_message", {"QueueUrl": "{queue}", "MessageBody": "b"}),
    (
        "sqs",
        "change_message_visibility",
        {"QueueUrl": "{queue}", "ReceiptHandle": "{receipt}", "VisibilityTimeout": 5},
    ),
    (
        "events",
        "put_events",
        {"Entries": [{"EventBusName": "made", "Source": "s", "DetailType": "t", "Detail": "{}"}]},
    ),
    ("secretsmanager", "put_secret_value", {"SecretId": "made", "SecretString": "s"}),
    ("secretsmanager", "get_secret_value", {"SecretId": "made"}),
]
CALL = """
import json, sys
from tavus_callbacks.aws import clients
for service, operation, arguments in json.load(sys.stdin):
    answer = getattr(getattr(clients, service)(), operation)(**arguments)
    print(operation, answer["ResponseMetadata"]["HTTPStatusCode"])
clients.dynamodb().get_paginator("query")
"""
FIND = """
import json, sys
from botocore.session import Session
session = Session()
services, regions = json.load(sys.stdin)
for service in services:
    for region in regions:
        client = session.create_client(service, region_name=region)
        print(service, region, client.meta.endpoint_url, client._request_signer.signing_name)
"""


def load_artifact():
    """Return the build's own module."""
    sys.path.insert(0, str(ROOT / "infra/build"))
    spec = importlib.util.spec_from_file_location("artifact", ROOT / "infra/build/artifact.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(str(ROOT / "infra/build"))
    return module


artifact = load_artifact()


def build(folder, *, trimmed):
    """Build what `read` ships, the most of all functions, for the Python and the machine of this test."""
    target = artifact.read_target(ROOT / "template.yaml", "ReadFunction")
    here = dataclasses.replace(target, python=THIS_PYTHON, platform=artifact.PLATFORMS[THIS_MACHINE])
    artifact.build(here, folder, trimmed=trimmed)
    return folder


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory):
    """Return an artifact as it is deployed, but for this machine."""
    return build(tmp_path_factory.mktemp("trimmed"), trimmed=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the same with TRIM=0."""
    return build(tmp_path_factory.mktemp("whole"), trimmed=False)


def run(folder, script, given=None, **environment):
    """Run a script with an artifact and the standard library alone; return what it printed."""
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-S", "-B", "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), **keys, **environment},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def regions_of_lambda():
    """Return the regions of the `aws` partition in which botocore knows Lambda."""
    from botocore.session import Session

    return Session().get_available_regions("lambda", partition_name="aws")


def services(folder):
    """Return the services that an artifact has data of."""
    return sorted(path.name for path in (folder / "botocore" / "data").iterdir() if path.is_dir())


@pytest.mark.more
@pytest.mark.timeout(300)
class TestTrimmed:
    """An artifact whose botocore has what is used."""

    def test_every_call_of_the_code_is_tried_here(self):
        """A call that somebody adds must be added to CALLS, or it would not be proven."""
        called = [names for path in SOURCES.rglob("*.py") for names in CALLED.findall(path.read_text())]

        found = {name for names in called for name in names} - {"", "get_paginator"}
        assert {operation for _, operation, _ in CALLS} == found

    def test_every_call_works(self, trimmed, embedded):
        """From the trimmed package, by our own clients, each call is answered by the embedded services."""
        calls = json.dumps(CALLS).replace("{queue}", embedded["queue"])
        given = json.loads(calls.replace("{receipt}", embedded["receipt"]))

        printed = run(trimmed, CALL, given, AWS_ENDPOINT_URL=embedded["endpoint"])

        # S3 answers a deletion without a body.
        answers = {"delete_object": 204}
        assert [f"{operation} {answers.get(operation, 200)}" for _, operation, _ in CALLS] == printed

    @pytest.mark.parametrize("handler", HANDLERS)
    def test_every_handler_loads(self, trimmed, handler):
        """No handler imports what trimming took."""
        run(trimmed, f"import {handler}")

    def test_every_endpoint_is_the_same_as_untrimmed(self, trimmed, whole):
        """In every region of Lambda each service resolves as in the whole botocore."""
        given = (services(trimmed), regions_of_lambda())

        found = run(trimmed, FIND, given)

        assert len(given[0]) * len(given[1]) == len(found)
        assert run(whole, FIND, given) == found

    def test_another_partition_keeps_its_endpoints(self, trimmed):
        """A stack in China would else write to a host that is not there, in silence."""
        [found] = run(trimmed, FIND, (["dynamodb"], ["cn-north-1"]))

        assert "https://dynamodb.cn-north-1.amazonaws.com.cn" in found

    def test_trimmed_away_says_so(self, trimmed):
        """A caller of another service or an import of boto3 gets an error that names the build and TRIM=0."""
        say = "try:\n    {}\nexcept Exception as error:\n    print(error)"
        service = say.format("from botocore.session import Session; Session().create_client('ec2')")

        assert "TRIM=0" in run(trimmed, service)[0]
        assert "TRIM=0" in run(trimmed, say.format("import boto3"))[0]

    def test_untrimmed_is_whole(self, whole):
        """TRIM=0 leaves every service of botocore, and boto3."""
        assert len(services(whole)) > 300
        run(whole, "import boto3; boto3.client('ec2')")


@pytest.fixture(scope="module")
def embedded():
    """Run moto's server with a table, a bucket, a bus, a queue and a secret, all called `made`."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    names = ("dynamodb", "events", "s3", "sqs", "secretsmanager")
    make = {name: boto3.client(name, endpoint_url=endpoint, **keys) for name in names}
    make["dynamodb"].create_table(
        TableName="made",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    make["s3"].create_bucket(Bucket="made")
    make["secretsmanager"].create_secret(Name="made")
    make["events"].create_event_bus(Name="made")
    queue = make["sqs"].create_queue(QueueName="made")["QueueUrl"]
    make["sqs"].send_message(QueueUrl=queue, MessageBody="b")
    [message] = make["sqs"].receive_message(QueueUrl=queue)["Messages"]
    yield {"endpoint": endpoint, "queue": queue, "receipt": message["ReceiptHandle"]}
    server.stop()
