"""Signing keys: made once, trusted by slot, rotated without ever changing a public key in place."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
import click
import httpx
import pytest

from tavus_callbacks_cli.local.stack import LocalStack, Options, local_stack
from tavus_callbacks_cli.local.state import REPOSITORY
from tavus_callbacks_cli.local.template import Template, load_template

pytestmark = pytest.mark.stack

SLOTS = ("blue", "blue,green", "green,blue", "green")
KEY = "tavus/c123/1718780000000"
KEYS: Any = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
OF_RECORDINGS = ("CloudFront", "SecretsManager", "Custom::", "EventSourceMapping", "Events::Rule")


def template_with(**parameters: str) -> Template:
    """Return the project's template as it deploys with these parameters."""
    return load_template(REPOSITORY / "template.yaml", parameters)


def statements(template: Template, bucket: str) -> list[dict[str, Any]]:
    """Return the statements of a bucket's policy."""
    [policy] = [
        each.properties["PolicyDocument"]["Statement"]
        for each in template.of_type("AWS::S3::BucketPolicy")
        if each.properties["Bucket"] == template.resources[bucket].name
    ]
    return list(policy)


def test_only_this_distribution_reads_the_bucket() -> None:
    """One statement allows, it allows GetObject to CloudFront, for the ARN of this distribution alone."""
    template = template_with()
    allowed = [each for each in statements(template, "RecordingsBucket") if each["Effect"] == "Allow"]
    bucket, distribution = (template.resources[name].name for name in ("RecordingsBucket", "Distribution"))
    source = {"AWS:SourceArn": f"arn:aws:cloudfront::123456789012:distribution/{distribution}"}

    assert [
        {
            "Sid": "OnlyThisDistribution",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": {"StringEquals": source},
        }
    ] == allowed


def test_the_bucket_is_private() -> None:
    """No public access of any kind, and plain HTTP is denied."""
    template = template_with()
    blocked = template.resources["RecordingsBucket"].properties["PublicAccessBlockConfiguration"]
    denied = [each for each in statements(template, "RecordingsBucket") if each["Effect"] == "Deny"]

    assert {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} == {
        name for name, is_on in blocked.items() if is_on
    }
    assert [{"Bool": {"aws:SecureTransport": "false"}}] == [each["Condition"] for each in denied]


def test_viewers_without_a_signature_are_refused() -> None:
    """Every behaviour of the distribution names the key group; there is but one."""
    template = template_with()
    settings = template.resources["Distribution"].properties["DistributionConfig"]

    assert [template.resources["SigningKeyGroup"].name] == settings["DefaultCacheBehavior"][
        "TrustedKeyGroups"
    ]
    assert "CacheBehaviors" not in settings


def test_a_rotation_changes_no_public_key_in_place() -> None:
    """From each value of SigningKeys to the next a public key comes, goes, or stays what it is."""
    deployed = [
        {each.logical_id: each.properties for each in template.of_type("AWS::CloudFront::PublicKey")}
        for template in (template_with(SigningKeys=value) for value in SLOTS)
    ]

    assert [["Blue"], ["Blue", "Green"], ["Blue", "Green"], ["Green"]] == [
        sorted(name.removesuffix("PublicKey") for name in keys) for keys in deployed
    ]
    for before, after in pairwise(deployed):
        for name in before.keys() & after.keys():
            assert before[name] == after[name]


@pytest.mark.parametrize(
    ("value", "signing", "trusted"),
    [
        ("blue", "Blue", ["Blue"]),
        ("blue,green", "Blue", ["Blue", "Green"]),
        ("green,blue", "Green", ["Blue", "Green"]),
        ("green", "Green", ["Green"]),
    ],
)
def test_the_first_slot_signs_and_all_are_trusted(value: str, signing: str, trusted: list[str]) -> None:
    """Read gets key id and secret of the first slot; the key group holds those that are named."""
    template = template_with(SigningKeys=value)
    variables = template.resources["ReadFunction"].properties["Environment"]["Variables"]
    items = template.resources["SigningKeyGroup"].properties["KeyGroupConfig"]["Items"]

    assert [template.resources[f"{slot}PublicKey"].name for slot in trusted] == items
    assert template.resources[f"{signing}PublicKey"].name == variables["SIGNING_KEY_ID"]
    assert variables["SIGNING_SECRET"].endswith(f"-{signing}Secret")


def test_without_recordings_none_of_it_is_deployed(tmp_path: Path) -> None:
    """Recordings=off leaves no bucket, key, function, trigger or output of theirs, and the stack runs."""
    template = template_with(Recordings="off")
    kinds = {each.type for each in template.resources.values() if "Recording" in each.logical_id}
    functions = {each.logical_id for each in template.of_type("AWS::Lambda::Function")}
    options = Options(port=0, state_root=tmp_path, parameters={"Recordings": "off"})
    with local_stack(options) as stack:
        answer = httpx.get(f"{stack.running.api_url}/conversations/c1/recordings", headers=bearer(stack))

    assert kinds <= {"AWS::Lambda::Permission"}
    assert not any(part in each.type for each in template.resources.values() for part in OF_RECORDINGS[:3])
    assert {"ResolveFunction", "KeysFunction"}.isdisjoint(functions)
    assert not any(name.startswith(("Cdn", "Recording")) for name in stack.running.outputs)
    assert (404, "This stack was deployed with Recordings=off.") == (
        answer.status_code,
        answer.json()["detail"],
    )


def bearer(stack: LocalStack) -> dict[str, str]:
    """Return the header that reads."""
    return {"authorization": f"Bearer {stack.running.read_token}"}


def put(stack: LocalStack) -> None:
    """Write a recording."""
    running = stack.running
    s3 = boto3.client("s3", running.region, endpoint_url=running.endpoint_url, **KEYS)
    s3.put_object(Bucket=running.outputs["RecordingsBucketName"], Key=KEY, Body=b"video")


def link(stack: LocalStack) -> str:
    """Return a link to the recording, waiting until it is found."""
    url = f"{stack.running.api_url}/conversations/c123/recordings/latest"
    deadline = time.monotonic() + 10
    while (answer := httpx.get(url, headers=bearer(stack))).status_code != 302:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    return str(answer.headers["location"])


@contextmanager
def running(state: Path, **parameters: str) -> Iterator[LocalStack]:
    """Run the project's stack on the port that its folder has, as a restart does."""
    folders = [int(each.name) for each in state.iterdir()] if state.exists() else [0]
    with local_stack(Options(port=folders[0], state_root=state, parameters=parameters)) as stack:
        yield stack


def test_a_link_outlives_a_restart(tmp_path: Path) -> None:
    """Key, key id, address and object are those of before, so links that were sent stay good."""
    with running(tmp_path / "state") as stack:
        put(stack)
        url = link(stack)
        before = httpx.get(url)
    with running(tmp_path / "state") as stack:
        after = httpx.get(url)
        again = httpx.get(link(stack))

    assert (200, b"video") == (before.status_code, before.content) == (after.status_code, after.content)
    assert 200 == again.status_code


def test_a_rotation_breaks_no_link_before_its_slot_goes(tmp_path: Path) -> None:
    """All four values run in their order; a link signed by blue plays until blue is gone."""
    urls, answers = [], []
    for value in SLOTS:
        with running(tmp_path / "state", SigningKeys=value) as stack:
            if not urls:
                put(stack)
            urls.append(link(stack))
            answers.append([httpx.get(url).status_code for url in urls])

    assert [[200], [200, 200], [200, 200, 200], [403, 403, 200, 200]] == answers


FAILING = """
import json
from urllib.request import Request, urlopen

def handler(event, context):
    if event["LogicalResourceId"] == "Silent":
        return
    if event["LogicalResourceId"] == "Raising":
        raise ValueError("no")
    answer = {"Status": "FAILED", "Reason": "out of keys"}
    urlopen(Request(event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT"))
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Maker:
    Type: AWS::Serverless::Function
    Properties: {Handler: maker.handler, Runtime: python3.13, CodeUri: code/}
  THING: {Type: Custom::Thing, Properties: {ServiceToken: TOKEN}}
"""


@pytest.mark.parametrize(
    ("thing", "token", "words"),
    [
        ("Failing", "!GetAtt Maker.Arn", "Failing: Maker did not make it: out of keys"),
        ("Silent", "!GetAtt Maker.Arn", "Silent: Maker did not make it: it sent no answer"),
        ("Raising", "!GetAtt Maker.Arn", "Raising: Maker did not make it: ValueError: no"),
        (
            "Foreign",
            "arn:aws:sns:us-east-1:1:topic",
            "Foreign: the function arn:aws:sns:us-east-1:1:topic cannot",
        ),
    ],
)
def test_a_custom_resource_that_is_not_made_ends_the_start(
    tmp_path: Path, thing: str, token: str, words: str
) -> None:
    """The error names the resource, its function and what the function said."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "maker.py").write_text(FAILING)
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("THING", thing).replace("TOKEN", token))
    options = replace(Options(port=0), template=tmp_path / "template.yaml", state_root=tmp_path / "state")

    with pytest.raises(click.ClickException, match=words), local_stack(options):
        pass
