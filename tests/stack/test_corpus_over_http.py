"""Every body that others published, posted through the HTTP front of a stack of its own."""

import httpx
import pytest

import corpus
from tavus_callbacks_cli.local_stack import stack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Run a stack that nobody else posts to: the table says `stored`, and a repeat would not be."""
    options = stack.Options(port=0, state_root=tmp_path_factory.mktemp("corpus"))
    with stack.local_stack(options) as local:
        yield local.running


@pytest.mark.slow
def test_every_published_body_becomes_what_the_table_says(running):
    """Status, family, kind, event type and outcome per file over real HTTP; none is lost, none is a 5xx."""
    bearer = {"authorization": f"Bearer {running.read_token}"}
    found, kept = {}, {}
    with httpx.Client(timeout=30) as client:
        for name, path in corpus.files().items():
            reply = client.post(running.callback_url, content=path.read_bytes())
            answer = reply.json()
            outcome = "quarantined" if "quarantine_id" in answer else answer["status"]
            known = (answer.get("family"), answer.get("kind"), answer.get("event_type"), outcome)
            found[name] = corpus.Expected(reply.status_code, *known)
            if "event_id" in answer:
                url = f"{running.api_url}/events/{answer['event_id']}/body"
                kept[name] = client.get(url, headers=bearer).content

    assert corpus.EXPECTED == found
    assert {name: corpus.files()[name].read_bytes() for name in kept} == kept
