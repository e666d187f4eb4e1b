"""Retention by parameter: each writer writes the attribute that the template lets DynamoDB expire."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from inprocess import forget
from projecting import project_all

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.repair_attempts import AttemptRows
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.runtime.settings import settings
from tavus_callbacks_cli.erasure.erase import NONCURRENT_DAYS
from tavus_callbacks_cli.local_stack.template.template import load_template

ROOT = Path(__file__).parents[2]
DAYS = {
    "EventRetentionDays": "7",
    "QuarantineRetentionDays": "5",
    "RecordingRetentionDays": "30",
}
JOINED = {"conversation_id": "c1", "event_type": "system.replica_joined", "timestamp": "2027-03-01T12:00:00Z"}
# Rows that hold nothing of a person.
LASTING = {"use", "coverage"}


@pytest.fixture(scope="module")
def short():
    """Return the template with a retention for everything."""
    return load_template(ROOT / "template.yaml", DAYS)


@pytest.fixture
def kept(recordings, short, monkeypatch):
    """Let a stack of such a template write every kind of row."""
    names = ("ReadFunction", "ReceiveFunction", "ResolveFunction", "WatchFunction")
    for name in names:
        for variable, value in short.resources[name].properties["Environment"]["Variables"].items():
            if variable.endswith("_DAYS"):
                monkeypatch.setenv(variable, str(value))
    forget()
    api = recordings.api
    for body in (JOINED, {**JOINED, "more": 1}, {"replica_id": "r1", "status": "ready"}):
        api.post(body)
    api.post(b"no sense")
    recordings.put("tavus/c1/1")
    recordings.claim("tavus/c1/1")
    recordings.put("tavus/c2/1")
    recordings.tell("tavus/c2/1")
    assert [] == project_all(api)
    table = api.environment["EVENTS_TABLE"]
    Tombstones(clients.dynamodb(), table).add(
        "conversation", "c9", at=datetime.now(UTC), lifetime=timedelta(days=42)
    )
    AttemptRows(clients.dynamodb(), table, settings().event_retention).note(
        "c1", at=datetime.now(UTC), outcome="complete"
    )
    return api


def test_every_row_of_a_person_expires_by_the_template_s_attribute(kept, short):
    """Events, variants, summaries, recordings, quarantine and tombstones; whole days from now."""
    attribute = short.resources["EventsTable"].properties["TimeToLiveSpecification"]
    assert attribute["Enabled"]
    now = datetime.now(UTC).timestamp()

    days = {
        (item["type"], round((int(item[attribute["AttributeName"]]) - now) / 86400))
        for item in kept.items()
        if item["type"] not in LASTING
    }

    # At the end of the day on which the summary expires.
    entries = {("entry", 7), ("entry", 8)}
    assert {
        ("event", 7),
        ("variant", 7),
        ("summary", 7),
        ("quarantine", 5),
        ("recording", 30),
        ("object_came", 30),
        ("reading", 7),
        ("tombstone", 42),
        ("tombstone_marker", 42),
    } == days - entries


def test_for_ever_is_no_attribute_at_all(recordings):
    """With the default of 0 nothing expires but quarantine."""
    api = recordings.api
    api.post(JOINED)
    recordings.claim("tavus/c1/1")
    project_all(api)

    assert [] == [item["type"] for item in api.items() if "expires_at" in item]


def test_objects_expire_by_the_same_parameters(short):
    """Each bucket's rules, by what lies under them; disabled where a parameter is 0."""
    assert {
        ("BodiesBucket", "events", "Enabled", 7),
        ("BodiesBucket", "quarantine", "Enabled", 5),
        ("BodiesBucket", "spill", "Enabled", 15),
        ("FailedBucket", "failed", "Enabled", 5),
        ("RecordingsBucket", "recordings", "Enabled", 30),
    } == set(rules(short))
    lasting = load_template(ROOT / "template.yaml")
    disabled = {(bucket, rule) for bucket, rule, status, _ in rules(lasting) if status == "Disabled"}
    assert {("BodiesBucket", "events"), ("RecordingsBucket", "recordings")} == disabled
    assert NONCURRENT_DAYS == version_days(short)


def rules(template):
    """Yield the expirations of the template's buckets."""
    for bucket in template.of_type("AWS::S3::Bucket"):
        for rule in bucket.properties["LifecycleConfiguration"]["Rules"]:
            if "ExpirationInDays" in rule:
                yield bucket.logical_id, rule["Id"], rule["Status"], int(rule["ExpirationInDays"])


def version_days(template):
    """Return for how many days a deleted recording's versions stay."""
    text = json.dumps(template.resources["RecordingsBucket"].properties["LifecycleConfiguration"])
    [rule] = [one for one in json.loads(text)["Rules"] if "NoncurrentVersionExpiration" in one]
    return int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
