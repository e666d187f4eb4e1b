"""Every alarm goes red by what it is for, and green again; every metric of ours is one that code writes."""

import json
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
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
from tavus_callbacks_cli.local_stack.template.template import load_template
from tavus_callbacks_cli.tokens import revoke_token
from watching import Point, filtered, is_red, points_of, series_of

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
# What Lambda gives a handler beside the event.
LAMBDA = SimpleNamespace(
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:push",
    get_remaining_time_in_millis=lambda: 300_000,
)
CONTEXT = re.compile(r"\$context\.[\w.]+")
# Made by filters of the gateway's access log, not by a function.
BY_FILTER = {"gateway_413", "gateway_429"}
# Every alarm there can be.
ALL = {**EMAIL, "SilenceHours": "6", "PushUrl": "https://a.example.com"}


@pytest.fixture(scope="module")
def alarms():
    """Return the properties of every alarm there can be, by its logical id."""
    template = load_template(ROOT / "template.yaml", ALL)
    return {one.logical_id: one.properties for one in template.of_type("AWS::CloudWatch::Alarm")}


@pytest.fixture
def stack(api, template, monkeypatch):
    """Return a stack whose every function logs to one place, under the namespace of the template."""
    monkeypatch.setenv("SPILL_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/spill")
    for module in (project, drain, push, watch):
        monkeypatch.setattr(module.logger.registered_handler, "stream", api.log)
    assert template.resources["ReceiveFunction"].properties["Environment"]["Variables"]["METRICS_NAMESPACE"]
    return api


def spilled(monkeypatch):
    """Let the queue take what is spilled, and return the list of its messages."""
    sent = []
    queue = SimpleNamespace(send_message=lambda **message: sent.append(message["MessageBody"]))
    monkeypatch.setattr(receive.clients, "sqs", lambda **_: queue)
    return sent


def garbage(stack, _patch):
    """Post what cannot be filed."""
    assert 400 == stack.post(b"nope").status


def strangers(stack, _patch):
    """Knock a hundred times without a token."""
    for _ in range(100):
        assert 401 == stack.post(SHUTDOWN, token="x").status


def revoked(stack, _patch):
    """Post with a token after its revocation."""
    stack.token = stack.create_token("old")
    revoke_token(stack.tokens_table, label="old", now=datetime.now(UTC))
    assert 401 == stack.post(SHUTDOWN).status


def poison(stack, _patch):
    """Give `project` a record that it stumbles over."""
    stack.post(SHUTDOWN)
    record, *_ = stream_records(stack)
    record["dynamodb"]["NewImage"]["body"] = {"B": b64encode(b"\xff").decode()}
    assert {"batchItemFailures": []} == project.handler({"Records": [record]}, LAMBDA)


def slowness(stack, patch):
    """Let each look at the clock be two seconds later than the one before."""
    times = iter(range(0, 1000, 3))
    patch.setattr(receive, "time", SimpleNamespace(monotonic=lambda: next(times)))
    stack.post(SHUTDOWN)


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
    ("SlowAnswersAlarm", slowness),
    ("PushFailedAlarm", refusing),
    ("OldestOpenAlarm", openness),
    ("DriftAlarm", renaming),
    ("DriftAlarm", retyping),
]
BY_ACCESS_LOG = [("TooLargeAlarm", TOO_LARGE), ("TurnedAwayAlarm", gateway_answer(429, "Too Many Requests"))]
# (namespace, metric): whose name stands in which dimension. Sources: the metrics' pages in AWS's guides of
# Lambda, API Gateway (HTTP API), SQS and S3.
OF_AWS = {
    ("AWS/Lambda", "Errors"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "Throttles"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "IteratorAge"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "DestinationDeliveryFailures"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "AsyncEventsDropped"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/ApiGateway", "5xx"): ("ApiId", "AWS::ApiGatewayV2::Api"),
    ("AWS/ApiGateway", "Latency"): ("ApiId", "AWS::ApiGatewayV2::Api"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): ("QueueName", "AWS::SQS::Queue"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ("QueueName", "AWS::SQS::Queue"),
    ("AWS/S3", "NumberOfObjects"): ("BucketName", "AWS::S3::Bucket"),
}
# alarm: (whose metric, what it is while all is well, what it is when the alarm is for it)
BY_AWS = {
    "ReceiveErrorsAlarm": ("ReceiveFunction", 0, 1),
    "ReceiveThrottlesAlarm": ("ReceiveFunction", 0, 1),
    "GatewayErrorsAlarm": ("Api", 0, 1),
    "SpillAgeAlarm": ("SpillQueue", 899, 900),
    "SpillDepthAlarm": ("SpillQueue", 0, 1),
    "DeadLettersAlarm": ("SpillDeadQueue", 0, 1),
    "StreamAgeAlarm": ("ProjectFunction", 3_599_999, 3_600_000),
    "ResolveStreamAgeAlarm": ("ResolveFunction", 3_599_999, 3_600_000),
    "ProjectLostAlarm": ("ProjectFunction", 0, 1),
    "ResolveLostAlarm": ("ResolveFunction", 0, 1),
    "ResolveDroppedAlarm": ("ResolveFunction", 0, 1),
    "DrainErrorsAlarm": ("DrainFunction", 0, 1),
    "ProjectErrorsAlarm": ("ProjectFunction", 0, 1),
    "ResolveErrorsAlarm": ("ResolveFunction", 0, 1),
    "ReadErrorsAlarm": ("ReadFunction", 0, 1),
    "WatchErrorsAlarm": ("WatchFunction", 0, 1),
    "PushErrorsAlarm": ("PushFunction", 0, 1),
    "PushDeadLettersAlarm": ("PushDeadQueue", 0, 1),
    "FailedBatchesAlarm": ("FailedBucket", 0, 1),
}


def in_each_span(alarm, points, now):
    """Repeat points in every period that the alarm looks at."""
    period = int(alarm["Period"])
    return [
        Point(one.namespace, one.name, one.dimensions, now - period * number - 1, one.value)
        for number in range(int(alarm["EvaluationPeriods"]))
        for one in points
    ]


@pytest.mark.parametrize(("name", "act"), BY_HANDLERS)
def test_an_alarm_of_ours_goes_red_by_what_it_is_for(stack, alarms, monkeypatch, name, act):
    """Green with an ordinary callback, red by the deed, green when it is over."""
    alarm, now = alarms[name], 1_800_000_000
    assert "stored" == stack.post(JOINED).value["status"]
    before = in_each_span(alarm, points_of(stack.records()), now)

    act(stack, monkeypatch)

    after = in_each_span(alarm, points_of(stack.records()), now)
    assert [False, True] == [is_red(alarm, points, now) for points in (before, after)]
    over = now + 2 * int(alarm["Period"]) * int(alarm["EvaluationPeriods"])
    assert not is_red(alarm, after, over)


def test_silence_is_red_until_a_callback_is_kept(stack, alarms):
    """Neither nothing nor a duplicate is life; one kept callback is."""
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


def test_without_hours_silence_is_no_alarm():
    """Off by default: a stack that is rarely used is not broken."""
    template = load_template(ROOT / "template.yaml")

    assert "SilenceAlarm" not in template.resources


@pytest.mark.parametrize(("name", "answer"), BY_ACCESS_LOG)
def test_what_the_gateway_turns_away_is_counted_in_its_log(template, alarms, name, answer):
    """Of its 413 and 429 no function knows; the access log's lines do, and no other line counts."""
    alarm, now = alarms[name], 1_800_000_000
    stage = template.resources["ApiApiGatewayDefaultStage"].properties["AccessLogSettings"]["Format"]
    filters = [one.properties for one in template.of_type("AWS::Logs::MetricFilter")]

    def line(status):
        return CONTEXT.sub(lambda found: str(status) if found[0] == "$context.status" else "-", stage)

    def points(status):
        return [point for one in filters for point in filtered(one, line(status), now - 1)]

    assert [True, False] == [is_red(alarm, points(status), now) for status in (answer.status, 200)]
    assert {template.resources["AccessLogs"].name} == {one["LogGroupName"] for one in filters}


@pytest.mark.parametrize("name", BY_AWS)
def test_an_alarm_on_a_metric_of_aws_has_its_arithmetic(pushing, alarms, name):
    """The metric exists, is that of the right resource, and the threshold lies between well and not."""
    alarm, now = alarms[name], 1_800_000_000
    resource, well, ill = BY_AWS[name]
    namespace, metric, dimensions = series_of(alarm)
    dimension, kind = OF_AWS[namespace, metric]

    found = pushing["signed"].resources[resource]
    assert (kind, found.name) == (found.type, dict(dimensions)[dimension])

    def points(value):
        return in_each_span(alarm, [Point(namespace, metric, dimensions, now, value)], now)

    assert [False, True, False] == [is_red(alarm, points(value), now) for value in (well, ill, well)]
    assert not is_red(alarm, [], now)


def test_every_alarm_is_proven(alarms):
    """A new alarm wants a line in one of the tables above."""
    proven = {name for name, _ in (*BY_HANDLERS, *BY_ACCESS_LOG)}
    proven |= BY_AWS.keys() | {"SilenceAlarm"}

    assert set(alarms) == proven


def test_an_alarm_tells_those_whom_it_concerns(alarms):
    """Its description begins with its severity, its actions are that severity's topic, the end of it too."""
    severities = {name: alarm["AlarmDescription"].partition(": ")[0] for name, alarm in alarms.items()}

    assert {"page", "notice"} == set(severities.values())
    for name, alarm in alarms.items():
        [topic] = alarm["AlarmActions"]
        assert topic.endswith(f"-{severities[name].capitalize()}Topic")
        assert alarm["AlarmActions"] == alarm["OKActions"]


@pytest.mark.parametrize(
    ("parameters", "page", "notice", "made"),
    [
        ({}, None, None, []),
        (EMAIL, "PageTopic", "NoticeTopic", ["PageTopic", "NoticeTopic"]),
        ({**EMAIL, "PageTopicArn": "arn:aws:sns:x:1:pager"}, "pager", "NoticeTopic", ["NoticeTopic"]),
        ({"NoticeTopicArn": "arn:aws:sns:x:1:chat"}, None, "chat", []),
    ],
)
def test_topics_are_made_or_given(parameters, page, notice, made):
    """An address makes a topic a severity; an ARN of one's own stands before it; neither tells nobody."""
    template = load_template(ROOT / "template.yaml", parameters)
    chosen = [template.resources[name].properties for name in ("TooLargeAlarm", "QuarantineAlarm")]
    told = [one["AlarmActions"][0] if one.get("AlarmActions") else None for one in chosen]

    assert made == [one.logical_id for one in template.of_type("AWS::SNS::Topic")]
    for expected, actual in zip((page, notice), told, strict=True):
        assert actual is None if expected is None else actual.endswith(expected)


def test_alarms_can_be_left_out():
    """A stack that is thrown away pays for none."""
    template = load_template(ROOT / "template.yaml", {"Alarms": "off", **EMAIL})

    kinds = {one.type for one in template.resources.values()}
    assert not [kind for kind in kinds if kind.startswith(("AWS::CloudWatch", "AWS::SNS"))]
    assert "AWS::Logs::MetricFilter" not in kinds


def widgets(template):
    """Yield the metrics of the dashboard as (namespace, name, dimension pairs)."""
    [dashboard] = template.of_type("AWS::CloudWatch::Dashboard")
    for widget in json.loads(dashboard.properties["DashboardBody"])["widgets"]:
        for namespace, name, *rest in widget["properties"].get("metrics", ()):
            words = [word for word in rest if isinstance(word, str)]
            yield namespace, name, dict(zip(words[::2], words[1::2], strict=True))


def test_dashboard_and_alarms_name_what_there_is(pushing, alarms):
    """Metrics of ours are listed in one place; those of AWS belong to resources of the stack."""
    template = pushing["signed"]
    stack = template.resources["ReceiveFunction"].properties["Environment"]["Variables"]["METRICS_NAMESPACE"]
    named = [(*series_of(alarm)[:2], dict(series_of(alarm)[2])) for alarm in alarms.values()]
    names = {(one.type, one.name) for one in template.resources.values()}

    for namespace, name, dimensions in (*named, *widgets(template)):
        if namespace == stack:
            assert name in METRICS | BY_FILTER
            assert not dimensions
        else:
            dimension, kind = OF_AWS[namespace, name]
            assert (kind, dimensions[dimension]) in names
    assert METRICS - {"failed_waiting", "overdue"} <= {
        name for namespace, name, _ in widgets(template) if namespace == stack
    }


@pytest.mark.parametrize("parameters", [EMAIL, ALL, {**ALL, "Recordings": "off"}])
def test_the_dashboard_shows_every_alarm_that_there_is(parameters):
    """Those of parts that are there by a parameter stand beside the others, and no other ones."""
    template = load_template(ROOT / "template.yaml", parameters)
    [dashboard] = template.of_type("AWS::CloudWatch::Dashboard")
    [shown] = [
        widget["properties"]["alarms"]
        for widget in json.loads(dashboard.properties["DashboardBody"])["widgets"]
        if widget["type"] == "alarm"
    ]

    there = {alarm.name for alarm in template.of_type("AWS::CloudWatch::Alarm")}
    assert there == {arn.rpartition(":alarm:")[2] for arn in shown}
    assert len(there) == len(shown)


@pytest.mark.usefixtures("one_attempt")
def test_every_metric_is_written_by_some_function(stack, recordings, monkeypatch):
    """What the list names is written by the real handlers, in records that CloudWatch takes."""
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


def test_a_refusal_tells_its_reason_to_the_metrics_alone(stack):
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
    """Somebody who guesses at the read side is a burst as well."""
    stack.get("/events", token="x")
    stack.get("/events", token=stack.token)

    assert [{"refused", "refused_malformed"}, {"refused", "refused_scope"}] == [
        {one.name for one in points_of([record])} for record in stack.records()
    ]


def test_what_is_not_counted_costs_no_byte(stack):
    """Metrics that are zero stand in no record; a second callback is no cold start."""
    stack.post(SHUTDOWN)
    stack.post(JOINED)

    first, second = ({one.name for one in points_of([record])} for record in stack.records())
    assert {"kept", "cold_start"} <= first <= {"kept", "cold_start", "latency"}
    assert {"kept"} <= second <= {"kept", "latency"}


def test_a_duplicate_counts_its_issues_once(stack):
    """A sender that repeats itself does not make a drift of a day look like two."""
    for _ in range(2):
        renaming(stack, None)

    assert 1 == sum(one.value for one in points_of(stack.records()) if one.name == "unknown_event_type")


def test_the_list_of_metrics_is_typed():
    """A name that is not in the list is a fault for mypy, and the list has no name twice."""
    from tavus_callbacks.domain.common import metrics

    assert len(get_args(metrics.Metric)) == len(METRICS)
