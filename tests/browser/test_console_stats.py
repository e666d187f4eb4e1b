"""The page Stats: it adds up what the API adds up, leads to the conversations, and keeps its filters."""

import csv
from io import StringIO

import console_corpus as corpus_of
import pytest
from browsing import ready

pytestmark = pytest.mark.more

# A few of the conversations; the store finds them by their tag.
FEW = "tag=simulated%3Atrue"
ANSWER = f"async () => (await fetch('/console/read/stats?{FEW}')).json()"


def test_the_csv_of_the_page_has_the_sums_of_the_api(visitor):
    """One row a group, one column a member; the policy of the page lets the download through."""
    page = ready(visitor.open(f"#/stats?{FEW}"))
    groups = page.evaluate(ANSWER)["groups"]

    with page.expect_download() as download:
        page.get_by_role("button", name="Conversations by day (UTC): CSV").click()

    rows = list(csv.DictReader(StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert [group["group"] for group in groups] == [row["group"] for row in rows]
    sums = [(row["conversations"], row["user_words"], row["missing_transcript"]) for row in rows]
    assert [
        tuple(str(group[name]) for name in ("conversations", "user_words", "missing_transcript"))
        for group in groups
    ] == sums


def test_a_bar_leads_to_its_conversations(visitor, corpus):
    """A missing part and a day are filters of the list; a table has the links of a picture."""
    corpus_of.simulate(corpus.stack, "copy-failed")
    page = ready(visitor.open(f"#/stats?{FEW}"))
    missing = page.locator("figure", has_text="Missing parts").locator("a").first
    part = missing.inner_text()
    missing.click()
    page.wait_for_url(f"**/#/conversations?{FEW}&since=30d&missing={part}")

    page.go_back()
    page.locator("figure").first.get_by_text("Table").click()
    page.locator("figure").first.locator("tbody a").first.click()
    page.wait_for_url(f"**/#/conversations?{FEW}&since=*T00%3A00%3A00Z&until=*")
    page.locator("main tbody a").first.wait_for()


def test_a_filter_keeps_the_focus_and_goes_back(visitor):
    """A chosen filter is in the address, the field keeps the focus, and Back restores the page before."""
    page = ready(visitor.open(f"#/stats?{FEW}"))
    field = page.get_by_label("Simulated")
    field.focus()
    field.select_option("true")
    page.get_by_text("Only simulated conversations are counted.").wait_for()
    assert page.url.endswith(f"#/stats?{FEW}&simulated=true")
    assert "simulated" == page.evaluate("document.activeElement.name")

    page.get_by_label("Group by a tag").fill("plan")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Conversations by tag:plan").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Conversations by day (UTC)").wait_for()
    assert "true" == page.get_by_label("Simulated").input_value()


def test_a_limit_that_was_reached_is_said(visitor):
    """The page says how far back it looked, and has the command that looks at everything."""
    page = ready(visitor.open("#/events"))
    answer = {
        **page.evaluate(ANSWER),
        "limit_reached": True,
        "looked_until": "2026-11-12T10:00:00.000000Z",
    }
    page.route("**/console/read/stats*", lambda route: route.fulfill(json=answer))
    page.goto(f"{visitor.site.origin}/#/stats?since=90d&{FEW}")

    page.get_by_text("This is not all.").wait_for()
    assert "back to 2026-11-12" in page.locator(".left-out").inner_text()
    assert "stats --since 90d --tag simulated:true --simulated --local" in page.locator(".foot").inner_text()


def test_a_refusal_keeps_the_filters(visitor):
    """The sentence of the API is shown below the filters, which can be corrected."""
    page = ready(visitor.open("#/stats?tag=simulated&since=7d"))

    page.get_by_role("alert").get_by_text("tag").first.wait_for()
    assert ("simulated", "7d") == tuple(
        page.get_by_label(name, exact=True).input_value() for name in ("Tag", "Since")
    )
    page.get_by_label("Tag", exact=True).fill("simulated:true")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Conversations by day (UTC)").wait_for()


def test_a_span_without_conversations_has_a_way_on(visitor):
    """No plot is empty: the page says that nothing matches, and a link shows all, grouped as before."""
    page = ready(visitor.open("#/stats?label=nobody&by=end-reason"))

    page.get_by_role("link", name="Show the last 365 days").click()
    page.wait_for_url("**/#/stats?by=end-reason&since=365d")
    page.locator(".bars li").first.wait_for()
