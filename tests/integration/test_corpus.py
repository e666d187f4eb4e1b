"""Every body that others published is posted: no 5xx, nothing lost, each becomes what the table says."""

from types import SimpleNamespace

import pytest

import corpus


@pytest.fixture(scope="module")
def posted(module_api):
    """Post all bodies to one stack, in the order of their names; give the answers and what is kept."""
    answers = {name: module_api.post(path.read_bytes()) for name, path in corpus.files().items()}
    quarantine = {entry["quarantine_id"]: entry["body"] for entry in module_api.quarantine()}
    return SimpleNamespace(api=module_api, answers=answers, quarantine=quarantine)


def kept_body(posted, name):
    """Read what was kept of a body, from where its answer says it is."""
    answer = posted.answers[name].value
    if "quarantine_id" in answer:
        return posted.quarantine[answer["quarantine_id"]].encode()
    return posted.api.get(f"/events/{answer['event_id']}/body").body


def test_the_table_names_every_published_body_and_no_other():
    """A body that comes to the folder wants a line in the table, one that goes loses it."""
    assert sorted(corpus.EXPECTED) == sorted(corpus.files())


@pytest.mark.parametrize(("name", "expected"), corpus.EXPECTED.items())
def test_a_published_body_becomes_what_the_table_says(posted, name, expected):
    """Status, family, kind, event type and outcome of each published body are known."""
    reply = posted.answers[name]
    answer = reply.value
    outcome = "quarantined" if "quarantine_id" in answer else answer["status"]

    known = (answer.get("family"), answer.get("kind"), answer.get("event_type"), outcome)

    assert expected == corpus.Expected(reply.status, *known)


@pytest.mark.parametrize("name", corpus.DOCUMENTED)
def test_a_body_that_tavus_documents_raises_no_issue(posted, name):
    """The models know every member of the callbacks that Tavus itself documents."""
    assert [] == posted.answers[name].value["issues"]


@pytest.mark.parametrize("name", corpus.EXPECTED)
def test_no_published_body_is_lost(posted, name):
    """Each published body can be read afterwards, byte for byte: as an event or in quarantine."""
    assert corpus.files()[name].read_bytes() == kept_body(posted, name)
