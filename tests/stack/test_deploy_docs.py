"""docs/deploy.md is true: its rights cover the template, names fit, and SAM reads its parameters."""

import json
import re
import shlex
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from botocore.session import Session
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tavus_callbacks_cli.local_stack.template.template import translate

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCUMENTS += sorted((ROOT / "functions" / "tavus_callbacks").glob("*.md"))
OVERRIDES = re.compile(r"sam deploy[^\n`]* --parameter-overrides ([^\n`]+)")
# Parses each list of words as `sam deploy --parameter-overrides` does.
PARSE = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
print(json.dumps([CfnParameterOverridesType().convert(words, None, None) for words in json.load(sys.stdin)]))
"""
# Services of features that the template does not use: keys of one's own, streams of Kinesis, VPCs, exports.
UNUSED_SERVICES = {"ec2", "elasticfilesystem", "firehose", "kinesis", "kms", "s3files", "s3tables"}
# The schema of tables names these for imports, replicas and logs of imports.
UNUSED_OF_TABLES = ("iam:CreateServiceLinkedRole", "logs:*", "s3:*")
UNUSED = {
    "AWS::DynamoDB::Table": UNUSED_OF_TABLES,
    # OpenAPI documents and trust stores in S3.
    "AWS::ApiGatewayV2::Api": ("s3:getObject",),
    "AWS::ApiGatewayV2::DomainName": ("s3:GetObject*",),
    # Deliveries of vended logs to S3.
    "AWS::Logs::LogGroup": ("s3:REST.PUT.OBJECT",),
}
LONGEST_NAME = "x" * 40
# CloudFront's API reference, OriginAccessControlConfig.
CLOUDFRONT_NAME = 64


@pytest.fixture(scope="module")
def resources():
    """Return the resources of the translated template, under any parameters."""
    return translate(ROOT / "template.yaml", {})["Resources"]


def rights():
    """Return the action patterns of docs/deploy.md by resource type."""
    rows = re.findall(r"^\|(`(?:AWS|Custom)::.*)\|(.*)\|$", DEPLOY, re.MULTILINE)
    return {
        kind: re.findall("`(.+?)`", actions)
        for kinds, actions in rows
        for kind in re.findall("`(.+?)`", kinds)
    }


def actions_of(kind):
    """Return what CloudFormation calls to create, read, update and delete a resource, by its schema."""
    if kind.startswith("Custom::"):
        return ["lambda:InvokeFunction"]
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    named = {
        action
        for name, handler in schema["handlers"].items()
        if name != "list"
        for action in handler["permissions"]
    }
    named |= set(schema.get("tagging", {}).get("permissions", []))
    return sorted(action for action in named if action.partition(":")[0] not in UNUSED_SERVICES)


def test_the_rights_name_the_resource_types_of_the_template(resources):
    """A resource type that somebody adds or removes changes the table."""
    assert {resource["Type"] for resource in resources.values()} == set(rights())


@pytest.mark.parametrize("kind", sorted(rights()))
def test_the_rights_cover_what_cloudformation_calls(kind):
    """Each permission in the schema of a type has an action in its row, or is for an unused feature."""
    patterns = (*rights()[kind], *UNUSED.get(kind, ()))
    actions = actions_of(kind)

    assert actions
    assert [] == [action for action in actions if not any(fnmatchcase(action, one) for one in patterns)]


def test_a_stack_name_of_40_characters_fits_every_name_of_cloudfront(resources):
    """In the region with the longest name, each name that CloudFront keeps has at most 64 characters."""
    regions = Session().get_available_regions("lambda", partition_name="aws")
    cloudfront = {
        name: each for name, each in resources.items() if each["Type"].startswith("AWS::CloudFront::")
    }
    values = {"${AWS::StackName}": LONGEST_NAME, "${AWS::Region}": max(regions, key=len)}

    names = re.findall(r'"Name": {"Fn::Sub": "(.*?)"}', json.dumps(cloudfront))
    for variable, value in values.items():
        names = [name.replace(variable, value) for name in names]

    assert 5 <= len(names)
    assert [] == [name for name in names if len(name) > CLOUDFRONT_NAME or "$" in name]


def documented_overrides():
    """Return the words after each documented `--parameter-overrides`, as a shell splits them."""
    found = [text for path in DOCUMENTS for text in OVERRIDES.findall(path.read_text(encoding="utf-8"))]
    return [shlex.split(text.rstrip(")")) for text in found]


@pytest.mark.docs
def test_sam_reads_each_documented_parameter_as_it_is_meant():
    """Each documented parameter exists, and SAM's own parser takes its whole value."""
    overrides = documented_overrides()
    meant = [dict(word.split("=", 1) for word in words) for words in overrides]
    done = subprocess.run(  # noqa: S603 - our own script
        [ROOT / ".venv-sam/bin/python", "-c", PARSE],
        input=json.dumps(overrides),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert [{name: value.strip('"') for name, value in each.items()} for each in meant] == json.loads(
        done.stdout
    )
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    names = {name for each in meant for name in each}
    assert "" in [value.strip('"') for each in meant for value in each.values()]
    assert [] == [
        name for name in names if not re.search(rf"^  {name}:\n    Type: \w+$", template, re.MULTILINE)
    ]


@pytest.mark.more
def test_the_document_shows_what_sam_prints_without_make(tmp_path):
    """A person without make finds the message of `sam build` in docs/deploy.md."""
    empty, output = tmp_path / "empty", tmp_path / "output"
    empty.mkdir()

    done = subprocess.run(  # noqa: S603 - our own words
        [ROOT / ".venv-sam/bin/sam", "build", "ReceiveFunction", "--build-dir", output],
        env={"PATH": str(empty), "HOME": str(tmp_path), "SAM_CLI_TELEMETRY": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    [error] = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert 1 == done.returncode
    assert f"```text\n{error}\n```" in DEPLOY
