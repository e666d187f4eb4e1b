"""Rows keep their attributes: this version stores the names and types that an earlier version stored."""

import gzip
import json
import tarfile
from datetime import UTC, datetime, timedelta

import pytest
from inprocess import forget
from planting import noise
from projecting import post_scenario, project_all

import snapshot
from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.sweep import write_sweep
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.repair.open_conversations import Attempts
from tavus_callbacks.domain.repair.sweep import Sweep
from tavus_callbacks.domain.repair.tavus_record import parse_record
from tavus_callbacks.logic.repair import Stores, repair_conversation
from tavus_callbacks.runtime import wiring
from tavus_callbacks_cli.local_stack.http.payload import Request
from tavus_callbacks_cli.tokens import revoke_token, rotate_token

NOW = datetime.now(UTC)
# The row of a token has no `type`.
TOKEN = "token"


def attributes(rows):
    """Return the attributes of rows by the type of row, each with the types of its values."""
    found = {}
    for row in rows:
        of_type = found.setdefault(row["type"]["S"] if "type" in row else TOKEN, {})
        for name, value in row.items():
            of_type.setdefault(name, set()).update(value)
    return found


def changes(before, written):
    """Return the attributes that are no longer written, or have other types."""
    found = []
    for kind, names in before.items():
        for name, types in names.items():
            now = written.get(kind, {}).get(name, {"missing"})
            found += [f"{kind}.{name}: {','.join(sorted(now))}"] if not now <= types else []
    return sorted(found)


@pytest.fixture(scope="module")
def before():
    """Return the attributes of the rows that an earlier version wrote; see tests/data/before_the_move."""
    with tarfile.open(snapshot.STATE) as archive:
        tables = json.load(archive.extractfile("data/items.json"))["tables"]
    return attributes(row for rows in tables.values() for row in rows)


def write_events(api):
    """Store events, a variant, a large body and summaries; quarantine bodies; use a token."""
    post_scenario(api, "conversation", now=NOW)
    changed = {"event_type": "system.shutdown", "conversation_id": "c1", "timestamp": NOW.isoformat()}
    for more in ({}, {"more": True}, {"timestamp": "", "noise": noise("c1")}):
        assert 200 == api.post({**changed, **more}, query="user=4711").status
    assert 400 == api.post(b"{").status
    headers = ((b"content-type", b"application/json"), (b"content-encoding", b"gzip"))
    packed = Request("POST", f"/callbacks/{api.token}".encode(), b"", headers, gzip.compress(b"[1]"))
    assert 400 == api.send(packed).status
    assert [] == project_all(api)


def write_recordings(recordings):
    """Claim recordings, one of them in no folder, one without an object; let objects come."""
    for key in ("tavus/c1/1", "loose"):
        recordings.put(key)
        recordings.say("c1", bucket_name=recordings.bucket, s3_key=key)
    recordings.put("tavus/c1/2")
    recordings.tell("tavus/c1/2")
    recordings.claim("tavus/c1/3")
    recordings.delete("tavus/c1/1")
    recordings.tell("tavus/c1/1", "Object Deleted")


def write_notes(api):
    """Note attempts to ask Tavus, the sweep of `watch`, and an erasure."""
    attempts = wiring.repair_attempts()
    stores = Stores(wiring.events_table(), attempts, wiring.summaries())
    assert attempts.claim("c2", Attempts(), next_at=NOW)
    event = {"event_type": "system.shutdown", "timestamp": NOW.isoformat()}
    record = parse_record("c2", {"status": "ended", "events": [event]})
    assert "filed" == repair_conversation(stores, record, label="test", clock=lambda: NOW).outcome
    attempts.note("c2", at=NOW, outcome="complete", confirmed=True)
    write_sweep(wiring.table(), Sweep("c2", False, NOW, NOW, NOW, NOW))
    tombstones = Tombstones(clients.dynamodb(), api.environment["EVENTS_TABLE"])
    tombstones.add("conversation", "c3", at=NOW, lifetime=None)
    for label in ("rotated", "revoked"):
        api.create_token(label)
    rotate_token(api.tokens_table, label="rotated", grace=timedelta(days=1), now=NOW)
    revoke_token(api.tokens_table, label="revoked", now=NOW)


def test_rows_have_the_attributes_of_before(api, recordings, bus, before, monkeypatch):
    """Each attribute of each type of row has its name and the types of its values."""
    assert bus
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "365")
    forget()
    write_events(api)
    write_recordings(recordings)
    write_notes(api)

    written = attributes([*api._scan("EVENTS_TABLE"), *api._scan("TOKENS_TABLE")])

    assert [] == changes(before, written)
    assert {"entry", "coverage"} == written.keys() - before.keys()
    assert not before.keys() - written.keys()


def test_a_changed_attribute_is_reported():
    """A new name and a new type are changes, a further attribute is not."""
    before = {"event": {"label": {"S"}, "body_size": {"N"}, "object": {"M", "NULL"}}}
    written = {"event": {"name": {"S"}, "body_size": {"S"}, "object": {"M"}}}

    assert ["event.body_size: S", "event.label: missing"] == changes(before, written)
