"""Bad input and bad answers: each shows a sentence and a way on, and filters and position stay."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import console_corpus as corpus_of
import pytest
from browsing import TIMEOUT, console_of, expect, ready, visiting

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import new_token
from tavus_callbacks_cli.targets.aws_stack import local_deployment
from tavus_callbacks_cli.targets.choose import UrlTarget
from tavus_callbacks_cli.tokens import create_token, revoke_token

pytestmark = pytest.mark.more

FILTERED = "#/conversations?missing=recording&status=ended"
CONVERSATION = f"#/conversations/{corpus_of.PLANTED}"
PAGES = ("#/conversations", "#/events", "#/resources", "#/stats", "#/problems", "#/quarantine", "#/try")
READ = "**/console/read/**"
PROBLEMS = {
    429: ("Too Many Requests", {"retry-after": "60"}),
    503: ("Service Unavailable", {"retry-after": "60"}),
}
# A status of a recording, with words of the sentence that explains it.
RECORDINGS = {
    "pending": "has not arrived yet",
    "missing": "not in the bucket",
    "failed": "could not",
    "other_bucket": "not the bucket of this stack",
    "other_provider": "Google Cloud Storage",
    "other_conversation": "of another conversation",
    None: "has no recording",
}


def refuse(page, status: int) -> None:
    """Let every answer of the read API be a refusal."""
    title, headers = PROBLEMS[status]
    problem = {"type": "about:blank", "title": title, "status": status, "detail": f"{title}."}
    page.route(
        "**/console/{read,problems,scenarios}{,/**}",
        lambda route: route.fulfill(
            status=status, headers=headers, json=problem, content_type="application/problem+json"
        ),
    )


def assert_says(page, words: str = "") -> None:
    """Assert that a sentence is shown, with a way on."""
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text(words)
    assert alert.locator("h2").inner_text()
    assert len(alert.locator("p").first.inner_text()) > 10
    assert alert.get_by_role("button").or_(alert.get_by_role("link")).first.is_visible()


@pytest.mark.parametrize("status", PROBLEMS)
def test_every_page_explains_a_refusal(status, visitor):
    """429 and 503: no page is empty, and every one has a way on."""
    page = visitor.blank()
    refuse(page, status)
    for fragment in (*PAGES, CONVERSATION):
        page.goto(f"{visitor.site.origin}/#/nowhere")
        page.get_by_role("heading", name="No such page").wait_for()
        page.goto(f"{visitor.site.origin}/{fragment}")
        assert_says(page)


@pytest.mark.parametrize("status", PROBLEMS)
def test_filters_and_position_stay_after_a_refusal(status, visitor):
    """The address keeps the filters, rows that were loaded stay, and the button continues from there."""
    page = ready(visitor.open("#/conversations?status=ended"))
    before = page.locator("main tbody tr").count()
    address = page.url
    refuse(page, status)
    page.get_by_role("button", name="Show more").click()
    assert_says(page)

    assert before == page.locator("main tbody tr").count()
    assert address == page.url
    page.unroute_all()
    page.get_by_role("button", name="Try again").first.click()
    expect(page.locator("main tbody tr").nth(before)).to_be_attached()
    assert "ended" == page.locator("select[name=status]").input_value()


def test_what_a_person_opens_does_not_wait_after_a_429(visitor):
    """Only what the page asks by itself waits for the 60 seconds that the answer names."""
    page = ready(visitor.open(CONVERSATION))
    refuse(page, 429)
    page.get_by_role("tab", name="Events").click()
    assert_says(page, "limits how often")
    page.unroute_all()

    page.get_by_role("tab", name="Timeline").click()
    page.get_by_role("heading", name="Callbacks").wait_for()


def test_without_a_network_the_page_says_so(visitor):
    """The server does not answer: the open list keeps its rows, and a conversation says what to do."""
    page = ready(visitor.open(FILTERED))
    page.route("**/console/read/**", lambda route: route.abort())
    page.goto(f"{visitor.site.origin}/{CONVERSATION}")
    assert_says(page, "does not answer")

    page.unroute_all()
    page.get_by_role("button", name="Try again").first.click()
    page.locator(".turn").first.wait_for()


@pytest.mark.parametrize("fragment", ["#key=wrong", "#key=", f"#key=wrong{FILTERED}", ""])
def test_without_the_key_the_page_says_where_it_is(fragment, browser, console):
    """A wrong key, an empty one and none: the way on is the printed address, or a field for it."""
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    page.goto(f"{console.origin}/{fragment}")

    assert_says(page, "tavus-callbacks local")
    assert "key=" not in page.url
    page.get_by_placeholder("key=").fill(console.address)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{console.origin}/{FILTERED if FILTERED in fragment else '#/conversations'}")
    page.locator("main h1").wait_for()
    context.close()


def test_the_field_for_the_key_keeps_what_is_typed(browser, console):
    """An open page whose session ended asks again and again; the notice above it stays the same element."""
    with visiting(browser, console) as visitor:
        page = ready(visitor.open())
        visitor.context.clear_cookies()
        page.evaluate("dispatchEvent(new Event('online'))")
        field = page.get_by_placeholder("key=")
        field.fill("half a key")
        page.wait_for_event("response", lambda answer: answer.url.endswith("/console/config"))
        page.wait_for_timeout(200)

        expect(field).to_have_value("half a key")


@contextmanager
def url_console(browser, corpus, token: str):
    """Open the console of the stack's URL with a token."""
    target = UrlTarget(corpus.stack.api_url, {"TAVUS_CALLBACKS_READ_TOKEN": token})
    with console_of(target, corpus.stack) as site, visiting(browser, site) as visitor:
        yield visitor
        assert [] == visitor.faults


def test_a_token_that_expires_while_the_page_is_open(browser, corpus):
    """Rows and filters stay; the next question says that the token was refused, and how to make another."""
    table = local_deployment(corpus.stack, ()).tables.tokens
    ends = datetime.now(UTC) + timedelta(seconds=6)
    token = create_token(table, label="ends", scope="read", now=datetime.now(UTC), expires_at=iso(ends))
    with url_console(browser, corpus, token) as visitor:
        page = ready(visitor.open("#/conversations?status=ended"))
        rows = page.locator("main tbody tr").count()
        page.wait_for_timeout(max(0, (ends - datetime.now(UTC)).total_seconds() * 1000))
        page.get_by_role("button", name="Show more").click()

        assert_says(page, "token create")
        assert rows == page.locator("main tbody tr").count()
        assert "ended" == page.locator("select[name=status]").input_value()


def test_a_token_that_was_never_good(browser, corpus):
    """Revoked, unknown, of another scope: the sentence names the variable and the command for another."""
    table = local_deployment(corpus.stack, ()).tables.tokens
    now = datetime.now(UTC)
    revoked = create_token(table, label="revoked", scope="read", now=now)
    revoke_token(table, label="revoked", now=now)
    for token in (revoked, new_token(), corpus.stack.quarantine_token):
        with url_console(browser, corpus, token) as visitor:
            page = visitor.open()
            assert_says(page, "TAVUS_CALLBACKS_READ_TOKEN")
            page.goto(f"{visitor.site.origin}/{CONVERSATION}")
            assert_says(page, "token create")


@pytest.mark.parametrize("status", RECORDINGS)
def test_a_recording_that_does_not_play_says_why(status, visitor):
    """Pending, missing, failed, elsewhere, of another conversation, or none: a sentence and a button."""
    page = visitor.blank()
    recording = {
        "recording_id": "1", "conversation_id": "x", "status": status, "key": "tavus/x/1", "bucket": "b",
        "provider": "gcs", "message": None, "explanation": None, "duration": None, "started_at": None,
        "offset": None, "received_at": "2026-11-29T12:00:00Z", "issues": [], "announced": True,
    }  # fmt: skip

    def change(route):
        conversation = corpus_of.read(visitor.site.stack, CONVERSATION[1:])
        route.fulfill(json={**conversation, "recordings": [recording] if status else []})

    page.route(f"{READ[:-1]}conversations/{corpus_of.PLANTED}", change)
    page.goto(f"{visitor.site.origin}/{CONVERSATION}")

    stage = ready(page).locator(".stage")
    expect(stage).to_contain_text(RECORDINGS[status])
    stage.get_by_role("button").first.wait_for()
    assert 0 == stage.get_by_role("button", name="Play").count()


def test_an_archived_recording_says_so_when_it_is_played(visitor, corpus):
    """The API refuses its link with a sentence; the page shows it, with a way on."""
    id_ = corpus.recorded["7.5 s after"]
    page = ready(visitor.open(f"#/conversations/{id_}"))
    problem = {"title": "Archived", "status": 409, "detail": "The recording is archived. Restore it first."}
    page.route(
        "**/recordings/*",
        lambda route: route.fulfill(status=409, json=problem, content_type="application/problem+json"),
    )
    page.get_by_role("button", name="Play the recording").click()

    assert_says(page, "archived")


def test_a_transcript_without_times_is_shown(visitor, corpus):
    """It is read, cannot be played, and says why."""
    at = datetime.now(UTC)
    turns = [{"role": "user", "content": f"Untimed {number}"} for number in range(3)]
    event = corpus_of.conversation_event("untimed", "application.transcription_ready", at, transcript=turns)
    corpus_of.post(corpus.stack, event)
    page = ready(visitor.open("#/conversations/untimed"))

    assert 3 == page.locator(".turn").count()
    page.get_by_text("no times").first.wait_for()


@pytest.mark.parametrize("id_", ["no-such-id", "a%2Fb", "..", "%F0%9F%98%80", "x" * 400])
def test_an_unknown_id_has_a_way_on(id_, visitor):
    """The page names the id that it does not know, and links elsewhere."""
    page = ready(visitor.open(f"#/conversations/{id_}"))

    page.get_by_role("heading", name="No such conversation").wait_for()
    page.locator("main").get_by_role("link", name="All conversations").wait_for()
    assert 1 == page.locator("main h1").count()


@pytest.mark.parametrize(
    "query", ["cursor=nonsense", "since=yesterday", "tag=no-colon", "until=2h&since=1h", "status=no-such"]
)
def test_a_filter_that_the_api_refuses_is_explained(query, visitor):
    """The sentence of the API is shown and the filters stay, so that they can be put right."""
    page = ready(visitor.open(f"#/conversations?{query}"))

    assert page.locator("main .notice, main tbody tr").first.is_visible()
    name, _, value = query.partition("&")[0].partition("=")
    assert name in page.url
    assert name == "cursor" or value in page.locator(".chips").inner_text()
