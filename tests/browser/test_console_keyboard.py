"""The console by keyboard alone."""

import pytest
from browsing import ready

pytestmark = pytest.mark.more

FOCUS = "document.activeElement.getAttribute('href') ?? document.activeElement.className"


def test_from_the_list_to_a_playing_turn_and_back(visitor, corpus):
    """Rows by `j`, a turn by Tab and arrows, play by Enter, back to the same row by Escape."""
    page = ready(visitor.open("#/conversations?tag=simulated%3Atrue"))
    page.keyboard.press("j")
    for _ in range(20):
        href = page.evaluate(FOCUS)
        if href.endswith(f"/{corpus.recorded['7.5 s after']}"):
            break
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator(".turn").first.wait_for()

    for _ in range(40):
        if page.evaluate("document.activeElement.matches('.turn .at')"):
            break
        page.keyboard.press("Tab")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("video").wait_for()
    page.locator(".turn[aria-current]").wait_for()
    assert page.locator(".turn[aria-current]").evaluate("(turn) => turn.contains(document.activeElement)")

    page.keyboard.press("Escape")
    page.locator("main tbody tr").first.wait_for()
    assert page.url.endswith("#/conversations?tag=simulated%3Atrue")
    assert href == page.evaluate(FOCUS)


def test_keys_do_nothing_while_a_field_has_the_focus(visitor):
    """Letters are typed; Escape leaves the field."""
    page = ready(visitor.open())
    page.keyboard.press("g")
    page.keyboard.type("jk?/")

    assert "jk?/" == page.locator("input[name=id]").input_value()
    assert 0 == page.locator("dialog").count()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert "status" == page.evaluate("document.activeElement.name")


def test_the_list_comes_back_as_it_was(visitor):
    """Going back restores filters, the rows that were loaded, the scroll position and the focus."""
    page = ready(visitor.open("#/conversations?status=ended"))
    page.get_by_role("button", name="Show more").click()
    row = page.get_by_role("link", name="planted-00060", exact=True)
    row.scroll_into_view_if_needed()
    before = page.evaluate("scrollY"), page.locator("main tbody tr").count()
    assert before[0] > 500
    row.click()
    ready(page).locator(".turn").first.wait_for()
    page.go_back()
    row.wait_for()

    assert before == (page.evaluate("scrollY"), page.locator("main tbody tr").count())
    assert "ended" == page.locator("select[name=status]").input_value()
    assert row.evaluate("(link) => link === document.activeElement")
