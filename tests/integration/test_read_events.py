"""Reading what was received: by subject or in order of receipt, with nothing skipped or doubled."""

import json
from datetime import UTC, datetime

import pytest
from botocore.client import BaseClient

from tavus_callbacks.aws.stores import event_pages
from tavus_callbacks.aws.stores.keys import receipt

AT = "2026-07-11T06:48:{:02}Z"


def shutdown(number, subject="c1", **more):
    """Write one of many callbacks."""
    return {
        "conversation_id": subject,
        "event_type": "system.shutdown",
        "timestamp": AT.format(number),
        **more,
    }


def test_all_events_come_in_order_of_receipt_with_a_cursor_to_go_on_from(api):
    """A client that pulls with each answer's cursor gets every event once, in the order of receipt."""
    bodies = [shutdown(number, f"c{number % 3}") for number in range(12)]
    pulled, cursor = [], ""
    for start in (0, 4, 8):
        for body in bodies[start : start + 4]:
            api.post(body)
        for _ in range(3):
            page = api.get("/events", f"limit=3&after={cursor}").value
            pulled += [event["body"] for event in page["events"]]
            cursor = page["cursor"]

    assert bodies == pulled
    assert [] == api.get("/events", f"after={cursor}").value["events"]


def test_cursor_is_another_name_for_after(api):
    """Every list takes `cursor`; this one takes `after` too."""
    api.post(shutdown(1))
    cursor = api.get("/events").value["cursor"]
    api.post(shutdown(2))

    by_after, by_cursor = (api.get("/events", f"{name}={cursor}").value for name in ("after", "cursor"))

    assert [shutdown(2)] == [event["body"] for event in by_after["events"]]
    assert by_after["events"] == by_cursor["events"]


def test_pulling_from_a_time_gives_what_was_kept_since(api):
    """A time in place of a cursor starts there."""
    api.post(shutdown(1))
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    api.post(shutdown(2))

    events = api.get("/events", f"after={now}").value["events"]

    assert [shutdown(2)] == [event["body"] for event in events]


def test_variants_are_pulled_as_they_came(api):
    """Other content for an event is listed like an event, with a name of its own."""
    for content in ({}, {"properties": {}}):
        api.post(shutdown(1) | content)

    first, second = api.pull()

    assert first["event_id"] == second["event_id"]
    assert ("variant_id" in first, "variant_id" in second) == (False, True)


def test_an_event_that_becomes_visible_late_is_given(api):
    """A row whose time lies before what was given, but within what may settle, is not skipped."""
    api.post(shutdown(2))
    page = api.get("/events").value
    [early] = [item for item in api.items() if item["type"] == "event"]
    moment = datetime.fromisoformat(early["receipt"].partition("#")[0]).timestamp() - 5
    late = receipt(datetime.fromtimestamp(moment, UTC), "0" * 32)
    from tavus_callbacks.aws import clients
    from tavus_callbacks.aws.items import write_item

    clients.dynamodb().put_item(
        TableName=api.environment["EVENTS_TABLE"],
        Item=write_item({**early, "sk": early["sk"] + "x", "receipt": late}),
    )

    events = api.get("/events", f"after={page['cursor']}").value["events"]

    assert [shutdown(2)] == [event["body"] for event in events]


def test_an_event_that_was_erased_is_passed_over(api, monkeypatch):
    """A row that disappears between index and table leaves no hole in the page."""
    for number in range(3):
        api.post(shutdown(number))
    [_, gone, _] = sorted(item["sk"] for item in api.items() if item["type"] == "event")
    call = BaseClient._make_api_call

    def without(client, operation, parameters):
        found = call(client, operation, parameters)
        for items in found.get("Responses", {}).values():
            items[:] = [item for item in items if item["sk"]["S"] != gone]
        return found

    monkeypatch.setattr(BaseClient, "_make_api_call", without)

    assert [shutdown(0), shutdown(2)] == [event["body"] for event in api.pull()]


@pytest.mark.parametrize("limit", [1, 2, 7, 200])
def test_a_subjects_events_come_by_time_page_by_page(api, limit):
    """However pages are cut, each event comes once: timeless ones last, variants behind their event."""
    bodies = [shutdown(number) for number in range(7)]
    untimed = {"conversation_id": "c1", "event_type": "system.shutdown"}
    for body in (untimed, *reversed(bodies), shutdown(3, properties={}), shutdown(3, properties={"a": 1})):
        api.post(body)

    seen, cursor, sizes = [], "", []
    while cursor is not None:
        page = api.get("/conversations/c1/events", f"limit={limit}&cursor={cursor}").value
        seen += page["events"]
        sizes.append(len(page["events"]))
        cursor = page["cursor"]

    assert [*bodies, untimed] == [event["body"] for event in seen]
    assert [0, 0, 0, 2, 0, 0, 0, 0] == [len(event.get("variants", [])) for event in seen]
    assert max(sizes) <= limit


def test_a_kind_of_its_own_is_read_by_kind_and_subject(api):
    """A video and a conversation of one id have nothing in common."""
    api.post({"video_id": "x1", "status": "ready"})
    api.post({"conversation_id": "x1", "event_type": "system.shutdown"})

    assert ["video.ready"] == [event["event_type"] for event in api.events("x1", kind="video")]
    assert ["system.shutdown"] == [event["event_type"] for event in api.events("x1")]


@pytest.mark.slow
@pytest.mark.parametrize("letter", ["ж", "会", "🎬", '"', "\x7f"])
def test_however_a_body_is_written_a_list_fits_into_an_answer(api, letter):
    """Bodies just small enough for a list are spread over pages of less than 6 MB, none lost."""
    text = letter * (200_000 // len(json.dumps(letter, ensure_ascii=False).encode()))
    raws = [
        json.dumps(shutdown(number, properties={"text": text}), ensure_ascii=False).encode()
        for number in range(12)
    ]
    for raw in raws:
        api.post(raw)

    events, cursor = [], ""
    while len(events) < 12:
        page = api.get("/events", f"limit=200&after={cursor}").value
        assert page["events"]
        events += page["events"]
        cursor = page["cursor"]

    assert [json.loads(raw) for raw in raws] == [event["body"] for event in events]
    assert [json.loads(raw) for raw in raws] == [event["body"] for event in api.events("c1")]


def test_variants_beyond_a_page_come_by_url(api):
    """An event of which there are many large variants is still one answer; each body can be read."""
    contents = [shutdown(1, properties={"text": f"{number}" * 200_000}) for number in range(9)]
    for body in contents:
        api.post(body)

    [event] = api.events("c1")

    every = [event, *event["variants"]]
    urls = [one["body_url"] for one in every if "body_url" in one]
    read = [one["body"] for one in every if "body" in one] + [api.get(url).value for url in urls]
    assert urls
    assert sorted(map(json.dumps, contents)) == sorted(map(json.dumps, read))


def test_no_answer_of_a_reader_is_cached(api):
    """A reader sees only the data that the request names."""
    api.post(shutdown(1))
    [event] = api.events("c1")

    for path in ("/events", "/conversations/c1/events", f"/events/{event['event_id']}/body"):
        assert "no-store" == api.get(path).headers["cache-control"]


def test_reading_is_logged_without_what_was_read(api):
    """One record a request: which route, whose token, what status."""
    api.post(shutdown(1))
    api.get("/events", "kind=conversation&subject=c1")

    record = api.records()[-1]

    assert ("read", "GET /events", "reader", 200) == (
        record["message"],
        record["route"],
        record["label"],
        record["status"],
    )
    assert "c1" not in json.dumps({**record, "request_id": ""})


def test_the_command_line_reads_without_a_token(api):
    """A reader with AWS credentials needs no token of ours."""
    from tavus_callbacks.handlers import read
    from tavus_callbacks_cli.local_stack.http.payload import Request, make_event
    from tavus_callbacks_cli.local_stack.http.routes import match_route

    api.post(shutdown(1))
    event = make_event(Request("GET", b"/events"), *match_route(api.routes, "GET", "/events"))

    result = read.resolve(event, None)

    assert (200, 1) == (result["statusCode"], len(json.loads(result["body"])["events"]))


def test_a_page_of_bodies_is_bounded_for_the_worst_case():
    """With one more body a page fits into 6 MB, though each byte became seven."""
    assert (event_pages.PAGE_BYTES + event_pages.LIST_BODY_LIMIT) * 7 < 6 * 1024 * 1024
