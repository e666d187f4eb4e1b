"""Operating a deployed stack: pausing, drift and alarms; AWS is a fake with state, or moto."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from fake_target import FakeTarget
from moto import mock_aws

from tavus_callbacks_cli.doctor import alarms as checks
from tavus_callbacks_cli.local_stack.template.template import load_template
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations import alarms, pause, problems
from tavus_callbacks_cli.targets import aws_stack
from tavus_callbacks_cli.targets.aws_stack import Deployment

REGION = "eu-west-1"
MAPPING, FUNCTION, ALARM, RULE = (
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::CloudWatch::Alarm",
    "AWS::Events::Rule",
)
# The resources that a pause stops.
STOPPED = ["ProjectFunctionKept", "DrainFunctionSpilled", "PushFunctionTold", "WatchFunctionSchedule"]


class Lambda:
    """Lambda's and EventBridge's control plane: mappings and rules that are on or off, and a reservation."""

    def __init__(self) -> None:
        """Begin as after a deployment."""
        self.is_on = {"uuid-1": True, "uuid-2": True, "uuid-3": True, "stack-watch": True, "stack-s3": True}
        self.reserved: int | None = None

    def get_event_source_mapping(self, *, UUID: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Answer as AWS does."""
        return {"UUID": UUID, "State": "Enabled" if self.is_on[UUID] else "Disabled"}

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> None:  # noqa: N803 - AWS's names
        """Switch one."""
        self.is_on[UUID] = Enabled

    def describe_rule(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Answer as EventBridge does."""
        return {"Name": Name, "State": "ENABLED" if self.is_on[Name] else "DISABLED"}

    def enable_rule(self, *, Name: str) -> None:  # noqa: N803 - AWS's name
        """Switch one on."""
        self.is_on[Name] = True

    def disable_rule(self, *, Name: str) -> None:  # noqa: N803 - AWS's name
        """Switch one off."""
        self.is_on[Name] = False

    def get_function_concurrency(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Answer without the member where nothing is reserved."""
        assert FunctionName == "stack-receive"
        return {} if self.reserved is None else {"ReservedConcurrentExecutions": self.reserved}

    def put_function_concurrency(self, **given: Any) -> None:
        """Reserve."""
        self.reserved = given["ReservedConcurrentExecutions"]

    def delete_function_concurrency(self, **_: Any) -> None:
        """Reserve nothing any more."""
        self.reserved = None


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    """Let `--stack` open a stack whose Lambda is the fake."""
    fake = Lambda()
    resources = {
        (MAPPING, "ProjectFunctionKept"): "uuid-1",
        (MAPPING, "DrainFunctionSpilled"): "uuid-2",
        (MAPPING, "PushFunctionTold"): "uuid-3",
        (RULE, "WatchFunctionSchedule"): "stack-watch",
        (RULE, "ResolveFunctionChanged"): "stack-s3",
        (RULE, "PushRule"): "stack|stack-push",
        (FUNCTION, "ReceiveFunction"): "stack-receive",
    }
    opened = Deployment(
        SimpleNamespace(client=lambda *_, **__: fake),  # type: ignore[arg-type]
        {},
        ("--stack", "tcb", "--region", "eu-west-1"),
        resources=lambda: resources,
    )
    monkeypatch.setattr(aws_stack, "aws_deployment", lambda *_: opened)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return fake


def run(*arguments: str, **options: Any) -> Result:
    """Run a command on the stack."""
    return CliRunner().invoke(main, [*arguments, "--stack", "tcb"], **options)


def test_pause_stops_what_works_on_events_and_says_what_is_lost(aws: Lambda) -> None:
    """Callbacks are still stored, and a note says for how long nothing is lost."""
    result = run("pause", "--json")

    assert 0 == result.exit_code, result.output
    expected = {"paused": STOPPED, "receiving": True}
    assert expected == json.loads(result.stdout)
    assert ["stack-s3"] == [name for name, is_on in aws.is_on.items() if is_on]
    assert aws.reserved is None
    for word in ("still stored", "24 hours", "14 days", "4 days", "tavus-callbacks resume --stack tcb"):
        assert word in result.stderr


def test_pausing_the_receiver_is_asked_about_first(aws: Lambda) -> None:
    """Without a yes nothing is stopped, because Tavus's callbacks would be lost."""
    refused = run("pause", "--receiving", input="n\n")
    assert 1 == refused.exit_code
    assert "Tavus does not send them again" in refused.stderr
    assert {True} == set(aws.is_on.values())

    result = run("pause", "--receiving", "--yes")
    assert 0 == result.exit_code
    assert "you lose what it sends" in result.stderr
    assert 0 == aws.reserved


def test_resume_starts_everything_again(aws: Lambda) -> None:
    """Triggers start again, and the receiver if it was stopped."""
    run("pause", "--receiving", "--yes")

    result = run("resume", "--json")

    assert {"resumed": STOPPED, "receiving": True} == json.loads(result.stdout)
    assert {True} == set(aws.is_on.values())
    assert aws.reserved is None


def test_resume_leaves_a_reservation_of_the_operators_own(aws: Lambda) -> None:
    """A reservation of the operator's own stays."""
    aws.reserved = 20

    run("resume")

    assert 20 == aws.reserved


@pytest.mark.usefixtures("aws")
def test_problems_name_what_is_paused() -> None:
    """A paused stack looks healthy to its readers, so `problems` names it and the command that resumes it."""
    opened = aws_stack.aws_deployment(None, "tcb", ())  # type: ignore[arg-type]
    assert [] == list(problems.pause_problems(opened))
    run("pause", "--receiving", "--yes")

    paused = list(problems.pause_problems(opened))

    assert ["paused triggers", "receiving is paused"] == [each.what for each in paused]
    assert {"tavus-callbacks resume --stack tcb --region eu-west-1"} == {each.next for each in paused}
    assert STOPPED == pause.disabled_triggers(opened)


def test_the_template_has_what_a_pause_stops() -> None:
    """SAM makes these names, and every trigger has one of them."""
    template = load_template(
        Path(__file__).parents[2] / "template.yaml", {"PushUrl": "https://a.example.com"}
    )
    mappings = {each.logical_id for each in template.of_type(MAPPING)}

    assert set(STOPPED) <= template.resources.keys()
    assert mappings - set(STOPPED) == {"ResolveFunctionClaimed"}
    assert RULE == template.resources["WatchFunctionSchedule"].type


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_local_stack_is_not_paused(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """A local stack cannot be paused; the error says how to stop it instead."""
    local = Deployment(SimpleNamespace(), {}, ("--local",), endpoint_url="http://127.0.0.1:1")  # type: ignore[arg-type]
    monkeypatch.setattr(aws_stack, "aws_deployment", lambda *_: local)

    result = run(command)

    assert 2 == result.exit_code
    assert "Ctrl-C" in result.output


# ---- alarms ----


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a stack two alarms and a way to change them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        session = boto3.Session("key", "secret", region_name=REGION)
        yield Watched(session)


class Watched:
    """Alarms and their topic in moto."""

    def __init__(self, session: Any) -> None:
        """Make both alarms, telling nobody."""
        self.cloudwatch, self.sns = session.client("cloudwatch"), session.client("sns")
        self.topic = self.sns.create_topic(Name="page")["TopicArn"]
        self.names = {"QuarantineAlarm": "tcb-Quarantine-1", "TooLargeAlarm": "tcb-TooLarge-1"}
        resources = {(ALARM, name): id_ for name, id_ in self.names.items()}
        self.deployment = Deployment(session, {}, ("--stack", "tcb"), resources=lambda: resources)
        self.examination: Any = SimpleNamespace(deployment=self.deployment)
        self.tell()

    def tell(self, *topics: str) -> None:
        """Give both alarms these topics."""
        for name, id_ in self.names.items():
            self.cloudwatch.put_metric_alarm(
                AlarmName=id_, MetricName="quarantined", Namespace="tcb", Period=300, EvaluationPeriods=1,
                Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", Statistic="Sum",
                AlarmActions=list(topics), AlarmDescription=f"notice: they came. https://x.test/runbooks/{name}",
            )  # fmt: skip

    def redden(self, name: str) -> None:
        """Turn one red."""
        self.cloudwatch.set_alarm_state(
            AlarmName=self.names[name], StateValue="ALARM", StateReason="it is so"
        )


def test_the_doctor_wants_somebody_to_be_told(watched: Any) -> None:
    """A missing alarm, topic or confirmation has its fix; one confirmed receiver is enough."""
    none = Deployment(watched.deployment.session, {}, ("--stack", "tcb"), resources=dict)
    without = checks.receivers(SimpleNamespace(deployment=none))  # type: ignore[arg-type]
    untold = checks.receivers(watched.examination)
    watched.tell(watched.topic)
    empty = checks.receivers(watched.examination)
    watched.sns.subscribe(
        TopicArn=watched.topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:q"
    )
    told = checks.receivers(watched.examination)

    assert ["warning", "warning", "failed", "ok"] == [each.status for each in (without, untold, empty, told)]
    assert "AlarmEmail" in str(untold.fix)
    assert "Subscription Confirmation" in str(empty.fix)


def test_a_mail_that_nobody_confirmed_is_a_red_line(watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS drops mail to an unconfirmed address."""
    watched.tell(watched.topic)
    monkeypatch.setattr(checks, "count_subscriptions", lambda *_: (1, 1))

    assert "failed" == checks.receivers(watched.examination).status


def test_subscriptions_that_wait_are_counted() -> None:
    """A word in place of the ARN marks a subscription that is not confirmed."""
    pages = [
        {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}, {"SubscriptionArn": "arn:aws:sns:x"}]}
    ]
    paginator = SimpleNamespace(paginate=lambda **_: pages)
    sns = SimpleNamespace(get_paginator=lambda _: paginator)
    opened = Deployment(SimpleNamespace(client=lambda *_, **__: sns), {}, ())  # type: ignore[arg-type]

    assert (2, 1) == alarms.count_subscriptions(opened, "arn")


def test_a_red_alarm_leads_to_its_runbook(watched: Any) -> None:
    """`doctor` and `problems` name the runbook, and `problems` since when; green alarms are not named."""
    before = checks.states(watched.examination)
    assert [] == list(problems.alarm_problems(watched.deployment))
    watched.redden("QuarantineAlarm")

    after = checks.states(watched.examination)
    [problem] = problems.alarm_problems(watched.deployment)

    assert ["ok", "failed"] == [before.status, after.status]
    runbook = "https://x.test/runbooks/QuarantineAlarm"
    assert runbook in str(after.fix)
    assert ("QuarantineAlarm is red", runbook) == (problem.what, problem.next)
    assert problem.since is not None
    assert problem.since[:10] == datetime.now(UTC).date().isoformat()


# ---- drift ----


def event(at: str, event_type: str = "system.shutdown", *issues: str, **tags: str) -> dict[str, Any]:
    """Make an event as the API answers it."""
    return {"received_at": at, "event_type": event_type, "issues": list(issues), "tags": tags}


def test_drift_sums_up_what_is_otherwise_than_known(target: FakeTarget) -> None:
    """Rows have what, where, counts and times, the latest drift first."""
    target.answers = [
        {
            "events": [
                event(
                    "2026-11-20T10:00:00Z", "system.shutdown", "unexpected_type:properties.shutdown_reason"
                ),
                event("2026-11-20T11:00:00Z", "system.shutdown", "variant"),
            ],
            "cursor": "c1",
        },
        {
            "events": [
                event("2026-11-20T12:00:00Z", "system.call_over", "unknown_event_type"),
                event(
                    "2026-11-20T13:00:00Z", "system.shutdown", "unexpected_type:properties.shutdown_reason"
                ),
                event("2026-11-20T14:00:00Z", "system.odd", "unknown_event_type", simulated="true"),
            ],
            "cursor": "c2",
        },
        {"events": [], "cursor": "c2"},
    ]

    answers = list(target.answers)

    result = run("drift", "--since", "2026-11-19T00:00:00Z", "--json")

    assert 1 == result.exit_code
    assert {
        "since": "2026-11-19T00:00:00.000000Z",
        "events": 4,
        "drift": [
            {
                "what": "unexpected_type",
                "event_type": "system.shutdown",
                "path": "properties.shutdown_reason",
                "count": 2,
                "of": 3,
                "first_received_at": "2026-11-20T10:00:00Z",
                "last_received_at": "2026-11-20T13:00:00Z",
            },
            {
                "what": "unknown_event_type",
                "event_type": "system.call_over",
                "path": None,
                "count": 1,
                "of": 1,
                "first_received_at": "2026-11-20T12:00:00Z",
                "last_received_at": "2026-11-20T12:00:00Z",
            },
        ],
    } == json.loads(result.stdout)
    assert "1 simulated events are not counted. --simulated includes them." in result.stderr
    assert 3 == len(target.asked)
    target.answers = answers
    assert 5 == json.loads(run("drift", "--simulated", "--json").stdout)["events"]


def test_drift_is_a_table_for_people(target: FakeTarget) -> None:
    """The table uses words, and the runbook is named below."""
    target.answers = [
        {"events": [event("2026-11-20T12:00:00Z", "system.call_over", "unknown_event_type")], "cursor": "c"},
        {"events": [], "cursor": "c"},
    ]

    result = run("drift")

    assert "unknown event type" in result.stdout
    assert "system.call_over" in result.stdout
    assert "DriftAlarm" in result.stderr


def test_without_drift_it_says_so(target: FakeTarget) -> None:
    """Without drift the exit code is 0."""
    target.answers = [
        {"events": [event("2026-11-20T12:00:00Z")], "cursor": "c"},
        {"events": [], "cursor": "c"},
    ]

    result = run("drift")

    assert 0 == result.exit_code, result.output
    assert "No drift in 1 events." in result.stderr
