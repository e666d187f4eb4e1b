"""Missing recordings whose callback was lost: the view and the list agree."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from inprocess import forget
from projecting import calls, project_all

from tavus_callbacks.aws import clients
from tavus_callbacks.domain.common.timestamps import iso

NOW = datetime.now(UTC)
KEY = "tavus/c1/1772366400000"


@pytest.fixture
def expecting(recordings, monkeypatch):
    """Return a stack that expects a recording of every conversation."""
    monkeypatch.setenv("EXPECT_RECORDING", "true")
    forget()
    return recordings


def ends(recordings, subject="c1"):
    """Store the end of a conversation an hour ago."""
    at = iso(NOW - timedelta(hours=1))
    recordings.api.post({"conversation_id": subject, "event_type": "system.shutdown", "timestamp": at})


def arrives(recordings):
    """Put the object, with its S3 event."""
    recordings.put(KEY)
    recordings.tell(KEY)


def missing(recordings, subject="c1"):
    """Return the missing parts in the view and in the list, and whether the filter finds the conversation."""
    view = recordings.api.get(f"/conversations/{subject}").value
    listed = recordings.api.get("/conversations").value["conversations"]
    [entry] = [one for one in listed if one["conversation_id"] == subject]
    found = recordings.api.get("/conversations", "missing=recording").value["conversations"]
    of_view = [one["what"] for one in view["missing"]]
    return of_view, entry["missing"], subject in [one["conversation_id"] for one in found]


@pytest.mark.parametrize(
    "steps",
    list(itertools.permutations(["ends", "arrives", "projects"])),
    ids="-".join,
)
def test_an_object_without_its_callback_is_missing_nowhere(expecting, steps):
    """This holds for every order of the end, the object and the summary."""
    acts = {"ends": ends, "arrives": arrives, "projects": lambda one: project_all(one.api)}
    ends(expecting, "c0")
    for step in steps:
        acts[step](expecting)
    project_all(expecting.api)

    assert (["transcript"], ["transcript"], False) == missing(expecting)


def test_without_callback_and_object_it_is_missing_everywhere(expecting):
    """View and list report it, and the object of another conversation changes nothing."""
    ends(expecting, "c2")
    arrives(expecting)
    project_all(expecting.api)

    assert (["transcript", "recording"], ["transcript", "recording"], True) == missing(expecting, "c2")


def test_a_claim_is_enough(expecting):
    """An announced recording counts as arrived, whether its object is there or not."""
    ends(expecting)
    expecting.claim(KEY)
    project_all(expecting.api)

    assert (["transcript"], ["transcript"], False) == missing(expecting)


@pytest.mark.slow
def test_looking_for_objects_takes_no_further_call(expecting):
    """A page of fifty requests a hundred keys at once: nine calls, one more with recordings."""
    for number in range(50):
        ends(expecting, f"c{number}")
    project_all(expecting.api)

    expecting.api.get("/conversations")
    with calls(clients.dynamodb()) as asked:
        expecting.api.get("/conversations", "limit=50")
    assert ["BatchGetItem", *["Query"] * 8] == sorted(name for name, _ in asked)

    arrives(expecting)
    with calls(clients.dynamodb()) as asked:
        page = expecting.api.get("/conversations", "limit=50").value["conversations"]
    assert ["BatchGetItem", "BatchGetItem", *["Query"] * 8] == sorted(name for name, _ in asked)
    assert ["c1"] == [one["conversation_id"] for one in page if "recording" not in one["missing"]]
