"""`GET /erasures`: copies elsewhere learn of every erasure, late and repeated ones too."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from projecting import calls, project_all, store

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.operations.reindex import list_tombstones, subjects

API = Path(__file__).parents[2] / "docs" / "api.md"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def erase(api, subject, *, at=NOW, lifetime=None, clock=lambda: datetime.now(UTC)):
    """Add a tombstone as `erase` does; `clock` is the store's."""
    table = api.environment["EVENTS_TABLE"]
    kind, _, name = subject.rpartition("#")
    Tombstones(clients.dynamodb(), table, clock).add(kind or "conversation", name, at=at, lifetime=lifetime)


def pull(api, after="", limit=200):
    """Return the digests of a page, and its cursor."""
    page = api.get("/erasures", f"after={after}&limit={limit}").value
    return [each["digest"] for each in page["erasures"]], page["cursor"]


def test_erasures_come_in_order_under_the_digest_that_the_page_explains(api):
    """The line of Python in docs/api.md gives the digests, of ids with letters of any script too."""
    ids = [("conversation", "c1"), ("video", "v1"), ("conversation", "Jose\u0301 🎬")]
    for kind, subject in ids:
        erase(api, f"{kind}#{subject}")
    [line] = re.findall(r"^digest = .*$", API.read_text(encoding="utf-8"), re.MULTILINE)
    namespace = {"hashlib": hashlib}
    expected = []
    for kind, subject in ids:
        exec(line, namespace | {"kind": kind, "subject": subject}, values := {})  # noqa: S102 - our own page
        expected.append(values["digest"])

    page = api.get("/erasures").value
    first, cursor = pull(api, limit=2)
    second, end = pull(api, cursor)

    assert [{"digest": each, "erased_at": iso(NOW)} for each in expected] == page["erasures"]
    assert (expected, []) == (first + second, pull(api, end)[0])


def test_an_erasure_that_becomes_visible_late_is_not_skipped(api):
    """Its time lies ten seconds before the position of the copy."""
    erase(api, "c1")
    _, cursor = pull(api)
    erase(api, "c2", clock=lambda: datetime.now(UTC) - timedelta(seconds=10))

    assert [digest("conversation#c2")] == pull(api, cursor)[0]


def test_an_erasure_is_read_from_no_lagging_replica(api):
    """The index may list a row that a replica of the table lacks, and a copy would never hear of it."""
    erase(api, "c1")

    with calls(clients.dynamodb()) as asked:
        pull(api)

    [table] = [params["RequestItems"] for name, params in asked if name == "BatchGetItem"]
    assert [True] == [request["ConsistentRead"] for request in table.values()]


def test_the_clock_of_whoever_erases_does_not_matter(api):
    """A laptop that is an hour slow erases; a copy that reads from a minute ago sees it."""
    erase(api, "c1", at=NOW - timedelta(hours=1))

    page = api.get("/erasures", f"after={iso(NOW - timedelta(minutes=1))}").value

    assert [iso(NOW - timedelta(hours=1))] == [each["erased_at"] for each in page["erasures"]]


def test_a_repeated_erasure_is_listed_again_once(api):
    """A copy sees the repetition, and a new copy sees the subject once."""
    erase(api, "c1")
    erase(api, "c2")
    _, cursor = pull(api)
    erase(api, "c1", at=NOW + timedelta(seconds=1))

    assert [digest("conversation#c1")] == pull(api, cursor)[0]
    assert [digest("conversation#c2"), digest("conversation#c1")] == pull(api)[0]


def test_a_repeated_erasure_is_listed_again_if_its_tombstone_would_end_earlier(api):
    """The longer lifetime stays, as after a change of the retention."""
    erase(api, "c1")
    erase(api, "c2", lifetime=60 * DAY)
    expiries = [item.get("expires_at") for item in api.items() if item["type"] == "tombstone"]
    _, cursor = pull(api)

    for subject in ("c1", "c2"):
        erase(api, subject, at=NOW + timedelta(seconds=1), lifetime=42 * DAY)

    assert [digest("conversation#c1"), digest("conversation#c2")] == pull(api, cursor)[0]
    assert expiries == [item.get("expires_at") for item in api.items() if item["type"] == "tombstone"]


def test_an_expired_tombstone_is_not_listed(api):
    """DynamoDB removes it days later."""
    erase(api, "c1", at=NOW - 3 * DAY, lifetime=DAY)
    erase(api, "c2", at=NOW, lifetime=DAY)

    assert [digest("conversation#c2")] == pull(api)[0]


def test_reindex_lists_the_tombstones_of_earlier_versions(api):
    """A copy that passed their time sees them, a second run changes nothing, and no subject appears."""
    erase(api, "c1", at=NOW - DAY)
    erase(api, "c2")
    api.post({"conversation_id": "c3", "event_type": "system.shutdown"})
    assert [] == project_all(api)
    table = store(api)
    for row in api.items():
        if row["type"] == "tombstone":
            clients.dynamodb().update_item(
                TableName=table.table,
                Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}},
                UpdateExpression="REMOVE listing_shard, listed",
            )
    digests, cursor = pull(api)
    assert [] == digests

    list_tombstones(table)

    digests, end = pull(api, cursor)
    assert {digest("conversation#c1"), digest("conversation#c2")} == set(digests)
    list_tombstones(table)
    assert [] == pull(api, end)[0]
    assert [("conversation", "c3")] == subjects(table)
