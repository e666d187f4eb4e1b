"""Rows of the list name the statuses of recordings, exactly as the view of the conversation does."""

from datetime import timedelta

from inprocess import forget
from projecting import calls, project_all, row_of
from recording_stack import COPY_FAILED

from tavus_callbacks.aws import clients
from tavus_callbacks.logic import find_recording

MISSING_AFTER = timedelta(hours=2)


def key(subject, number=1):
    """Return the key of a conversation's recording."""
    return f"tavus/{subject}/{1772366400000 + number}"


def say(stack, subject, **members):
    """Announce a recording that lies in the stack's bucket unless the members say otherwise."""
    stack.say(subject, **{"bucket_name": stack.bucket, **members})


def plant(stack):
    """Make a conversation for each way in which a recording can be stored; return the expected statuses."""
    for subject in ("there", "archived", "gone", "lost-callback"):
        stack.put(key(subject), StorageClass="GLACIER" if subject == "archived" else "STANDARD")
    for subject in ("there", "archived", "gone", "waiting"):
        stack.claim(key(subject))
    stack.tell(key("lost-callback"))
    stack.delete(key("gone"))
    stack.tell(key("gone"), "Object Deleted")
    announce(stack)
    for subject in ("lost-callback", "none"):
        stack.api.post({"conversation_id": subject, "event_type": "system.shutdown"})
    assert [] == project_all(stack.api)
    words = {
        "available": ("there", "archived", "lost-callback"),
        "missing": ("gone",),
        "pending": ("waiting", "alone-on-a-key", "two-places"),
        "failed": ("failed-copy", "failed-without-key", "unusable-key"),
        "other_bucket": ("other-bucket",),
        "other_provider": ("other-provider", "azure"),
        "other_conversation": ("thief", "thief-of-nothing", "rival", "second-rival"),
    }
    expected = {name: [word] for word, names in words.items() for name in names}
    return {**expected, "several": ["other_bucket", "available", "failed"], "none": []}


def announce(stack):
    """Announce recordings that failed, lie elsewhere, or contradict others."""
    say(stack, "failed-copy", event_type=COPY_FAILED, s3_key=key("failed-copy"), error_code="X")
    say(stack, "failed-without-key", event_type=COPY_FAILED, error_message="no")
    say(stack, "unusable-key", s3_key="/..")
    say(stack, "other-bucket", bucket_name="theirs", s3_key=key("other-bucket"))
    say(stack, "other-provider", storage_provider="gcs", s3_key=key("other-provider"))
    say(stack, "azure", storage_provider="azure_blob", s3_key="k", storage_uri="https://a.example/c/k")
    say(
        stack,
        "two-places",
        bucket_name="theirs",
        s3_key="else",
        storage_uri=f"s3://{stack.bucket}/{key('two-places')}",
    )
    say(stack, "thief", s3_key=key("there"))
    say(stack, "thief-of-nothing", s3_key="tavus/nobody/1")
    say(stack, "rival", s3_key="loose.mp4")
    say(stack, "second-rival", s3_key="loose")
    say(stack, "alone-on-a-key", s3_key="alone")
    # Three of one conversation: their order is that of their ids, not of their arrival.
    say(stack, "several", event_type=COPY_FAILED, s3_key=key("several", 3))
    stack.put(key("several", 2))
    stack.tell(key("several", 2))
    say(stack, "several", bucket_name="theirs", s3_key=key("several", 1))


def row_statuses(stack, query="limit=50"):
    """Return the statuses in the rows of the list, by conversation."""
    rows = stack.api.get("/conversations", query).value["conversations"]
    return {row["conversation_id"]: row["recording_statuses"] for row in rows}


def view_statuses(stack, subjects):
    """Return the statuses in the views of conversations."""
    views = {each: stack.api.get(f"/conversations/{each}").value for each in subjects}
    return {each: [recording["status"] for recording in view["recordings"]] for each, view in views.items()}


def assert_statuses(stack, expected):
    """Compare the views, the list, and `ids=` with what is expected."""
    assert expected == view_statuses(stack, expected)
    assert expected == row_statuses(stack)
    assert expected == row_statuses(stack, f"ids={','.join(expected)}")


def test_the_statuses_of_a_row_are_those_of_the_view(recordings, monkeypatch):
    """Every way of storing a recording gives the same words in list and view, now and after hours.

    A page costs eight queries, two batches and a query for each key outside of all folders, and asks S3
    for nothing. Without recordings it costs one batch.
    """
    expected = plant(recordings)
    assert_statuses(recordings, expected)

    recordings.ahead = MISSING_AFTER
    later = {name: [{"pending": "missing"}.get(each, each) for each in expected[name]] for name in expected}
    assert_statuses(recordings, later)

    recordings.calls.clear()
    row_statuses(recordings)
    operations = [call.operation for call in recordings.calls]
    loose_keys = ("rival", "second-rival", "alone-on-a-key")
    assert (2, 8 + len(loose_keys)) == (operations.count("BatchGetItem"), operations.count("Query"))
    assert not {"HeadObject", "GetObject"} & set(operations)
    with calls(clients.dynamodb()) as asked:
        row_statuses(recordings, "label=nobody")
        row_statuses(recordings, "ids=none")
    assert 2 == [name for name, _ in asked].count("BatchGetItem")

    with monkeypatch.context() as patch:
        patch.setattr(find_recording, "MOST_STATUSES", 2)
        assert ["other_bucket", "available"] == row_statuses(recordings)["several"]

    monkeypatch.setenv("RECORDINGS_BUCKET", "the-bucket-of-today")
    clients.s3().create_bucket(Bucket="the-bucket-of-today")
    forget()
    moved = view_statuses(recordings, expected)
    assert (["missing"], []) == (moved["there"], moved["lost-callback"])
    assert moved == row_statuses(recordings)

    monkeypatch.delenv("RECORDINGS_BUCKET")
    forget()
    assert {name: [] for name in expected} == row_statuses(recordings)


def test_notes_of_earlier_versions_name_no_recording(recordings):
    """An object whose callback was lost is still in the row."""
    recordings.put(key("c1"))
    recordings.tell(key("c1"))
    recordings.api.post({"conversation_id": "c1", "event_type": "system.shutdown"})
    project_all(recordings.api)
    [note] = [item for item in recordings.api.items() if item["type"] == "object_came"]
    assert note["recording_ids"] == {"1772366400001"}
    clients.dynamodb().update_item(
        TableName=recordings.api.environment["EVENTS_TABLE"],
        Key=row_of({"pk": note["pk"], "sk": note["sk"]}),
        UpdateExpression="REMOVE recording_ids",
    )

    assert {"c1": ["available"]} == row_statuses(recordings)
