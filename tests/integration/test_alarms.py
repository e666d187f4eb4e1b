"""Every alarm goes red for its reason and green again; METRICS names what alarms and dashboard read."""

import json
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from inprocess import failing, forget
from projecting import project_all
from projecting import records as stream_records

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.common.metrics import METRICS
from tavus_callbacks.handlers import drain, project, push, receive, watch
from tavus_callbacks.logic import deliver_push
from tavus_callbacks.outbound.webhook import Answer
from tavus_callbacks.runtime import wiring
from tavus_callbacks_cli.local_stack.http.gateway import TOO_LARGE, gateway_answer
from tavus_callbacks_cli.local_stack.template import template as translation
from tavus_callbacks_cli.tokens import revoke_token
from watching import Point, filtered, is_red, period_of, points_of, series_of

ROOT = Path(__file__).parents[2]
SHUTDOWN = {
    "conversation_id": "c1",
    "event_type": "system.shutdown",
    "message_type": "system",
    "timestamp": "2026-07-11T06:48:37.564961Z",
    "properties": {"shutdown_reason": "max_call_duration"},
}
JOINED = {**SHUTDOWN, "event_type": "system.replica_joined", "properties": {"replica_id": "r1"}}
EMAIL = {"AlarmEmail": "operator@example.com"}
# The context that Lambda gives a handler.
LAMBDA = SimpleNamespace(
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:push",
    get_remaining_time_in_millis=lambda: 300_000,
)
CONTEXT = re.compile(r"\$context\.[\w.]+")
# Made by filters of the gateway's access log, not by a function.
BY_FILTER = {"gateway_413", "gateway_429"}
# Every alarm there can be, and the dashboard.
ALL = {**EMAIL, "SilenceHours": "6", "PushUrl": "https://a.example.com", "Dashboard": "on"}
PAGE, NOTICE = {"PageTopicArn": "arn:aws:sns:x:1:pager"}, {"NoticeTopicArn": "arn:aws:sns:x:1:chat"}
RECEIVERS = [{}, EMAIL, PAGE, NOTICE]
OPTIONS = [
    {"Dashboard": "on"},
    {"Recordings": "off"},
    {"PushUrl": "https://a.example.com"},
    {"SilenceHours": "6"},
]


@pytest.fixture(scope="module", autouse=True)
def _translated_once():
    """Translate the template once: these tests change conditions, which SAM leaves alone."""
    plain = translation.translate(ROOT / "template.yaml", {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation, "translate", lambda *_: plain)
        yield


def deployed(**parameters):
    """Return the template as it is deployed with parameters."""
    return translation.load_template(ROOT / "template.yaml", parameters)


def metric_names(template):
    """Return what METRICS names, which is the same for every function."""
    functions = template.of_type("AWS::Lambda::Function")
    [names] = {one.properties["Environment"]["Variables"]["METRICS"] for one in functions}
    return set(filter(None, names.split(",")))


@pytest.fixture(scope="module")
def everything():
    """Return the template with every alarm there can be, and the dashboard."""
    return deployed(**ALL)


@pytest.fixture(scope="module")
def alarms(everything):
    """Return the properties of every alarm there can be, by its logical id."""
    return {one.logical_id: one.properties for one in everything.of_type("AWS::CloudWatch::Alarm")}


@pytest.fixture
def stack(api, everything, monkeypatch):
    """Return a stack with every alarm and the dashboard, whose functions log to one place."""
    monkeypatch.setenv("SPILL_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/spill")
    monkeypatch.setenv("METRICS", ",".join(metric_names(everything)))
    forget()
    for module in (project, drain, push, watch):
        monkeypatch.setattr(module.logger.registered_handler, "stream", api.log)
    return api


def spilled(monkeypatch):
    """Let the queue take what is spilled, and return the list of its messages."""
    sent = []
    queue = SimpleNamespace(send_message=lambda **message: sent.append(message["MessageBody"]))
    monkeypatch.setattr(receive.clients, "sqs", lambda **_: queue)
    return sent


def garbage(stack, _patch):
    """Post a body that is not JSON."""
    assert 400 == stack.post(b"nope").status


def strangers(stack, _patch):
    """Send a hundred requests without a token."""
    for _ in range(100):
        assert 401 == stack.post(SHUTDOWN, token="x").status


def revoked(stack, _patch):
    """Post with a token after its revocation."""
    stack.token = stack.create_token("old")
    revoke_token(stack.tokens_table, label="old", now=datetime.now(UTC))
    assert 401 == stack.post(SHUTDOWN).status


def poison(stack, _patch):
    """Give `project` a record that it cannot read."""
    stack.post(SHUTDOWN)
    record, *_ = stream_records(stack)
    record["dynamodb"]["NewImage"]["body"] = {"B": b64encode(b"\xff").decode()}
    assert {"batchItemFailures": []} == project.handler({"Records": [record]}, LAMBDA)


def outage(stack, patch):
    """Let the store fail while the spill queue takes callbacks."""
    spilled(patch)
    with failing("dynamodb", "PutItem", error="AccessDeniedException"):
        assert "accepted" == stack.post(SHUTDOWN).value["status"]


def double_outage(stack, _patch):
    """Let store and spill queue fail."""
    error = "AccessDeniedException"
    with failing("dynamodb", "PutItem", error=error), failing("sqs", "SendMessage", error=error):
        assert 503 == stack.post(SHUTDOWN).status


def renaming(stack, _patch):
    """Send an event type that nobody has published."""
    assert 200 == stack.post({**SHUTDOWN, "event_type": "system.call_over"}).status


def retyping(stack, _patch):
    """Send a known property with a value of another type."""
    assert 200 == stack.post({**SHUTDOWN, "properties": {"shutdown_reason": 7}}).status


def refusing(_stack, patch):
    """Let the target of pushes be gone for good."""
    config = SimpleNamespace(push_url="https://a.example.com", push_is_local=False, failed_bucket="failed")
    nobody = SimpleNamespace(has=lambda *_: False, is_erased=lambda *_: False)
    secret = SimpleNamespace(versions=lambda: ("A" * 44,))
    detail = {"push_id": "p1", "type": "conversation.ended", "kind": "conversation", "subject": "c1"}
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "0"}
    record = {"messageId": "1", "body": json.dumps({"detail": detail}), "attributes": attributes}
    with patch.context() as inner:
        inner.setattr(push, "settings", lambda: config)
        inner.setattr(wiring, "push_secret", lambda: secret)
        inner.setattr(wiring, "event_pages", lambda: SimpleNamespace(tombstones=nobody))
        inner.setattr(deliver_push, "post", lambda *_, **__: Answer(410, None))
        inner.setattr(push.clients, "s3", lambda: SimpleNamespace(put_object=lambda **_: None))
        assert {"batchItemFailures": []} == push.handler({"Records": [record]}, LAMBDA)


def leftovers(stack, patch):
    """Leave a record in the failed bucket, and let `watch` count it."""
    poison(stack, patch)
    watch.handler({}, LAMBDA)


def openness(stack, _patch):
    """Store a conversation that never ended and one without its transcript, and let `watch` look."""
    began, ended = (datetime.now(UTC) - timedelta(minutes=minutes) for minutes in (1800, 30))
    stack.post({**JOINED, "conversation_id": "c-open", "timestamp": began.isoformat()}, at=began)
    stack.post({**SHUTDOWN, "conversation_id": "c-late", "timestamp": ended.isoformat()}, at=ended)
    assert [] == project_all(stack)
    watch.handler({}, LAMBDA)


def forgotten(stack, _patch):
    """Post about somebody who was erased."""
    table = Tombstones(clients.dynamodb(), stack.environment["EVENTS_TABLE"])
    table.add("conversation", "c-erased", at=datetime.now(UTC), lifetime=None)
    forget()
    assert "erased" == stack.post({**SHUTDOWN, "conversation_id": "c-erased"}).value["status"]


BY_HANDLERS = [
    ("QuarantineAlarm", garbage),
    ("RefusedBurstAlarm", strangers),
    ("RevokedTokenAlarm", revoked),
    ("FailedRecordsAlarm", poison),
    ("SpilledAlarm", outage),
    ("StoreDownAlarm", double_outage),
    ("PushFailedAlarm", refusing),
    ("OldestOpenAlarm", openness),
    ("FailedBatchesAlarm", leftovers),
    ("OverdueAlarm", openness),
    ("DriftAlarm", renaming),
    ("DriftAlarm", retyping),
]
BY_ACCESS_LOG = [("TooLargeAlarm", TOO_LARGE), ("TurnedAwayAlarm", gateway_answer(429, "Too Many Requests"))]
# (namespace, metric): its dimension, and the type of resource that it names. Sources: the pages on metrics in
# AWS's guides of Lambda, API Gateway (HTTP API) and SQS.
OF_AWS = {
    ("AWS/Lambda", "Errors"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "Invocations"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "Throttles"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "IteratorAge"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "DestinationDeliveryFailures"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/ApiGateway", "5xx"): ("ApiId", "AWS::ApiGatewayV2::Api"),
    ("AWS/ApiGateway", "Latency"): ("ApiId", "AWS::ApiGatewayV2::Api"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ("QueueName", "AWS::SQS::Queue"),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): ("QueueName", "AWS::SQS::Queue"),
}
# alarm: (resource of the metric, its value while all is well, its value while the alarm rings)
BY_AWS = {
    "ReceiveErrorsAlarm": ("ReceiveFunction", 0, 1),
    "ReceiveThrottlesAlarm": ("ReceiveFunction", 0, 1),
    "GatewayErrorsAlarm": ("Api", 0, 1),
    "DeadLettersAlarm": ("SpillDeadQueue", 0, 1),
    "StreamAgeAlarm": ("ProjectFunction", 3_599_999, 3_600_000),
    "ResolveStreamAgeAlarm": ("ResolveFunction", 3_599_999, 3_600_000),
    "ProjectLostAlarm": ("ProjectFunction", 0, 1),
    "ResolveLostAlarm": ("ResolveFunction", 0, 1),
    "ReadErrorsAlarm": ("ReadFunction", 0, 1),
    "PushErrorsAlarm": ("PushFunction", 0, 1),
    "PushDeadLettersAlarm": ("PushDeadQueue", 0, 1),
}
# Alarms on expressions; tests/integration/test_alarm_models.py rings them.
BY_MODEL = {"SpillWaitsAlarm", "ProjectIdleAlarm", "WatchErrorsAlarm"}


def in_each_span(alarm, points, now):
    """Repeat points in every period that the alarm looks at."""
    return [
        Point(one.namespace, one.name, one.dimensions, now - period_of(alarm) * number - 1, one.value)
        for number in range(int(alarm["EvaluationPeriods"]))
        for one in points
    ]


@pytest.mark.parametrize(("name", "act"), BY_HANDLERS)
def test_an_alarm_on_a_metric_of_ours_rings_for_its_cause(stack, alarms, monkeypatch, name, act):
    """Green with an ordinary callback, red after the cause, green when it is over."""
    alarm, now = alarms[name], 1_800_000_000
    assert "stored" == stack.post(JOINED).value["status"]
    before = in_each_span(alarm, points_of(stack.records()), now)

    act(stack, monkeypatch)

    after = in_each_span(alarm, points_of(stack.records()), now)
    assert [False, True] == [is_red(alarm, points, now) for points in (before, after)]
    over = now + 2 * period_of(alarm) * int(alarm["EvaluationPeriods"])
    assert not is_red(alarm, after, over)


def test_silence_rings_until_a_callback_is_stored(stack, alarms):
    """No callback is silence, and so is a duplicate. One stored callback ends it."""
    alarm, now = alarms["SilenceAlarm"], 1_800_000_000
    stack.post(SHUTDOWN)
    first = points_of(stack.records())
    stack.post(SHUTDOWN)
    second = points_of(stack.records())[len(first) :]

    def at_once(points):
        return [one.later(now - 1 - one.at) for one in points]

    assert is_red(alarm, [], now)
    assert is_red(alarm, at_once(second), now)
    assert not is_red(alarm, at_once(first), now)
    assert is_red(alarm, at_once(first), now + 6 * 3600)


def test_without_hours_there_is_no_alarm_on_silence():
    """Off by default: a stack that is rarely used is not broken."""
    assert "SilenceAlarm" not in deployed(**EMAIL).resources


@pytest.mark.parametrize(("name", "answer"), BY_ACCESS_LOG)
def test_refusals_of_the_gateway_are_counted_in_its_log(everything, alarms, name, answer):
    """No function sees a 413 or a 429; the lines of the access log count, and no other line does."""
    alarm, now, template = alarms[name], 1_800_000_000, everything
    stage = template.resources["ApiApiGatewayDefaultStage"].properties["AccessLogSettings"]["Format"]
    filters = [one.properties for one in template.of_type("AWS::Logs::MetricFilter")]

    def line(status):
        return CONTEXT.sub(lambda found: str(status) if found[0] == "$context.status" else "-", stage)

    def points(status):
        return [point for one in filters for point in filtered(one, line(status), now - 1)]

    assert [True, False] == [is_red(alarm, points(status), now) for status in (answer.status, 200)]
    assert {template.resources["AccessLogs"].name} == {one["LogGroupName"] for one in filters}


@pytest.mark.parametrize("name", BY_AWS)
def test_an_alarm_on_a_metric_of_aws_has_its_arithmetic(everything, alarms, name):
    """The metric exists, is that of the right resource, and the threshold lies between well and not."""
    alarm, now = alarms[name], 1_800_000_000
    resource, well, ill = BY_AWS[name]
    [(namespace, metric, dimensions)] = series_of(alarm)
    dimension, kind = OF_AWS[namespace, metric]

    found = everything.resources[resource]
    assert (kind, found.name) == (found.type, dict(dimensions)[dimension])

    def points(value):
        return in_each_span(alarm, [Point(namespace, metric, dimensions, now, value)], now)

    assert [False, True, False] == [is_red(alarm, points(value), now) for value in (well, ill, well)]
    assert not is_red(alarm, [], now)


def rings(alarm, values, ago=1):
    """Return whether an alarm is red, given the value of its metric in each of the newest periods."""
    [series], now = series_of(alarm), 1_800_000_000
    period = period_of(alarm)
    return is_red(
        alarm, [Point(*series, now - ago - period * n, value) for n, value in enumerate(values)], now
    )


def test_a_burst_is_a_hundred_refusals_in_five_minutes(alarms):
    """A forgotten token of a reader who polls is not a burst."""
    alarm = alarms["RefusedBurstAlarm"]

    assert [False, False, True] == [rings(alarm, values) for values in ([99], [99, 99], [100])]
    assert [True, False] == [rings(alarm, [100], ago) for ago in (299, 301)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("FailedRecordsAlarm", 1), ("StreamAgeAlarm", 3_600_000), ("ResolveStreamAgeAlarm", 3_600_000)],
)
def test_a_failure_that_may_pass_rings_in_the_third_period(alarms, name, value):
    """Records are tried again, so nobody is notified of a failure of ten minutes."""
    assert [False, True] == [rings(alarms[name], [value] * periods) for periods in (2, 3)]


@pytest.mark.parametrize(
    ("name", "value", "hours"),
    [
        ("DriftAlarm", 1, 24),
        ("RevokedTokenAlarm", 1, 1),
        ("OverdueAlarm", 1, 1),
        ("FailedBatchesAlarm", 1, 1),
        ("OldestOpenAlarm", 86_400, 1),
    ],
)
def test_a_rare_count_rings_without_a_break(alarms, name, value, hours):
    """A fault once an hour, once a day or in each run of `watch` sends one mail and not one each time."""
    edge = 3600 * hours

    assert [True, False] == [rings(alarms[name], [value], ago) for ago in (edge - 1, edge + 1)]
    assert not rings(alarms[name], [value - 1])


def test_every_alarm_is_proven(alarms):
    """A new alarm needs a row in one of the tables above."""
    proven = {name for name, _ in (*BY_HANDLERS, *BY_ACCESS_LOG)}
    proven |= BY_AWS.keys() | BY_MODEL | {"SilenceAlarm"}

    assert set(alarms) == proven


def test_an_alarm_notifies_the_topic_of_its_severity(alarms):
    """Its description begins with its severity, and that topic hears of the start and the end."""
    severities = {name: alarm["AlarmDescription"].partition(": ")[0] for name, alarm in alarms.items()}

    assert {"page", "notice"} == set(severities.values())
    for name, alarm in alarms.items():
        [topic] = alarm["AlarmActions"]
        assert topic.endswith(f"-{severities[name].capitalize()}Topic")
        assert alarm["AlarmActions"] == alarm["OKActions"]


@pytest.mark.parametrize("name", ["GatewayErrorsAlarm", "TooLargeAlarm", "TurnedAwayAlarm"])
def test_an_alarm_that_may_stay_silent_says_so(alarms, name):
    """API Gateway "might not generate logs and metrics" for these answers; the mail must not promise them."""
    assert "This alarm may miss failures" in alarms[name]["AlarmDescription"]


@pytest.mark.parametrize(
    ("parameters", "page", "notice", "made"),
    [
        ({}, None, None, []),
        (EMAIL, "PageTopic", "NoticeTopic", ["PageTopic", "NoticeTopic"]),
        ({**EMAIL, **PAGE}, "pager", "NoticeTopic", ["NoticeTopic"]),
        (PAGE, "pager", None, []),
        (NOTICE, None, "chat", []),
    ],
)
def test_an_alarm_exists_only_with_somebody_to_notify(parameters, page, notice, made):
    """An address makes both topics; an ARN replaces one; a severity without either has no alarm."""
    template = deployed(**parameters)
    alarms = [one.properties for one in template.of_type("AWS::CloudWatch::Alarm")]

    assert made == [one.logical_id for one in template.of_type("AWS::SNS::Topic")]
    for severity, topic in (("page", page), ("notice", notice)):
        actions = [one["AlarmActions"] for one in alarms if one["AlarmDescription"].startswith(severity)]
        assert bool(actions) == (topic is not None)
        assert all(len(one) == 1 and one[0].endswith(str(topic)) for one in actions)


@pytest.mark.parametrize(
    ("parameters", "exist"), [({}, False), (NOTICE, False), (PAGE, True), ({"Dashboard": "on"}, True)]
)
def test_the_access_log_is_counted_only_for_a_reader(parameters, exist):
    """A metric filter exists with the page alarms or the dashboard that read it."""
    assert bool(deployed(**parameters).of_type("AWS::Logs::MetricFilter")) == exist


def dashboard(template):
    """Return the widgets of the dashboard, none if there is no dashboard."""
    bodies = [
        json.loads(one.properties["DashboardBody"]) for one in template.of_type("AWS::CloudWatch::Dashboard")
    ]
    return [widget for body in bodies for widget in body["widgets"]]


def shown_metrics(template):
    """Yield the metrics of the dashboard as (namespace, name, dimension pairs)."""
    for widget in dashboard(template):
        for namespace, name, *rest in widget["properties"].get("metrics", ()):
            words = [word for word in rest if isinstance(word, str)]
            yield namespace, name, dict(zip(words[::2], words[1::2], strict=True))


def read_metrics(template):
    """Yield the metrics that alarms and dashboard read as (namespace, name, dimension pairs)."""
    for alarm in template.of_type("AWS::CloudWatch::Alarm"):
        yield from ((namespace, name, dict(pairs)) for namespace, name, pairs in series_of(alarm.properties))
    yield from shown_metrics(template)


def test_dashboard_and_alarms_name_existing_metrics(everything):
    """Our own metrics have no dimensions; those of AWS belong to resources of the stack."""
    stack = everything.resources["ReceiveFunction"].properties["Environment"]["Variables"][
        "METRICS_NAMESPACE"
    ]
    names = {(one.type, one.name) for one in everything.resources.values()}

    for namespace, name, dimensions in read_metrics(everything):
        if namespace == stack:
            assert name in METRICS | BY_FILTER
            assert not dimensions
        else:
            dimension, kind = OF_AWS[namespace, name]
            assert (kind, dimensions[dimension]) in names
    assert METRICS <= {name for namespace, name, _ in shown_metrics(everything) if namespace == stack}


@pytest.mark.parametrize("receivers", RECEIVERS, ids=["nobody", "email", "page", "notice"])
def test_the_stack_has_what_its_parameters_ask_for(receivers):
    """METRICS names what alarms and widgets read and no more; the dashboard shows the alarms that exist."""
    for chosen in product([False, True], repeat=len(OPTIONS)):
        options = [option for option, is_chosen in zip(OPTIONS, chosen, strict=True) if is_chosen]
        template = deployed(**receivers, **dict(item for option in options for item in option.items()))
        own = {name for namespace, name, _ in read_metrics(template) if not namespace.startswith("AWS/")}
        assert metric_names(template) == own - BY_FILTER
        filters = template.of_type("AWS::Logs::MetricFilter")
        assert own & BY_FILTER == {
            one.properties["MetricTransformations"][0]["MetricName"] for one in filters
        }

        widgets = [one["properties"]["alarms"] for one in dashboard(template) if one["type"] == "alarm"]
        shown = [arn.rpartition(":alarm:")[2] for arns in widgets for arn in arns]
        exist = [one.name for one in template.of_type("AWS::CloudWatch::Alarm")]
        assert sorted(shown) == (sorted(exist) if dashboard(template) else [])
        assert all(widgets)
        assert ("DashboardUrl" in template.outputs) == bool(dashboard(template))


def test_by_default_nothing_is_a_metric(api, template):
    """No alarm and no dashboard reads a metric, so no record names one; the counts are logged anyway."""
    assert set() == metric_names(template)
    assert "stored" == api.post(SHUTDOWN).value["status"]

    [record] = api.records()
    assert 1 == record["kept"]
    assert "_aws" not in record


@pytest.mark.usefixtures("one_attempt")
def test_every_metric_is_written_by_some_function(stack, recordings, monkeypatch):
    """The real handlers write each metric of the list, in records that CloudWatch accepts."""
    double_outage(stack, monkeypatch)
    sent = spilled(monkeypatch)
    for token in ("x", _deleted(stack), stack.read_token, _expired(stack)):
        stack.post(SHUTDOWN, token=token)
    for act in (garbage, poison, renaming, retyping, refusing, openness, forgotten):
        act(stack, monkeypatch)
    for body in (SHUTDOWN, {**SHUTDOWN, "properties": {}}):
        stack.post(body)
    with failing("dynamodb", "PutItem"):
        assert "accepted" == stack.post(JOINED).value["status"]
    _drained(sent)
    revoked(stack, monkeypatch)
    stack.token = stack.create_token("another")
    _recordings_of_every_status(recordings)

    # The clock of `receive` in tests may show less than a millisecond.
    assert METRICS - {"latency"} <= {one.name for one in points_of(stack.records())}
    assert {"tavus-callbacks-local"} == {one.namespace for one in points_of(stack.records())}


def _expired(stack):
    token = stack.create_token("over")
    stack.tokens_table.put_item(Item={**_row(stack, "over"), "expires_at": "2020-01-01T00:00:00Z"})
    return token


def _deleted(stack):
    token = stack.create_token("gone")
    stack.tokens_table.delete_item(Key={"token_digest": _row(stack, "gone")["token_digest"]})
    return token


def _row(stack, label):
    return next(row for row in stack.tokens_table.scan()["Items"] if row["label"] == label)


def _drained(sent):
    assert sent
    records = [
        {"messageId": str(number), "body": body, "eventSource": "aws:sqs"} for number, body in enumerate(sent)
    ]
    assert [] == drain.handler({"Records": records}, None)["batchItemFailures"]


def _recordings_of_every_status(recordings):
    key = "tavus/c123/1700000000000"
    recordings.claim(key)
    recordings.put(key)
    recordings.tell(key)
    recordings.delete(key)
    recordings.tell(key, "Object Deleted")
    recordings.say("c123", bucket_name="theirs", s3_key=key)
    recordings.say("c123", s3_key="tavus/c124/1700000000000")
    recordings.say("c123", storage_provider="gcs", storage_uri="gs://theirs/x")
    recordings.say("c123", bucket_name=recordings.bucket, s3_key="tavus/c999/1700000000000")
    recordings.say("c123", event_type="application.recording_copy_failed")


def test_only_the_metrics_show_why_a_request_is_refused(stack):
    """Unknown, revoked, expired or of another scope: one answer, and a count of its own for each."""
    unknown = _deleted(stack)
    old = stack.create_token("old")
    revoke_token(stack.tokens_table, label="old", now=datetime.now(UTC))
    tokens = ["x", unknown, stack.read_token, old, _expired(stack)]

    replies = [stack.post(SHUTDOWN, token=token) for token in tokens]

    assert 1 == len({(reply.status, reply.body, tuple(sorted(reply.headers.items()))) for reply in replies})
    names = [{name for name in record if name.startswith("refused_")} for record in stack.records()]
    reasons = ("malformed", "unknown", "scope", "revoked", "expired")
    assert [{f"refused_{reason}"} for reason in reasons] == names


def test_a_reader_who_is_refused_is_counted_too(stack):
    """Requests for reading without a valid token count as refused, too."""
    stack.get("/events", token="x")
    stack.get("/events", token=stack.token)

    assert [{"refused", "refused_malformed"}, {"refused", "refused_scope"}] == [
        {one.name for one in points_of([record])} for record in stack.records()
    ]


@pytest.mark.usefixtures("one_attempt")
def test_only_a_callback_counts_as_unavailable(stack):
    """A check of a token that is answered 503 loses nothing; a callback may be lost."""
    with failing("dynamodb", "GetItem", error="AccessDeniedException"):
        replies = [stack.get(f"/callbacks/{stack.token}"), stack.post(SHUTDOWN)]

    assert [503, 503] == [reply.status for reply in replies]
    assert [0, 1] == [record.get("unavailable", 0) for record in stack.records()]


def test_a_record_has_no_metric_that_is_zero(stack):
    """Zeros are left out, and a second callback is not a cold start."""
    stack.post(SHUTDOWN)
    stack.post(JOINED)

    first, second = ({one.name for one in points_of([record])} for record in stack.records())
    assert {"kept", "cold_start"} <= first <= {"kept", "cold_start", "latency"}
    assert {"kept"} <= second <= {"kept", "latency"}


def test_a_duplicate_counts_its_issues_once(stack):
    """The issues of a callback that comes twice are counted with the first one."""
    for _ in range(2):
        renaming(stack, None)

    assert 1 == sum(one.value for one in points_of(stack.records()) if one.name == "unknown_event_type")


def test_the_list_of_metrics_is_typed():
    """The type checker refuses a name that is not in the list, and the list has no name twice."""
    from tavus_callbacks.domain.common import metrics

    assert len(get_args(metrics.Metric)) == len(METRICS)
