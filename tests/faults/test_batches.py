"""Batches of the stream: what fails is named alone, and logged by its place, never by its text."""

import base64
import json
from io import StringIO
from types import SimpleNamespace

import bodies
import pytest

from tavus_callbacks.aws.items import read_item
from tavus_callbacks.handlers import project, resolve

CANARY = "my canary sings at midnight"


@pytest.fixture
def log(monkeypatch):
    """Collect what both functions log."""
    collected = StringIO()
    for function in (project, resolve):
        monkeypatch.setattr(function.logger.registered_handler, "stream", collected)
    return collected


def record(number, row):
    """Write a record as Lambda hands it on: bytes in base64."""
    image = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in row.items()
    }
    return {
        "eventID": str(number),
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"SequenceNumber": str(number), "NewImage": image},
    }


def kept_row(world, subject):
    """Return the row of a subject's event."""
    client, table = world.embedded.clients().dynamodb, world.environment["EVENTS_TABLE"]
    values = {":pk": {"S": f"conversation#{subject}"}, ":e": {"S": "e1#"}}
    condition = "pk = :pk AND begins_with(sk, :e)"
    [row] = client.query(TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values)[
        "Items"
    ]
    return row


def summary(world, subject):
    """Return what `project` or `resolve` keeps about a subject."""
    client, table = world.embedded.clients().dynamodb, world.environment["EVENTS_TABLE"]
    values = {":pk": {"S": f"conversation#{subject}"}}
    found = client.query(TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values)
    return [read_item(row)["type"] for row in found["Items"] if not row["sk"]["S"].startswith("e1#")]


@pytest.mark.slow
@pytest.mark.parametrize(("function", "leaves"), [(project, "summary"), (resolve, "recording")])
def test_a_poisoned_record_fails_alone_and_says_nothing_of_what_it_held(
    world, subject, log, function, leaves
):
    """Those around it are taken, a large body among them; the log has the fault's kind and place."""
    event = {"event_type": "application.recording_ready", "properties": {"s3_key": f"tavus/{subject}/1"}}
    for name in ("small", "large"):
        more = {"noise": bodies.noise(60_000)} if name == "large" else {}
        assert 200 == world.post(bodies.timed(f"{subject}-{name}", **event, **more)).status
    small, large = (kept_row(world, f"{subject}-{name}") for name in ("small", "large"))
    poison = [
        {**small, "encoding": {"S": "identity"}, "body": {"B": text}} for text in (CANARY.encode(), b"[]")
    ]
    batch = [record(number, row) for number, row in enumerate([poison[0], small, poison[1], large])]

    answer = function.handler({"Records": batch}, SimpleNamespace())
    alone = function.handler({"Records": batch[:1]}, SimpleNamespace())

    assert ["0", "2"] == [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert ["0"] == [failure["itemIdentifier"] for failure in alone["batchItemFailures"]]
    assert [[leaves], [leaves]] == [summary(world, f"{subject}-{name}") for name in ("small", "large")]
    noted = [json.loads(line) for line in log.getvalue().splitlines()]
    [first, second] = [one for one in noted if one["message"] == "batch"]
    assert (4, 2, 1) == (first["records"], first["failed"], second["failed"])
    assert all(" at " in fault for fault in first["faults"])
    assert "canary" not in log.getvalue()
