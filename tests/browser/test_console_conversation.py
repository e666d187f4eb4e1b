"""The page of a conversation: facts, timeline and events beside the player, and changes while it is open."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import console_corpus as corpus_of
import pytest
from browsing import expect, ready
from click.testing import CliRunner

from tavus_callbacks_cli.main import main

pytestmark = pytest.mark.more

EVENTS, FIRST_PAGE = 52, 50
# An event whose body is close to 256 KB, above which a list leaves it out.
ROWS = 3_000
OPENED = 0.5


def send(corpus, id_: str, event_type: str, seconds: float, **properties) -> str:
    """Send a callback of some seconds ago, and return the id of its event."""
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    event = corpus_of.conversation_event(id_, event_type, at, **properties)
    return corpus_of.post(corpus.stack, event)["event_id"]


def test_the_timeline_plays_from_a_turn_by_keyboard(visitor, corpus):
    """Enter on a turn plays it, 7.5 s earlier in the video; the picture above the list has a mark there."""
    id_ = corpus.recorded["7.5 s after"]
    page = ready(visitor.open(f"#/conversations/{id_}?tab=timeline"))
    page.locator(".point", has_text="Lovely. Is Bruno a dog?").last.get_by_role("button").focus()
    page.keyboard.press("Enter")

    time_of_turn = 20.6 - 7.5
    video = page.locator(".stage video")
    expect(video).to_have_js_property("paused", value=False)
    at = video.evaluate("(video) => video.currentTime")
    assert time_of_turn - 0.2 <= at <= time_of_turn + 5
    expect(page.locator(".strip .head")).to_have_attribute("width", "2")


def test_a_point_outside_the_recording_says_so(visitor, corpus):
    """The joining is before the recording: a sentence says so, and nothing plays."""
    id_ = corpus.recorded["7.5 s after"]
    page = ready(visitor.open(f"#/conversations/{id_}?tab=timeline"))
    page.locator(".point", has_text="Replica joined").get_by_role("button").click()

    page.get_by_role("status").get_by_text("not in the recording").wait_for()
    assert 0 == page.locator("video").count()


def test_an_event_has_an_address_and_the_video_goes_on(visitor, corpus):
    """A link in the timeline opens the event; a reload opens it again, going back leads to the timeline."""
    id_ = corpus.recorded["7.5 s after"]
    page = ready(visitor.open(f"#/conversations/{id_}?tab=timeline"))
    page.get_by_role("button", name="Play the recording").click()
    page.locator("video").evaluate("(video) => { video.mark = 'same'; }")
    page.get_by_role("link", name="system.shutdown").click()

    opened = page.locator(".event[open]").filter(has_text="participant_left_timeout")
    opened.wait_for()
    assert "same" == page.locator("video").evaluate("(video) => video.mark")
    page.reload()
    opened.wait_for()
    page.go_back()
    page.get_by_role("tab", name="Timeline", selected=True).wait_for()


def test_new_callbacks_wait_while_the_facts_change(visitor, corpus):
    """The status changes by itself; the open event stays open until the button shows the new events."""
    id_ = f"growing-{time.time_ns()}"
    send(corpus, id_, "system.replica_joined", 60, replica_id="r1")
    page = ready(visitor.open(f"#/conversations/{id_}?tab=events"))
    page.locator(".event > summary").click()
    page.locator(".head .badge", has_text="active").wait_for()
    send(corpus, id_, "conversation.objective.completed", 20, objective_name="o1", output_variables={"a": 1})
    send(corpus, id_, "system.shutdown", 10, replica_id="r1", shutdown_reason="max_call_duration")

    page.locator(".head .badge", has_text="ended").wait_for()
    page.locator(".facts").filter(has_text="o1").first.wait_for()
    assert 1 == page.locator(".event").count()
    page.get_by_role("button", name="New callbacks").click()
    page.locator(".event").nth(2).wait_for()
    assert 1 == page.locator(".event[open]").count()


def test_events_come_page_by_page_and_a_link_finds_a_late_one(visitor, corpus):
    """The first 50, then the rest; an address with the id of the last event opens it at once."""
    id_ = f"events-{time.time_ns()}"
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda age: send(corpus, id_, "conversation.note", age, n=age), range(EVENTS)))
    page = ready(visitor.open(f"#/conversations/{id_}?tab=events"))

    assert page.locator(".event").count() == FIRST_PAGE
    page.get_by_role("button", name="Show more").click()
    page.locator(".event").nth(EVENTS - 1).wait_for()
    page = ready(visitor.open(f"#/conversations/{id_}?tab=events&event={ids[0]}"))
    expect(page.locator(".event[open]")).to_contain_text(ids[0])
    expect(page.locator(".event[open]")).to_be_in_viewport()


def test_an_event_shows_issues_variants_and_its_command(visitor, corpus):
    """An issue in plain words, the other content, and the command for this target."""
    id_ = f"variant-{time.time_ns()}"
    at = datetime.now(UTC)
    for reason in ("first", "second"):
        event = corpus_of.conversation_event(id_, "system.shutdown", at, shutdown_reason=reason)
        corpus_of.post(corpus.stack, {**event, "novelty": 1})
    page = ready(visitor.open(f"#/conversations/{id_}?tab=events"))
    page.locator(".event > summary").click()

    page.get_by_text("No model describes this member. It is stored as sent.").first.wait_for()
    page.locator(".variant > summary", has_text="Other content 1, received").click()
    page.locator(".variant").get_by_text("second").wait_for()
    command = page.locator(".event .command code").first.inner_text()
    assert command.startswith(f"tavus-callbacks show conversation.{id_}.")
    assert command.endswith(f"--local --port {corpus.stack.api_url.rpartition(':')[2]}")


def test_a_body_of_256_kb_opens_at_once(visitor, corpus):
    """Lists show 200 items and long texts their beginning, until somebody asks for the rest."""
    id_ = f"large-{time.time_ns()}"
    rows = [{"i": number, "text": "a row of a large body"} for number in range(ROWS)]
    send(corpus, id_, "conversation.large", 5, rows=rows, text="long " * 20_000)
    page = ready(visitor.open(f"#/conversations/{id_}?tab=events"))
    began = time.monotonic()
    page.locator(".event > summary").click()
    page.get_by_role("button", name="Show all 100,000 characters").wait_for()
    took = time.monotonic() - began

    page.locator(".tree summary", has_text="rows").click()
    page.get_by_role("button", name="Show more (2,800 left)").click()
    page.get_by_role("button", name="Show more (2,600 left)").wait_for()
    assert took < OPENED


def test_an_erased_conversation_has_a_way_on(visitor, corpus):
    """The page says that it may be erased, and has the command that looks for the id."""
    id_ = f"erased-{time.time_ns()}"
    send(corpus, id_, "system.replica_joined", 60, replica_id="r1")
    port = corpus.stack.api_url.rpartition(":")[2]
    result = CliRunner().invoke(main, ["erase", "conversation", id_, "--yes", "--local", "--port", port])
    assert 0 == result.exit_code, result.output
    page = ready(visitor.open(f"#/conversations/{id_}"))

    page.get_by_text("or it was erased.").wait_for()
    assert id_ == page.locator("h1").inner_text()
    assert f"tavus-callbacks show {id_} --local --port {port}" == page.locator(".command code").inner_text()
