"""`recording --stack` (moto) lists and links recordings with only AWS credentials, by the API's own code."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from tavus_callbacks.aws.signing_key import make_private_key
from tavus_callbacks.aws.stores.recordings import RecordingRows
from tavus_callbacks.aws.stores.recordings_bucket import RecordingsBucket
from tavus_callbacks.logic.find_recording import look_for_object
from tavus_callbacks_cli.main import main

pytestmark = pytest.mark.usefixtures("aws_keys")

REGION = "eu-west-1"
KEY = "tavus/c123/1762000000000.mp4"
# As much of template.yaml as reading recordings takes, in a form that moto deploys.
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "EventsTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ]
                }
            },
        },
        "ReadFunction": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "tavus_callbacks.handlers.read.handler",
                "Runtime": "python3.13",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "pass"},
                "Environment": {
                    "Variables": {
                        "EVENTS_TABLE": {"Ref": "EventsTable"},
                        "TOKENS_TABLE": "tokens",
                        "BODIES_BUCKET": "bodies",
                        "RECORDINGS_BUCKET": "recordings",
                        "EVENT_RETENTION_DAYS": "0",
                        "RECORDING_RETENTION_DAYS": "0",
                        "RECORDING_MISSING_AFTER_MINUTES": "60",
                        "LINK_LIFETIME_MINUTES": "60",
                        "CDN_URL": "https://cdn.example.com",
                        "SIGNING_KEY_ID": "K123",
                        "SIGNING_SECRET": "blue",
                    }
                },
            },
        },
    },
    "Outputs": {"EventsTableName": {"Value": {"Ref": "EventsTable"}}},
}


def test_a_deployed_stack_lists_and_links_without_any_token():
    """The link is signed here, with the stack's own key for the stack's own CDN."""
    with mock_aws():
        _deploy()

        listed = _run("c123", "--json")
        linked = _run("c123", "--url")

    (recording,) = json.loads(listed)["recordings"]
    assert ("1762000000000", "available", False) == tuple(
        recording[name] for name in ("recording_id", "status", "announced")
    )
    url = urlsplit(linked.strip())
    assert ("cdn.example.com", f"/{KEY}") == (url.hostname, url.path)
    assert {"K123"} == set(parse_qs(url.query)["Key-Pair-Id"])


def _deploy() -> None:
    cloudformation, s3 = boto3.client("cloudformation", REGION), boto3.client("s3", REGION)
    cloudformation.create_stack(StackName="production", TemplateBody=json.dumps(TEMPLATE))
    (stack,) = cloudformation.describe_stacks(StackName="production")["Stacks"]
    s3.create_bucket(Bucket="recordings", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="recordings", Key=KEY, Body=b"a video")
    boto3.client("secretsmanager", REGION).create_secret(Name="blue", SecretString=make_private_key())
    table = stack["Outputs"][0]["OutputValue"]
    rows = RecordingRows(boto3.client("dynamodb", REGION), table, bucket="recordings")
    look_for_object(RecordingsBucket(s3, "recordings"), rows, "c123", KEY)


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["recording", *arguments, "--stack", "production", "--region", REGION])
    assert 0 == result.exit_code, result.output
    return result.stdout
