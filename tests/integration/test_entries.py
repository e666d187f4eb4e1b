"""Index entries: a page of a tag reads the summaries with the tag, and no entry is missing or misplaced."""

import json
from datetime import UTC, datetime, timedelta

from inprocess import failing, forget
from projecting import calls, once_before, project_all, records, remove_rows, row_of, store

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.entries import entry_items
from tavus_callbacks.aws.stores.keys import entry_coverage
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.arrival_facts import ArrivalFacts
from tavus_callbacks.domain.resources.facts import ResourceFacts
from tavus_callbacks.domain.summaries.terms import MOST_TERMS
from tavus_callbacks.runtime import wiring
from tavus_callbacks_cli.erasure.subject import subject_pieces
from tavus_callbacks_cli.local_stack.template.pattern import matches
from tavus_callbacks_cli.operations.reindex import note_coverage, rebuild_summaries, subjects
from tavus_callbacks_cli.operations.selection import SUMMARY_DELAY

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


def post(api, number, query="user=5", *, event_type="system.replica_joined", at=None):
    """Store an event of a conversation; greater numbers are received later."""
    at = at or NOW - timedelta(days=1) + number * MINUTE
    body = {"conversation_id": f"c{number}", "event_type": event_type, "timestamp": iso(at)}
    assert 200 == api.post(body, query=query, at=at).status


def of_type(api, row_type):
    """Return the rows of a type."""
    return [item for item in api.items() if item["type"] == row_type]


def list_ids(api, query="tag=user:5"):
    """Return the ids of a list, page by page."""
    return [row["conversation_id"] for row in api.pages("/conversations", "conversations", query)]


def asked_partitions(api, query="tag=user:5"):
    """Return the partitions of the index that a page asks, and how often each operation is called."""
    api.get("/conversations", query)
    with calls(clients.dynamodb()) as asked:
        api.get("/conversations", query)
    queries = [
        params["ExpressionAttributeValues"][":shard"]["S"] for name, params in asked if name == "Query"
    ]
    others = [name for name, params in asked if name != "Query" and "TokensTable" not in str(params)]
    return {shard.partition("#")[0] for shard in queries}, len(queries), others


def forget_entries(api):
    """Leave the rows that an earlier version would have left: summaries without entries."""
    remove_rows(api, [*of_type(api, "entry"), *of_type(api, "coverage")])
    forget()


def cover(api, **times):
    """Note which conversations have entries."""
    row = {**entry_coverage("conversation"), "type": "coverage", **times}
    clients.dynamodb().put_item(TableName=api.environment["EVENTS_TABLE"], Item=row_of(row))
    forget()


def records_by_receipt(api):
    """Return the stream records of the stored events, the first received first."""
    return sorted(records(api), key=lambda record: record["dynamodb"]["NewImage"]["received_at"]["S"])


def assert_entries_follow_summaries(api):
    """Check that each entry is at the place of its summary."""
    places = {item["pk"]: item["listed"] for item in of_type(api, "summary")}
    entries = of_type(api, "entry")
    assert entries
    assert [places[item["pk"]] for item in entries] == [item["listed"] for item in entries]


def test_a_tag_is_read_from_its_own_partitions(api):
    """A page of a tag makes seven queries and one BatchGetItem, and asks no partition of the whole list.

    `simulated=true` is such a page.
    """
    for number in range(4):
        post(api, number, f"user={number % 2}&team=a{'&simulated=true' * (number == 3)}")
    project_all(api)

    assert ["c3", "c1"] == list_ids(api, "tag=user:1")
    assert ["c3", "c2", "c1", "c0"] == list_ids(api, "tag=team:a&limit=1")
    assert ["c2"] == list_ids(api, f"tag=user:0&since={iso(NOW - timedelta(days=1) + MINUTE)}")
    assert [] == list_ids(api, "tag=user:0&label=shop")
    assert ["c3"] == list_ids(api, "simulated=true")
    for query in ("tag=user:1", "simulated=true"):
        assert ({"t1"}, 7, ["BatchGetItem"]) == asked_partitions(api, query)


def test_a_replica_is_found_under_either_name(api):
    """The earliest event decides which replica a conversation had; its id is compared exactly."""
    for number, properties in enumerate([{"replica_id": "r1"}, {"face_id": "r1"}, {"face_id": "r10"}, {}]):
        at = NOW + number * MINUTE
        body = {"conversation_id": f"c{number}", "event_type": "system.pal_joined", "timestamp": iso(at)}
        assert 200 == api.post({**body, "properties": properties}, query="user=5&replica=r1", at=at).status
    project_all(api)

    assert ["c1", "c0"] == list_ids(api, "replica=r1") == list_ids(api, "replica=r1&tag=user:5&limit=1")
    assert ["c2"] == list_ids(api, "replica=r10")
    assert [] == list_ids(api, "replica=r") == list_ids(api, "replica=r10&tag=user:6")
    assert ({"t1"}, 7, ["BatchGetItem"]) == asked_partitions(api, "replica=r1")


def test_a_name_in_either_normal_form_finds_both(api):
    """Tags that differ only in Unicode normalization have one entry."""
    post(api, 1, "na%C3%AFf=%C3%A9")
    post(api, 1, "nai%CC%88f=e%CC%81", event_type="system.shutdown")
    project_all(api)

    assert 1 == len(of_type(api, "entry"))
    for tag in ("na%C3%AFf:e%CC%81", "nai%CC%88f:%C3%A9"):
        assert ["c1"] == list_ids(api, f"tag={tag}")


def test_an_entry_is_written_when_its_tag_first_appears(api):
    """Further events with the same tags write the summary alone."""
    post(api, 1)
    project_all(api)
    post(api, 1, event_type="system.shutdown", at=NOW)
    post(api, 1, "user=5&team=a", event_type="application.perception_analysis", at=NOW)

    with calls(clients.dynamodb()) as asked:
        project_all(api)

    kinds = [params["Item"]["type"]["S"] for name, params in asked if name == "PutItem"]
    assert ["entry", "summary"] == kinds


def test_entries_move_with_the_first_receipt(api):
    """An event that was received earlier and is projected later moves the summary and all its entries."""
    post(api, 1, "user=5&team=a", event_type="system.shutdown", at=NOW)
    post(api, 1, at=NOW - MINUTE)
    earlier, later = records_by_receipt(api)

    project_all(api, order=[later])
    project_all(api, order=[earlier])

    assert 2 == len(of_type(api, "entry"))
    assert_entries_follow_summaries(api)


def test_a_writer_that_comes_second_leaves_no_entry_at_the_old_place(api):
    """Its entry, put before it meets the other writer, is put again at the place of the summary."""
    post(api, 1, event_type="system.shutdown", at=NOW)
    post(api, 1, at=NOW - MINUTE)
    earlier, later = records_by_receipt(api)

    with once_before(clients.dynamodb(), "PutItem", lambda: project_all(api, order=[earlier])) as met:
        assert [] == project_all(api, order=[later])

    assert [True] == met
    assert_entries_follow_summaries(api)


def test_a_crash_before_the_summary_leaves_no_entry_out(api):
    """The records come again, and a summary without its entries is never stored."""
    post(api, 1, "user=5&team=a")

    def is_second_entry(params):
        entries.append(params["Item"]["type"])
        return len(entries) == 2

    entries = []
    with failing("dynamodb", "PutItem", when=is_second_entry):
        assert project_all(api)

    assert ([], 1) == (of_type(api, "summary"), len(of_type(api, "entry")))
    assert [] == project_all(api)
    assert ["c1"] == list_ids(api, "tag=user:5") == list_ids(api, "tag=team:a")


def test_entries_outlive_their_summary_by_less_than_a_day(api, monkeypatch):
    """They expire at the end of its last day, so a later event of that day writes none."""
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "30")
    forget()
    post(api, 1)
    project_all(api)

    [entry], [summary] = of_type(api, "entry"), of_type(api, "summary")
    assert 0 < entry["expires_at"] - summary["expires_at"] <= 86_400
    assert 0 == entry["expires_at"] % 86_400


def test_a_flood_of_tags_makes_a_bounded_number_of_entries():
    """Anybody with a callback URL can send many tags for one subject."""
    tags = frozenset((f"n{number}", "x") for number in range(3 * MOST_TERMS))
    names = dict.fromkeys(("received_first_at", "received_last_at"), NOW)
    receipt = ArrivalFacts(**names, received_from=frozenset(), labels=frozenset(), tags=tags)

    assert MOST_TERMS == len(
        entry_items("video", "v1", ResourceFacts(receipt=receipt, timed=None, untimed=None), None)
    )


def test_tags_of_earlier_versions_are_found_before_and_after_a_reindex(api):
    """Without entries, summaries are read as before; a reindex gives them entries and changes no summary."""
    for number in range(3):
        post(api, number, f"user={5 + number % 2}")
    project_all(api)
    forget_entries(api)
    summaries = of_type(api, "summary")

    assert ["c2", "c0"] == list_ids(api) == list_ids(api, "tag=user:5&limit=1")
    assert ({"conversation"}, 8, ["BatchGetItem"]) == asked_partitions(api)

    post(api, 3)
    project_all(api, order=[record for record in records(api) if "c3" in str(record)])
    [coverage] = of_type(api, "coverage")
    assert coverage["since"] > iso(datetime.now(UTC))
    forget()
    assert ["c3", "c2", "c0"] == list_ids(api)

    stack = store(api)
    list(rebuild_summaries(stack, subjects(stack)))
    again_at = note_coverage(stack, datetime.now(UTC))
    assert iso(again_at - SUMMARY_DELAY) == coverage["since"]
    assert note_coverage(stack, again_at) is None
    forget()
    assert ["c3", "c2", "c0"] == list_ids(api) == list_ids(api, "tag=user:5&limit=1")
    assert ({"t1"}, 7, ["BatchGetItem"]) == asked_partitions(api)
    assert summaries == [item for item in of_type(api, "summary") if item["subject"] != "c3"]


def test_a_list_that_is_partly_covered_holds_everything_once(api):
    """Between the two times of the coverage, where entries may be missing, all summaries are read."""
    for number in range(9):
        post(api, number, f"user={5 + number % 3 // 2}")
    project_all(api)
    expected = ["c7", "c6", "c4", "c3", "c1", "c0"]
    remove_rows(api, [item for item in of_type(api, "entry") if "c3" in item["pk"] or "c4" in item["pk"]])
    began = NOW - timedelta(days=1)
    cover(api, until=iso(began + 3 * MINUTE), since=iso(began + 6 * MINUTE))

    pages = [list_ids(api, f"tag=user:5&limit={limit}") for limit in (1, 2, 50)]

    assert [expected] * 3 == pages


def test_only_a_kind_without_subjects_is_covered_from_its_beginning(api):
    """A video's coverage is complete although conversations of an earlier version have no entries."""
    post(api, 1)
    project_all(api)
    forget_entries(api)
    api.post({"video_id": "v1", "status": "ready"}, query="user=5")
    post(api, 2)

    project_all(api)
    forget()

    entries = wiring.summaries().entries
    assert entries.coverage("video").is_complete
    assert not entries.coverage("conversation").is_complete
    assert ["v1"] == [each["id"] for each in api.get("/videos", "tag=user:5").value["videos"]]


def test_reindex_removes_entries_of_a_subject_without_events(api):
    """An entry without a summary and events is of no use."""
    post(api, 1)
    project_all(api)
    remove_rows(api, [*of_type(api, "event"), *of_type(api, "summary")])
    assert [] == list_ids(api)

    stack = store(api)
    assert [("conversation", "c1")] == list(rebuild_summaries(stack, subjects(stack)))

    assert [] == of_type(api, "entry")


def test_reindex_leaves_no_entry_of_a_subject_that_is_erased_meanwhile(api):
    """The erasure comes after the events were read, and its rows are gone when the entry is put."""
    post(api, 1)
    project_all(api)
    stack = store(api)

    def erase():
        tombstones = wiring.summaries().tombstones
        tombstones.add("conversation", "c1", at=NOW, lifetime=None)
        for piece in subject_pieces(stack, ("conversation", "c1")):
            piece.remove()

    with once_before(clients.dynamodb(), "PutItem", erase) as met:
        list(rebuild_summaries(stack, [("conversation", "c1")]))

    assert [True] == met
    assert [] == of_type(api, "entry") == of_type(api, "summary")


def test_no_function_is_started_by_an_entry(api, template):
    """The filters of the event stream let neither entries nor the note of their coverage through."""
    post(api, 1)
    project_all(api)
    mappings = template.of_type("AWS::Lambda::EventSourceMapping")
    patterns = [
        json.loads(each["Pattern"])
        for mapping in mappings
        for each in mapping.properties.get("FilterCriteria", {}).get("Filters", ())
    ]

    def started(row):
        record = {"eventName": "INSERT", "dynamodb": {"NewImage": row}}
        return any(matches(pattern, record) for pattern in patterns)

    rows = list(api._scan("EVENTS_TABLE"))
    assert {"event"} == {row["type"]["S"] for row in rows if started(row)}
    assert {"entry", "coverage"} < {row["type"]["S"] for row in rows}
