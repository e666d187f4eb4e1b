"""The stack that integration tests call: made from `template.yaml` for each test, in this process."""

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from inprocess import Api, forget, one_at_a_time
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from push_stack import listening_bus
from recording_stack import recording_stack

from tavus_callbacks.aws import clients, retries
from tavus_callbacks.handlers import read, receive
from tavus_callbacks_cli.local_stack.http.routes import routes_of
from tavus_callbacks_cli.local_stack.services.deploy import deploy
from tavus_callbacks_cli.local_stack.template.template import load_template
from tavus_callbacks_cli.tokens import create_token

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def template():
    """Return the translated template."""
    return load_template(ROOT / "template.yaml")


class _PushingStacks(dict):
    """Templates of stacks that post pushes, made when they are asked for: by mode, or by mode and "some"."""

    def __missing__(self, name):
        mode, _, some = name.partition(" ")
        parameters = {"PushUrl": "https://hooks.example.com/in?a=1", "PushMode": mode}
        chosen = {"PushTypes": "transcript.ready,callback.system.*"} if some else {}
        self[name] = load_template(ROOT / "template.yaml", {**parameters, **chosen})
        return self[name]


@pytest.fixture(scope="session")
def pushing():
    """Return templates of stacks that post pushes: `signed`, `raw`, and `signed some`, `raw some`."""
    return _PushingStacks()


@pytest.fixture(scope="session")
def environment(template):
    """Return the variables that the template gives the functions."""
    functions = [template.resources[name] for name in ("ReadFunction", "ReceiveFunction")]
    merged = {"FAILED_BUCKET": template.resources["FailedBucket"].name}
    for function in functions:
        merged |= function.properties["Environment"]["Variables"]
    return {name: str(value) for name, value in merged.items()}


@pytest.fixture(scope="session")
def stores(template):
    """Return the template's tables, and the buckets of bodies and of failed events.

    The spill has tests of its own. Without it, a callback that cannot be stored is answered 503.
    """
    names = ("EventsTable", "TokensTable", "BodiesBucket", "FailedBucket")
    kept = {name: template.resources[name] for name in names}
    return replace(template, resources=kept)


@pytest.fixture(scope="module", autouse=True)
def _own_clients():
    """Leave no client behind that was made for moto."""
    yield
    clients.dynamodb.cache_clear()
    clients.s3.cache_clear()
    clients.sqs.cache_clear()
    clients.secretsmanager.cache_clear()
    clients.events.cache_clear()
    clients.sqs.cache_clear()


@cache
def _resource():
    return boto3.resource("dynamodb", region_name="us-east-1")


@dataclass(frozen=True)
class Prepared:
    """Stores and tokens as they are before the first request: to copy them is cheaper than to make them."""

    tables: dict
    buckets: dict
    tokens: dict


@pytest.fixture(scope="session")
def prepared(stores, environment):
    """Make the stores and a token of each scope, once."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        deploy(stores, SimpleNamespace(dynamodb=clients.dynamodb(), s3=clients.s3()))
        table, now = _resource().Table(environment["TOKENS_TABLE"]), datetime.now(UTC)
        tokens = {
            f"{name}token": create_token(table, label=label, scope=scope, now=now)
            for name, label, scope in (
                ("", "test", "callback"),
                ("read_", "reader", "read"),
                ("quarantine_", "keeper", "quarantine"),
            )
        }
        dynamodb, s3 = _backends()
        return Prepared(deepcopy(dynamodb.tables), deepcopy(s3.buckets), tokens)


def _backends():
    return get_backend("dynamodb")[ACCOUNT_ID]["us-east-1"], get_backend("s3")[ACCOUNT_ID]["aws"]


@contextmanager
def _fresh_api(template, environment, prepared):
    """Give a stack with a token of each scope, and a runtime that has just started."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        # A slow test machine is not a slow store.
        here = {"AWS_DEFAULT_REGION": "us-east-1", "STORE_SECONDS": "60"}
        for name, value in {**environment, **here}.items():
            patch.setenv(name, value)
        one_at_a_time(patch)
        forget()
        dynamodb, s3 = _backends()
        dynamodb.tables, s3.buckets = deepcopy(prepared.tables), deepcopy(prepared.buckets)
        table = _resource().Table(environment["TOKENS_TABLE"])
        made = Api(routes_of(template), environment, table, **prepared.tokens)
        for logger in (receive.logger, read.logger):
            patch.setattr(logger.registered_handler, "stream", made.log)
        yield made
        forget()


@pytest.fixture
def api(template, environment, prepared):
    """Return a stack of the test's own."""
    with _fresh_api(template, environment, prepared) as made:
        yield made


@pytest.fixture
def one_attempt(monkeypatch):
    """Leave the receiver no time to try a call again."""
    monkeypatch.setattr(retries, "PAUSE", 3600)


@pytest.fixture(scope="module")
def module_api(template, environment, prepared):
    """Return a stack for tests of one module that only look."""
    with _fresh_api(template, environment, prepared) as made:
        yield made


@pytest.fixture
def bus(api, template, monkeypatch):
    """Return what a stack of the test's own tells."""
    assert api.token
    return listening_bus(template, monkeypatch)


@pytest.fixture
def recordings(api, template, monkeypatch):
    """Return the recordings of a stack of the test's own, its signing keys made."""
    with recording_stack(api, template, monkeypatch) as made:
        yield made
