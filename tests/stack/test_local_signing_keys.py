"""Signing keys: made once, trusted by slot, rotated without ever changing a public key in place."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import boto3
import click
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from moto import mock_aws

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.signing_key import load_signer
from tavus_callbacks.domain.recordings.signed_url import resource_url, sign_url
from tavus_callbacks.handlers import signing_key as keys
from tavus_callbacks_cli.local_stack.account import REGION, isolated_session
from tavus_callbacks_cli.local_stack.cdn.distribution import distribution_of, public_keys
from tavus_callbacks_cli.local_stack.cdn.signed_url import Refused, parse_signed_url, verify
from tavus_callbacks_cli.local_stack.functions.custom_resources import create_custom_resources
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.stack import LocalStack, local_stack
from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.local_stack.template.template import Template, load_template

pytestmark = [pytest.mark.stack, pytest.mark.slow]

SLOTS = ("blue", "blue,green", "green,blue", "green")
KEY = "tavus/c123/1718780000000"
STACK = "tavus-callbacks-local"
ORIGINS = ["https://app.example.com", "https://other.example.com"]
# Managed-CORS-S3Origin of AWS.
CORS_S3_ORIGIN = "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"
OF_RECORDINGS = ("CloudFront", "SecretsManager", "Custom::")


@cache
def template_with(**parameters: str) -> Template:
    """Return the project's template as it deploys with these parameters; nobody changes it."""
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
    template = template_with(SigningKeys="blue")
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
    template = template_with(SigningKeys="blue")
    blocked = template.resources["RecordingsBucket"].properties["PublicAccessBlockConfiguration"]
    denied = [each for each in statements(template, "RecordingsBucket") if each["Effect"] == "Deny"]

    assert {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} == {
        name for name, is_on in blocked.items() if is_on
    }
    assert [{"Bool": {"aws:SecureTransport": "false"}}] == [each["Condition"] for each in denied]


def test_viewers_without_a_signature_are_refused() -> None:
    """Every behaviour of the distribution names the key group; there is but one."""
    template = template_with(SigningKeys="blue")
    settings = template.resources["Distribution"].properties["DistributionConfig"]

    assert [template.resources["SigningKeyGroup"].name] == settings["DefaultCacheBehavior"][
        "TrustedKeyGroups"
    ]
    assert "CacheBehaviors" not in settings


def test_pages_of_the_named_origins_may_ask_the_bucket() -> None:
    """S3 decides a preflight, so it gets its headers, and its rule has the origins of the policy."""
    template = template_with(SigningKeys="blue", CdnAllowedOrigins=",".join(ORIGINS))
    settings = template.resources["Distribution"].properties["DistributionConfig"]["DefaultCacheBehavior"]
    [rule] = template.resources["RecordingsBucket"].properties["CorsConfiguration"]["CorsRules"]
    headers = template.resources["ResponseHeaders"].properties["ResponseHeadersPolicyConfig"]["CorsConfig"]

    assert "OPTIONS" in settings["AllowedMethods"]
    assert CORS_S3_ORIGIN == settings["OriginRequestPolicyId"]
    assert ORIGINS == rule["AllowedOrigins"] == headers["AccessControlAllowOrigins"]["Items"]
    assert (["GET", "HEAD"], ["Range"]) == (rule["AllowedMethods"], rule["AllowedHeaders"])
    # Otherwise S3's answer to a page's GET would be in the cache, for the first origin that asked.
    assert headers["OriginOverride"]


def test_the_names_of_cloudfront_fit_with_forty_characters_of_stack() -> None:
    """CloudFront takes 64; region and slot are in them too."""
    longest = len("x" * 40) + len("-ap-northeast-1")
    names = [
        config["Name"]
        for each in template_with(SigningKeys="blue,green").resources.values()
        for config in each.properties.values()
        if each.type.startswith("AWS::CloudFront::") and "Name" in config
    ]

    assert 6 == len(names)
    assert all(name.startswith(f"{STACK}-{REGION}") for name in names)
    assert max(len(name.removeprefix(f"{STACK}-{REGION}")) for name in names) + longest <= 64


def test_a_rotation_changes_no_public_key_in_place() -> None:
    """Each step of SigningKeys adds, removes or keeps a public key; none changes."""
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


def test_without_recordings_none_of_it_is_deployed() -> None:
    """Recordings=off leaves no bucket, key, function, trigger or output of theirs."""
    template = template_with(Recordings="off")
    kinds = {each.type for each in template.resources.values() if "Recording" in each.logical_id}
    functions = {each.logical_id for each in template.of_type("AWS::Lambda::Function")}

    assert kinds <= {"AWS::Lambda::Permission"}
    assert not any(part in each.type for each in template.resources.values() for part in OF_RECORDINGS)
    assert {"ResolveFunction", "KeysFunction"}.isdisjoint(functions)
    assert not any(name.startswith(("Cdn", "Recording")) for name in template.outputs)


@pytest.mark.more
def test_a_stack_without_recordings_runs_and_says_so(tmp_path: Path) -> None:
    """Reading them is 404 with a sentence."""
    with running(tmp_path / "state", Recordings="off") as stack:
        answer = httpx.get(f"{stack.running.api_url}/conversations/c1/recordings", headers=bearer(stack))

    assert (404, "This stack was deployed with Recordings=off.") == (
        answer.status_code,
        answer.json()["detail"],
    )


def made_by(secrets: Any, value: str) -> tuple[Template, dict[str, EllipticCurvePublicKey]]:
    """Deploy the slots of a value beside what is there; return the template and its public keys."""
    template = template_with(SigningKeys=value)
    for secret in template.of_type("AWS::SecretsManager::Secret"):
        with suppress(secrets.exceptions.ResourceExistsException):
            secrets.create_secret(Name=secret.name)
    answers = create_custom_resources(template, {"KeysFunction": lambda event: keys.handler(event, None)})
    return template, public_keys(template, answers)


def plays(url: str, template: Template, known: dict[str, EllipticCurvePublicKey]) -> bool:
    """Tell whether CloudFront would serve a link, trusting what the template names."""
    distribution = distribution_of(template)
    assert distribution
    parts = urlsplit(url)
    asked = parse_signed_url(f"{parts.scheme}://{parts.netloc}", parts.path, parts.query)
    try:
        verify(asked, {name: known[name] for name in distribution.trusted_keys}, time.time())
    except Refused:
        return False
    return True


def test_a_rotation_breaks_no_link_before_its_slot_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All four values in their order; a link signed by blue plays until blue is gone."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    urls, played = [], []
    with mock_aws():
        monkeypatch.setattr(clients, "secretsmanager", cache(lambda: boto3.client("secretsmanager")))
        for value in SLOTS:
            template, known = made_by(clients.secretsmanager(), value)
            reader = template.resources["ReadFunction"].properties["Environment"]["Variables"]
            sign = load_signer(clients.secretsmanager(), reader["SIGNING_SECRET"])
            expires = datetime.now(UTC) + timedelta(hours=1)
            bare = resource_url("https://cdn.example.com", KEY, download_name=None)
            urls.append(sign_url(bare, expires=expires, key_id=reader["SIGNING_KEY_ID"], sign=sign))
            played.append([plays(url, template, known) for url in urls])

    assert [[True], [True] * 2, [True] * 3, [False, False, True, True]] == played


def bearer(stack: LocalStack) -> dict[str, str]:
    """Return the header that reads."""
    return {"authorization": f"Bearer {stack.running.read_token}"}


def put(stack: LocalStack) -> None:
    """Write a recording."""
    running = stack.running
    s3 = isolated_session(running.aws_access_key_id).client("s3", endpoint_url=running.endpoint_url)
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


@pytest.mark.more
def test_a_link_outlives_a_restart(tmp_path: Path) -> None:
    """Key, key id, address and object stay the same, so links that were sent stay valid."""
    with running(tmp_path / "state") as stack:
        put(stack)
        url = link(stack)
        before = httpx.get(url)
    with running(tmp_path / "state") as stack:
        after = httpx.get(url)
        again = httpx.get(link(stack))

    assert (200, b"video") == (before.status_code, before.content) == (after.status_code, after.content)
    assert 200 == again.status_code


@pytest.mark.more
def test_a_running_stack_rotates(tmp_path: Path) -> None:
    """As above, with a restart for each deployment, and every link followed."""
    urls, answers = [], []
    for value in SLOTS:
        with running(tmp_path / "state", SigningKeys=value) as stack:
            if not urls:
                put(stack)
            urls.append(link(stack))
            answers.append([httpx.get(url).status_code for url in urls])

    assert [[200], [200, 200], [200, 200, 200], [403, 403, 200, 200]] == answers


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Maker:
    Type: AWS::Serverless::Function
    Properties: {Handler: maker.handler, Runtime: python3.13, CodeUri: code/}
  THING: {Type: Custom::Thing, Properties: {ServiceToken: TOKEN}}
"""
RAISING = """
def handler(event, context):
    raise ValueError("no")
"""


def template_of(folder: Path, thing: str, token: str) -> Path:
    """Write a template with one custom resource."""
    path = folder / "template.yaml"
    path.write_text(TEMPLATE.replace("THING", thing).replace("TOKEN", token))
    return path


def refuse(event: Any) -> None:
    """Answer that nothing was made, as a function does."""
    answer = json.dumps({"Status": "FAILED", "Reason": "out of keys"}).encode()
    urlopen(Request(event["ResponseURL"], data=answer, method="PUT"))  # noqa: S310 - on loopback


@pytest.mark.parametrize(
    ("thing", "token", "maker", "words"),
    [
        ("Failing", "!GetAtt Maker.Arn", refuse, "Failing: Maker did not make it: out of keys"),
        ("Silent", "!GetAtt Maker.Arn", lambda _: None, "Silent: Maker did not make it: it sent no answer"),
        (
            "Foreign",
            "arn:aws:sns:us-east-1:1:topic",
            refuse,
            "Foreign: the function arn:aws:sns:us-east-1:1:topic cannot",
        ),
    ],
)
def test_a_custom_resource_that_is_not_made_is_an_error(
    tmp_path: Path, thing: str, token: str, maker: Any, words: str
) -> None:
    """The error names the resource, its function and the reason."""
    template = load_template(template_of(tmp_path, thing, token))

    with pytest.raises(click.ClickException, match=words):
        create_custom_resources(template, {"Maker": maker})


def test_a_custom_resource_that_is_not_made_ends_the_start(tmp_path: Path) -> None:
    """The start ends with the error that the function raised."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "maker.py").write_text(RAISING)
    template = template_of(tmp_path, "Raising", "!GetAtt Maker.Arn")
    options = Options(port=0, template=template, state_root=tmp_path / "state")

    with (
        pytest.raises(click.ClickException, match="Raising: Maker did not make it: ValueError: no"),
        local_stack(options),
    ):
        pass
