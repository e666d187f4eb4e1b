"""Quarantine: what could not be filed is kept whole, equal garbage once, and read newest first."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

START = datetime(2026, 7, 11, 7, 0, tzinfo=UTC)


def test_equal_garbage_is_one_entry_with_a_count(api):
    """The same bytes again, by whichever token, are counted; first and last time are known."""
    other = api.create_token("other")

    ids = {
        api.post(b"nope", at=START).value["quarantine_id"],
        api.post(b"nope", token=other, query="a=1", at=START + timedelta(hours=1)).value["quarantine_id"],
        api.post(b"nope", at=START + timedelta(hours=2)).value["quarantine_id"],
    }

    [entry] = api.quarantine()
    assert ids == {entry["quarantine_id"]}
    assert {
        "count": 3,
        "label": "test",
        "tags": {},
        "first_received_at": "2026-07-11T07:00:00.000000Z",
        "last_received_at": "2026-07-11T09:00:00.000000Z",
        "title": "Not a JSON object",
        "status": 400,
        "body": "nope",
        "size": 4,
    }.items() <= entry.items()


def test_equal_garbage_at_once_is_counted_each_time(api):
    """Thirty posts at the same moment are one entry, counted thirty."""
    with ThreadPoolExecutor(30) as pool:
        replies = list(pool.map(lambda _: api.post(b"nope"), range(30)))

    assert {400: 30} == Counter(reply.status for reply in replies)
    assert [30] == [entry["count"] for entry in api.quarantine()]


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_entries_come_newest_first_page_by_page(api, limit):
    """By first receipt, however the pages are cut; none is skipped, none given twice."""
    for number in range(10):
        api.post(f"garbage {number}".encode(), at=START + timedelta(minutes=number))
    api.post(b"garbage 0", at=START + timedelta(minutes=30))

    seen, cursor = [], ""
    while cursor is not None:
        page = api.get("/quarantine", f"limit={limit}&cursor={cursor}", token=api.quarantine_token).value
        assert len(page["quarantine"]) <= limit
        seen += [entry["body"] for entry in page["quarantine"]]
        cursor = page["cursor"]

    assert [f"garbage {number}" for number in reversed(range(10))] == seen


def test_entries_expire(api):
    """An entry goes as many days after its last receipt as the template says."""
    api.post(b"nope")

    [item] = [item for item in api.items() if item["type"] == "quarantine"]

    left = int(item["expires_at"]) - datetime.now(UTC).timestamp()
    assert 89 * 86400 < left <= 90 * 86400


def test_an_event_is_in_no_quarantine_and_the_other_way_round(api):
    """The two lists have nothing in common."""
    api.post(b"nope")
    api.post({"conversation_id": "c1", "event_type": "system.shutdown"})

    assert (1, 1) == (len(api.quarantine()), len(api.pull()))


@pytest.mark.slow
@pytest.mark.parametrize("filler", [b"\xff", b"\x00", b'"', "é".encode()])
def test_however_garbage_is_written_the_list_fits_into_an_answer(api, filler):
    """Entries whose bytes swell seven times in JSON are spread over pages of less than 6 MB."""
    bodies = {filler * (250_000 // len(filler)) + b"%d" % number for number in range(9)}
    for body in bodies:
        assert 400 == api.post(body, content_type="application/octet-stream").status

    assert {body.decode("utf-8", "replace") for body in bodies} == {
        entry["body"] for entry in api.quarantine()
    }


def test_a_large_body_is_kept_in_the_bucket_and_not_listed(api):
    """Garbage of a megabyte is stored whole, its size is shown, and the list stays short."""
    garbage = bytes(range(256)) * 4096

    api.post(garbage)

    [entry] = api.quarantine()
    assert (None, len(garbage)) == (entry["body"], entry["size"])
    assert garbage in api.everything_kept()
    assert all(key.startswith("quarantine/") for key in api.object_keys())
