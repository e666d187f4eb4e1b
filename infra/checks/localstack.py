#!/usr/bin/env python3
"""Deploys the translated template to LocalStack, as far as LocalStack goes without containers and downloads.

It prints how many resources of each type LocalStack created, and fails if one of them was not. References to
resources that are left out become their values in the local stack. To run it: infra/checks/localstack.
"""

import collections
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import boto3

from tavus_callbacks_cli.local_stack.template.intrinsics import Names
from tavus_callbacks_cli.local_stack.template.template import translate

ROOT = Path(__file__).resolve().parents[2]
# LocalStack 4.14 has no provider for the first four. It downloads a Java runtime for tables and a runtime for
# functions, which also need containers; custom resources need functions.
LEFT_OUT = ("ApiGatewayV2", "CloudFront", "Dashboard", "MetricFilter", "DynamoDB", "Lambda", "Custom")
PARAMETERS = {"AlarmEmail": "operator@example.com", "PushUrl": "https://a.example.com", "SilenceHours": "24"}
SUBSTITUTION = re.compile(r"\$\{(\w+(?:\.\w+)?)\}")
STACK, PATIENCE = "tavus-callbacks", 240

Json = dict[str, Any]


def main() -> None:
    """Deploy to the LocalStack at the address of the first argument."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    client = session.client("cloudformation", endpoint_url=sys.argv[1])
    s3 = session.client("s3", endpoint_url=sys.argv[1])
    template = prune(translate(ROOT / "template.yaml", PARAMETERS))
    # Above the 51,200 bytes of a body, CloudFormation reads a template from a bucket.
    s3.create_bucket(Bucket=STACK)
    s3.put_object(Bucket=STACK, Key="template.json", Body=json.dumps(template).encode())
    client.create_stack(
        StackName=STACK,
        TemplateURL=f"{sys.argv[1]}/{STACK}/template.json",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()],
        Capabilities=["CAPABILITY_IAM"],
        DisableRollback=True,
    )
    deadline = time.monotonic() + PATIENCE
    while (status := _status(client)).endswith("IN_PROGRESS") and time.monotonic() < deadline:
        time.sleep(1)
    resources = client.describe_stack_resources(StackName=STACK)["StackResources"]
    counts = collections.Counter((each["ResourceType"], each["ResourceStatus"]) for each in resources)
    for (kind, state), count in sorted(counts.items()):
        sys.stdout.write(f"{count:3} {kind} {state}\n")
    if status != "CREATE_COMPLETE":
        failed = [each for each in resources if each["ResourceStatus"] != "CREATE_COMPLETE"]
        reasons = [f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason')}" for each in failed]
        sys.exit("\n".join([f"The stack is {status}.", *reasons]))


def _status(client: Any) -> str:
    return str(client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])


def prune(template: Json) -> Json:
    """Return a translated template without the resources that LocalStack cannot create."""
    names = Names(template["Resources"])
    gone = {
        name
        for name, resource in template["Resources"].items()
        if any(part in resource["Type"] for part in LEFT_OUT)
    }
    kept = {name: each for name, each in template["Resources"].items() if name not in gone}
    resources = {name: _replaced(resource, gone, names) for name, resource in kept.items()}
    return {**template, "Resources": resources, "Outputs": {}}


def _replaced(value: Any, gone: set[str], names: Names) -> Any:
    """Return a part of the template whose references to missing resources are plain values."""
    if isinstance(value, list):
        return [_replaced(part, gone, names) for part in value]
    if isinstance(value, str):
        return SUBSTITUTION.sub(lambda match: _text(match, gone, names), value)
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in gone:
        return names.reference(value["Ref"])
    if "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in gone:
        return names.attribute(*value["Fn::GetAtt"])
    return {key: _replaced(part, gone, names) for key, part in value.items() if key != "DependsOn"}


def _text(match: re.Match[str], gone: set[str], names: Names) -> str:
    name, _, attribute = match[1].partition(".")
    if name not in gone:
        return match[0]
    return names.attribute(name, attribute) if attribute else names.reference(name)


if __name__ == "__main__":
    main()
