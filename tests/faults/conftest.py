"""Embedded services with what `template.yaml` declares, and a proxy before them."""

import itertools
from pathlib import Path

import bodies
import pytest
from proxy import fault_proxy
from world import World, new_token, runtime

from stores import embedded_stores
from tavus_callbacks.runtime.settings import settings
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.services.access_keys import PERSON
from tavus_callbacks_cli.local_stack.stack import local_stack
from tavus_callbacks_cli.local_stack.template.template import load_template

ROOT = Path(__file__).parents[2]

_subjects = (f"c{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def template():
    """Return the translated template."""
    return load_template(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def embedded(template, tmp_path_factory):
    """Run the embedded services with the template's tables, buckets, queues and bus."""
    with embedded_stores(template, tmp_path_factory.mktemp("embedded") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def environment(template):
    """Return the variables that the template gives the receiver, and those that follow it."""
    names = ("ReceiveFunction", "DrainFunction", "ProjectFunction", "ResolveFunction")
    found = [template.resources[name].properties["Environment"]["Variables"] for name in names]
    return {name: str(value) for one in found for name, value in one.items()}


@pytest.fixture(scope="module")
def receiver(embedded, environment):
    """Run the receiver behind a proxy, its token and its connections warm."""
    key_id = embedded.keys.key_id(PERSON)
    with fault_proxy(embedded.endpoint_url) as proxy, runtime(environment, proxy, key_id):
        world = World(proxy, embedded, environment, new_token(embedded, environment))
        warm = [world.post_cold(bodies.timed(f"warm-{number}")) for number in range(6)]
        world.usual = max(reply.seconds for reply in warm[1:])
        yield world


@pytest.fixture
def world(receiver):
    """Return the receiver with nothing waiting and nothing answered yet."""
    receiver.delete(receiver.waiting())
    receiver.replies = []
    return receiver


@pytest.fixture
def patient(receiver, monkeypatch):  # noqa: ARG001  # its settings
    """Let the store have all the time it wants: what comes out is then no matter of the machine's speed."""
    monkeypatch.setattr(settings(), "store_time", 60.0)


@pytest.fixture
def subject():
    """Return a conversation that nobody else uses."""
    return next(_subjects)


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """Run all that template.yaml declares, over HTTP."""
    with local_stack(Options(port=0, state_root=tmp_path_factory.mktemp("state"))) as running:
        yield running
