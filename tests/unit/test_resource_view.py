"""Videos, replicas and other resources have one word for their status, progress, links and errors."""

import itertools
import json

import pytest
from folding import JSON, scenario, stored_event, without_receipt
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.resources.facts import resource_facts
from tavus_callbacks.domain.resources.view import ResourceView, fold_resource

SCENARIOS = ["video", "video-failed", "replica", "replica-failed", "document", "lipsync", "speech"]
NAMES = (
    "status_details",
    "error_details",
    "error_message",
    "generation_progress",
    "download_url",
    "created_at",
)


def folded(*events, kind="video"):
    """Return the view of events, which must match its model and be JSON."""
    view = fold_resource(kind, "v1", events)
    json.dumps(view, allow_nan=False, ensure_ascii=False).encode()
    assert view == ResourceView.model_validate(view).model_dump(mode="json")
    return view


def video(status, minute=None, **members):
    """Return an event of a video, at a minute of one hour or without a time."""
    time = {} if minute is None else {"updated_at": f"2027-03-01 12:{minute:02}:00.000000"}
    return stored_event({"video_id": "v1", "status": status, **time, **members})


def replica(status, **members):
    """Return an event of a replica, which never has a time."""
    return stored_event({"replica_id": "r1", "status": status, **members})


def test_a_ready_video_has_its_links():
    """A video that is ready has the links to watch it."""
    view = folded(*scenario("video"))

    assert ("ready", "ready", 100.0, None) == tuple(
        view[name] for name in ("status", "raw_status", "progress", "error")
    )
    assert ["download", "hosted", "stream"] == sorted(view["links"])
    assert ("Welcome to Heron", "replica_id-1") == (view["name"], view["replica_id"])


def test_a_failed_video_says_why():
    """The error comes from `status_details`."""
    view = folded(video("error", status_details="Too long.", error_details=None, generation_progress="0/100"))

    assert ("error", "Too long.", 0.0) == (view["status"], view["error"], view["progress"])


def test_a_failed_training_says_why():
    """The error comes from `error_message`."""
    view = folded(replica("error", error_message="The face leaves the frame."), kind="replica")

    assert ("error", "The face leaves the frame.") == (view["status"], view["error"])


@pytest.mark.parametrize("name", ["replica_name", "face_name", "name"])
@pytest.mark.parametrize("id_", ["replica_id", "face_id"])
def test_a_training_is_read_under_either_name(name, id_):
    """Members named after `replica` and `face` are read alike."""
    view = folded(stored_event({id_: "r1", name: "Rio", "status": "ready"}), kind="replica")

    assert ("r1", "Rio", "ready") == (view["replica_id"], view["name"], view["status"])


@pytest.mark.parametrize(("first", "second"), [("replica_id", "face_id"), ("face_id", "replica_id")])
def test_the_latest_face_of_a_video_counts_under_either_name(first, second):
    """The time decides, not which of the two names was used."""
    events = [video("queued", 1, **{first: "r1"}), video("ready", 2, **{second: "r2"})]

    assert {"r2"} == {folded(*order)["replica_id"] for order in (events, events[::-1])}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ready", "ready"),
        ("completed", "ready"),
        ("Error", "error"),
        ("generating", "processing"),
        ("new", "unknown"),
    ],
)
def test_vocabularies_are_one(raw, expected):
    """`ready` and `completed` give one status, and the raw word is shown too."""
    view = folded(video(raw))

    assert (expected, raw) == (view["status"], view["raw_status"])


def test_the_latest_status_counts_in_any_order():
    """The latest status counts in any order, and the history has each step."""
    events = [video("queued", 1), video("generating", 2, generation_progress="40/100"), video("error", 3)]

    for order in itertools.permutations(events):
        view = folded(*order)
        assert "error" == view["status"]
        assert ["queued", "processing", "error"] == [one["status"] for one in view["history"]]
    assert "processing" == folded(video("ready", 1), video("recrawling", 2))["status"]


def test_without_times_what_is_final_counts():
    """Without times, the more final status counts."""
    for order in itertools.permutations([replica("started"), replica("error"), replica("ready")]):
        assert "ready" == folded(*order, kind="replica")["status"]
    assert "ready" == folded(video("ready"), video("generating", 5))["status"]
    assert "error" == folded(video("ready"), video("error", 5))["status"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("40/100", 40.0),
        ("1/3", 33.3),
        (40, 40.0),
        ("7", 7.0),
        ("1/0", None),
        (None, None),
        ("soon", None),
        (-3, 0.0),
    ],
)
def test_progress_is_of_a_hundred(sent, expected):
    """Progress is read from `n/100` and from a number."""
    assert expected == folded(video("generating", generation_progress=sent))["progress"]


def test_only_links_to_the_web_are_links():
    """Only addresses of the web are links, and the callback URL is never one."""
    view = folded(
        video("ready", download_url="javascript:alert(1)", stream_url=None, callback_url="https://a.example/")
    )

    assert {} == view["links"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_order_and_repetition_change_nothing(name):
    """Any permutation with a duplicate gives the same view and the same facts."""
    events = scenario(name)
    expected = without_receipt(folded(*events, kind=events[0].kind))

    for order in itertools.permutations(events):
        assert expected == without_receipt(folded(*order, order[0], kind=events[0].kind))


@given(
    st.lists(
        st.builds(
            video,
            st.sampled_from(["ready", "error", "generating"]),
            st.none() | st.integers(0, 3),
        )
        | st.builds(lambda members: video("error", **members), st.dictionaries(st.sampled_from(NAMES), JSON)),
        min_size=1,
        max_size=4,
    )
)
def test_any_content_folds_and_agrees_with_its_facts(events):
    """Any JSON in any place folds in any order, and agrees with its facts."""
    view, turned = folded(*events), folded(*reversed(events))
    one, *others = map(resource_facts, events)
    for other in others:
        one = one.merge(other)

    assert without_receipt(view) == without_receipt(turned)
    assert view["status"] == one.status
