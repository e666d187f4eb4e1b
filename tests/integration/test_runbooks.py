"""`GET /runbooks/{alarm}`: the link in an alarm's mail answers, for anybody."""

import pytest

from tavus_callbacks_cli.local_stack.template.template import load_template
from templates import ROOT


def test_the_link_of_every_alarm_answers_its_runbook(api):
    """Text without a token: the alarm's own section, and the commands that it uses."""
    template = load_template(
        ROOT / "template.yaml",
        {"AlarmEmail": "a@example.com", "SilenceHours": "6", "PushUrl": "https://a.example.com"},
    )

    for alarm in template.of_type("AWS::CloudWatch::Alarm"):
        path = "/runbooks/" + alarm.properties["AlarmDescription"].rpartition("/runbooks/")[2]
        answer = api.get(path, token="")

        assert (200, "text/plain; charset=utf-8") == (answer.status, answer.headers["content-type"])
        text = answer.body.decode()
        assert text.startswith(f"{alarm.logical_id}\n\nSeverity: ")
        assert 1 == text.count("Severity: ")
        assert "logs() {" in text


def test_an_unknown_alarm_is_404_and_lists_the_alarms(api):
    """A link of an older version leads on."""
    answer = api.get("/runbooks/SpillAgeAlarm", token="")

    assert 404 == answer.status
    assert "SpillWaitsAlarm" in answer.value["detail"]


@pytest.mark.parametrize(
    "path", ["/runbooks", "/runbooks/", "/runbooks/a/b", "/runbooks/../events", "/events"]
)
def test_no_other_path_is_public(api, path):
    """Only the runbooks need no token; what lies beside them is refused or not there."""
    answer = api.get(path, token="")

    assert answer.status in (401, 404)
    assert b"Severity" not in answer.body
    assert b'"events"' not in answer.body
