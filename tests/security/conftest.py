"""The template as CloudFormation would be given it, and the calls of the whole test run."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest

import aws_calls
from runtimes import forget
from stores import embedded_stores
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks_cli.local_stack.services.access_keys import PERSON
from tavus_callbacks_cli.local_stack.template.template import load_template
from tavus_callbacks_cli.tokens import create_token

ROOT = Path(__file__).parents[2]
# Parts that a deployment may leave out; the calls of a run were made with them.
SECRETS = f"arn:aws:secretsmanager:{aws_calls.REGION}:{aws_calls.ACCOUNT}:secret"
OPTED_IN = {"TavusApiKeyArn": f"{SECRETS}:tavus-callbacks-local-ApiKey"}


@pytest.fixture(scope="session")
def template():
    """Return the translated template."""
    return load_template(ROOT / "template.yaml", OPTED_IN)


@pytest.fixture(scope="session")
def embedded(template, tmp_path_factory):
    """Run the embedded services with the template's tables, buckets, queues and bus."""
    with embedded_stores(template, tmp_path_factory.mktemp("embedded") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def runtime(template, embedded):
    """Let handlers run in this process, their AWS in the embedded services."""
    merged = {}
    for name in ("ReadFunction", "ReceiveFunction"):
        merged |= template.resources[name].properties["Environment"]["Variables"]
    variables = {
        **{name: str(value) for name, value in merged.items()},
        # A slow test machine is not a slow store.
        "STORE_SECONDS": "60",
        "AWS_ENDPOINT_URL": embedded.endpoint_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": embedded.keys.key_id(PERSON),
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
