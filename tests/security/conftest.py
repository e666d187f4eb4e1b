"""The template as CloudFormation would be given it, and the calls of the whole test run."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

import aws_calls
from tavus_callbacks.domain.timestamps import now
from tavus_callbacks_cli.local.child import stop_child
from tavus_callbacks_cli.local.deploy import deploy
from tavus_callbacks_cli.local.embedded import await_embedded, launch_embedded
from tavus_callbacks_cli.local.template import load_template
from tavus_callbacks_cli.tokens import create_token

STORES = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue")
ROOT = Path(__file__).parents[2]
# What a deployment may leave out; the calls of a run were made with it.
SECRETS = f"arn:aws:secretsmanager:{aws_calls.REGION}:{aws_calls.ACCOUNT}:secret"
OPTED_IN = {"TavusApiKeyArn": f"{SECRETS}:tavus-callbacks-local-key"}


@pytest.fixture(scope="session")
def template():
    """Return the translated template."""
    return load_template(ROOT / "template.yaml", OPTED_IN)


@pytest.fixture(scope="session")
def embedded(template, tmp_path_factory):
    """Run the embedded services with the template's tables, buckets and queues."""
    log = tmp_path_factory.mktemp("embedded") / "log"
    process = launch_embedded(log)
    try:
        running = await_embedded(process, log)
        stores = {name: one for name, one in template.resources.items() if one.type in STORES}
        deploy(replace(template, resources=stores), running.clients())
        yield running
    finally:
        stop_child(process)


def forget():
    """Forget what a runtime remembers: settings, clients, tokens."""
    modules = [module for name, module in sys.modules.items() if name.startswith("tavus_callbacks.")]
    for value in [value for module in modules for value in vars(module).values()]:
        if callable(getattr(value, "cache_clear", None)):
            value.cache_clear()


@pytest.fixture(scope="module")
def runtime(template, embedded):
    """Let handlers run in this process, their AWS in the embedded services."""
    merged = {}
    for name in ("ReadFunction", "ReceiveFunction"):
        merged |= template.resources[name].properties["Environment"]["Variables"]
    variables = {
        **{name: str(value) for name, value in merged.items()},
        # A slow test machine is no slow store.
        "STORE_SECONDS": "60",
        "AWS_ENDPOINT_URL": embedded.endpoint_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    with patch.dict(os.environ, variables):
        forget()
        yield variables
        forget()


@pytest.fixture(scope="module")
def tokens(runtime, embedded):
    """Return a live token of each scope."""
    table = embedded.table(runtime["TOKENS_TABLE"])
    scopes = ("callback", "read", "quarantine")
    return {scope: create_token(table, label=scope, scope=scope, now=now()) for scope in scopes}
