"""The page Try: what is sent, what the receiver answers, and the way to the result."""

import json

import pytest
from browsing import ready

pytestmark = pytest.mark.more


def send(page, form: str):
    """Press the button of a form, and return what is shown about this sending."""
    page.locator("form", has_text=form).get_by_role("button", name="Send", exact=True).click()
    run = page.locator(".run").first
    run.locator("ol li").first.wait_for()
    return run


def test_a_scenario_leads_to_its_conversation(visitor):
    """Every callback has its answer, and the link opens the conversation that was sent."""
    page = ready(visitor.open("#/try"))
    page.get_by_label("Scenario", exact=True).select_option("conversation")
    assert page.url.endswith("#/try?scenario=conversation")

    run = send(page, "Send a scenario")

    assert 6 == run.locator("ol > li").count()
    assert {"200 stored"} == set(run.locator("ol .badge").all_inner_texts())
    page.get_by_text("6 sent.").wait_for()
    run.get_by_role("link", name="csim").click()
    page.get_by_text("participant left", exact=False).first.wait_for()


def test_a_body_that_is_no_json_is_explained_and_can_be_sent(visitor):
    """The line is named while one types; the receiver quarantines the body, and the link opens the entry."""
    page = ready(visitor.open("#/try"))
    page.get_by_label("Body", exact=True).fill('{\n  "event_type": "system.shutdown",\n}')
    page.get_by_role("status").get_by_text("line 3 column 1").wait_for()

    run = send(page, "Send a body")

    assert "400 quarantined" == run.locator(".badge").inner_text()
    assert "The body is not JSON" in run.inner_text()
    run.get_by_role("link", name="Open it in the quarantine").click()
    page.locator("main").get_by_text('"event_type": "system.shutdown",').first.wait_for()


def test_a_body_is_sent_as_typed(visitor):
    """Unknown members are explained, the same event again is a duplicate, its conversation is simulated."""
    page = ready(visitor.open("#/try"))
    body = page.get_by_label("Body", exact=True)
    content = {**json.loads(body.input_value()), "favourite": "green"}
    body.fill(json.dumps(content))

    first = send(page, "Send a body").inner_text()
    page.locator("form", has_text="Send a body").get_by_role("button", name="Send", exact=True).click()
    page.locator(".run .badge", has_text="200 duplicate").wait_for()

    assert "200 stored" in first
    assert "unknown_property:favourite" in first
    page.locator(".run").first.get_by_role("link", name=content["conversation_id"]).click()
    page.locator(".head .badge", has_text="simulated").wait_for()


def test_an_edited_body_is_kept_in_the_address(visitor):
    """A reload shows the same scenario and body."""
    page = ready(visitor.open("#/try?scenario=video"))
    page.get_by_label("Body", exact=True).fill('{"edited": "مكالمة"}')
    page.get_by_label("Scenario", exact=True).focus()

    page.reload()

    ready(page)
    assert '{"edited": "مكالمة"}' == page.get_by_label("Body", exact=True).input_value()
    assert "video" == page.get_by_label("Scenario", exact=True).input_value()


def test_a_sending_without_an_answer_can_be_repeated(visitor):
    """The page says that the stack does not answer, and sends the same again."""
    page = ready(visitor.open("#/try"))
    page.route("**/console/actions/send", lambda route: route.abort())
    page.locator("form", has_text="Send a body").get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("alert").wait_for()

    page.unroute("**/console/actions/send")
    page.get_by_role("button", name="Try again").click()
    page.locator(".run .badge", has_text="200 stored").wait_for()
    assert 1 == page.locator(".run").count()
