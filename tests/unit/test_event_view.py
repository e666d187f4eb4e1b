"""The views of events: the contract's names, small bodies inline, variants behind their event."""

import pytest

from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.events.view import event_view, quarantine_view

REF = "01783752517564961-" + "a" * 32
ITEM = {
    "ref": REF,
    "family": "conversation",
    "kind": "conversation",
    "subject": "c 1",
    "event_type": "system.shutdown",
    "occurred_at": "2026-07-11T06:48:37.564961Z",
    "received_at": "2026-07-11T06:48:38.000000Z",
    "label": "prod",
    "tags": {"user": "4711"},
    "issues": [],
    "content": "c" * 32,
    "body_size": 8,
    "pk": "conversation#c 1",
}


def test_an_event_has_the_members_of_the_contract():
    """The view has the members of the contract, and no attribute of the row."""
    assert {
        "event_id": f"conversation.~YyAx.{REF}",
        "family": "conversation",
        "kind": "conversation",
        "subject": "c 1",
        "event_type": "system.shutdown",
        "occurred_at": "2026-07-11T06:48:37.564961Z",
        "received_at": "2026-07-11T06:48:38.000000Z",
        "label": "prod",
        "tags": {"user": "4711"},
        "source": "callback",
        "issues": [],
        "body": {"a": 1},
    } == event_view(StoredEvent.from_row(ITEM), b'{"a": 1}')


def test_a_body_that_is_too_large_has_a_url():
    """An event without its body has the path of the body."""
    view = event_view(StoredEvent.from_row(ITEM), None)

    assert (f"/events/conversation.~YyAx.{REF}/body", False) == (view["body_url"], "body" in view)


def test_an_event_without_a_time_says_so():
    """The member is null, not absent."""
    without = {name: value for name, value in ITEM.items() if name != "occurred_at"}

    assert event_view(StoredEvent.from_row(without), b"{}")["occurred_at"] is None


def test_a_variant_names_its_event_and_itself():
    """A variant has the id of its event, and its own id for its body."""
    view = event_view(StoredEvent.from_row({**ITEM, "ref": f"{REF}-v{'b' * 32}"}), None)

    assert f"conversation.~YyAx.{REF}" == view["event_id"]
    assert f"conversation.~YyAx.{REF}-v{'b' * 32}" == view["variant_id"]
    assert f"/events/{view['variant_id']}/body" == view["body_url"]


@pytest.mark.parametrize("raw", [b'\xef\xbb\xbf{"a":"\\ud83d"}', b'{"a":"\\ud83d"}'])
def test_odd_bodies_are_shown(raw):
    """A byte order mark is left out, and a lone half of a surrogate pair is U+FFFD."""
    assert {"a": "\ufffd"} == event_view(StoredEvent.from_row(ITEM), raw)["body"]


@pytest.mark.parametrize(
    ("ref", "event_ref"),
    [("1-a", "1-a"), ("1-a-vb", "1-a"), ("untimed-c", "untimed-c"), ("untimed-c-000001", "untimed-c-000001")],
)
def test_a_variant_belongs_to_its_event_and_a_repeat_is_one_of_its_own(ref, event_ref):
    """Only a variant's reference names another event."""
    event = StoredEvent.from_row({**ITEM, "ref": ref})

    assert (event_ref, ref != event_ref) == (event.event_ref, event.is_variant)


@pytest.mark.parametrize(("body", "shown"), [(b"a\xffb\x00", "a\ufffdb\x00"), (b"", ""), (None, None)])
def test_quarantine_shows_what_is_no_text(body, shown):
    """Bytes that are not text are shown as replacement characters, a large body as null."""
    item = dict.fromkeys(("quarantine_id", "title", "detail", "label"), "x")
    item |= dict.fromkeys(("first_received_at", "last_received_at"), "2026-07-11T06:48:38.000000Z")
    item |= {"tags": {}, "status": 400, "count": 3, "body_size": 4, "pk": "secret"}

    view = quarantine_view(item, body)

    assert (shown, 400, 3, 4) == (view["body"], view["status"], view["count"], view["size"])
    assert view["content_encoding"] is None
    assert "pk" not in view
