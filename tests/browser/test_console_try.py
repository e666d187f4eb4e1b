"""The page Try: what is sent, what the receiver answers, and the way to the result."""

import json

import pytest

from conftest import ready

pytestmark = pytest.mark.more

# Texts that a browser must read as the page does, wrong ones among them.
TEXTS = [
    *("", "{", "[1,]", '{"a": 1,}', '{"a" 1}', "{'a': 1}", '{"a": 1\n "b": 2}', '{"a": "x\n"}', '{"a": NaN}'),
    *("01", "{} x", '{"a": 1]', "truex", '{"a": "\\x"}', '"\\ud83d"', " [1, {}, [], -1.5e3, null] ", "[1 2]"),
]
COMPARE = """async (texts) => {
  const {jsonProblem} = await import('/console/json.js');
  const isJson = (text) => { try { JSON.parse(text); return true; } catch { return false; } };
  return texts.filter((text) => isJson(text) !== (jsonProblem(text) === null));
}"""


def send(page, form: str):
    """Press the button of a form, and return what is shown about this sending."""
    page.locator("form", has_text=form).get_by_role("button", name="Send", exact=True).click()
    run = page.locator(".run").first
    run.locator("ol li").first.wait_for()
    return run


def test_a_scenario_leads_to_its_conversation(visitor):
    """Every callback has its answer, and the link opens the conversation that was sent."""
    page = ready(visitor.open("#/try"))
    page.get_by_role("radio", name="conversation 6").check()
    assert page.url.partition("?")[2].count("scenario=conversation") == 1

    run = send(page, "Send a scenario")

    assert 6 == run.locator("ol > li").count()
    assert {"200 stored"} == set(run.locator("ol .badge").all_inner_texts())
    page.get_by_text("6 sent: 6 stored.").wait_for()
    run.get_by_role("link", name="csim").click()
    page.get_by_text("participant left", exact=False).first.wait_for()


def test_a_body_that_is_no_json_is_explained_and_can_be_sent(visitor):
    """The line is named while one types; the receiver quarantines the body, and the link opens the entry."""
    page = ready(visitor.open("#/try"))
    page.get_by_label("Body", exact=True).fill('{\n  "event_type": "system.shutdown",\n}')
    page.get_by_role("button", name="Line 3, column 1").click()
    selection = "text => [text.selectionStart, text.selectionEnd]"
    assert [37, 38] == page.get_by_label("Body", exact=True).evaluate(selection)

    run = send(page, "Send a body")

    assert "400 quarantined" == run.locator(".badge").inner_text()
    assert "The body is not JSON" in run.inner_text()
    run.get_by_role("link", name="Open it in the quarantine").click()
    page.locator("main").get_by_text('"event_type": "system.shutdown",').first.wait_for()


def test_a_body_is_sent_as_typed_with_tags(visitor):
    """The second sending of the same event is a duplicate; unknown members are explained."""
    page = ready(visitor.open("#/try"))
    body = page.get_by_label("Body", exact=True)
    content = {**json.loads(body.input_value()), "favourite": "green"}
    body.fill(json.dumps(content))
    page.get_by_label("Tags", exact=True).fill("user:4711, plan:pro")

    first = send(page, "Send a body").inner_text()
    page.get_by_text("1 sent: 1 stored.").wait_for()
    page.locator("form", has_text="Send a body").get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("1 sent: 1 duplicate.").wait_for()

    assert "unknown_property:favourite" in first
    page.locator(".run").first.get_by_role("link", name=content["conversation_id"]).click()
    page.locator("main .tag", has_text="plan:pro").first.wait_for()


def test_an_edited_body_is_kept_in_the_address(visitor):
    """A reload shows the same scenario, body and tags."""
    page = ready(visitor.open("#/try?scenario=video&tags=user%3A1"))
    page.get_by_label("Body", exact=True).fill('{"edited": "مكالمة"}')
    page.get_by_label("Tags", exact=True).focus()

    page.reload()

    ready(page)
    assert '{"edited": "مكالمة"}' == page.get_by_label("Body", exact=True).input_value()
    assert "user:1" == page.get_by_label("Tags", exact=True).input_value()
    assert page.get_by_role("radio", name="video 1").is_checked()


def test_a_tag_without_a_value_is_not_sent(visitor):
    """The field says how a tag is written, and nothing is sent."""
    page = ready(visitor.open("#/try"))
    page.get_by_label("Tags", exact=True).fill("user")
    page.locator("form", has_text="Send a body").get_by_role("button", name="Send", exact=True).click()

    message = page.get_by_label("Tags", exact=True).evaluate("field => field.validationMessage")
    assert "Write tags as name:value, separated by commas." == message
    assert 0 == page.locator(".run").count()


def test_a_sending_without_an_answer_can_be_repeated(visitor):
    """The page says that the stack does not answer, and sends the same again."""
    page = ready(visitor.open("#/try"))
    page.route("**/console/actions/send", lambda route: route.abort())
    page.locator("form", has_text="Send a body").get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("alert").wait_for()

    page.unroute("**/console/actions/send")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("1 sent: 1 stored.").wait_for()
    assert 1 == page.locator(".run").count()


def test_the_page_and_the_browser_agree_about_json(visitor):
    """The page finds a fault exactly where JSON.parse finds one."""
    page = ready(visitor.open("#/try"))

    assert [] == page.evaluate(COMPARE, TEXTS)
