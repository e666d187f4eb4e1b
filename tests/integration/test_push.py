"""Pushes are posted to your server, signed or as stored callbacks, for at most a day."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from inprocess import CONTEXT, beside, failing, forget
from projecting import project_all, remove_rows
from push_stack import BUS
from standardwebhooks import Webhook, WebhookVerificationError

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.event_bus import EventBus
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.pushes.push import erased_push
from tavus_callbacks.domain.pushes.target import TargetRefused
from tavus_callbacks.handlers import push
from tavus_callbacks.logic import deliver_push
from tavus_callbacks.outbound.webhook import Answer, NotReached
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.settings import MissingVariable
from tavus_callbacks_cli.local_stack.services.deploy import deploy
from tavus_callbacks_cli.operations.failed import list_failures, redrive

SHUTDOWN = {"conversation_id": "c1", "event_type": "system.shutdown", "timestamp": "2026-03-01T12:01:00Z"}
JOINED = {**SHUTDOWN, "event_type": "system.replica_joined", "timestamp": "2026-03-01T12:00:00Z"}
TRANSCRIPT = {
    **SHUTDOWN,
    "event_type": "application.transcription_ready",
    "properties": {"transcript": [{"role": "user", "content": "hello"}]},
}
PUSHING = ("EventBus", "PushRule", "PushQueue", "PushDeadQueue", "PushSecret")
DAY = timedelta(days=1)


@dataclass
class Sender:
    """The queue behind the bus, the function that empties it, and a server; `ahead` advances its clock."""

    environment: dict[str, str]
    answers: list[Any] = field(default_factory=list)
    posted: list[tuple[Any, bytes, dict[str, str]]] = field(default_factory=list)
    rests: list[int] = field(default_factory=list)
    ahead: timedelta = timedelta()

    def post(self, target, body, headers, *, is_local):
        """Stand in for your server: give the prepared answers, then 204."""
        assert not is_local
        self.posted.append((target, body, headers))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer, None)

    def erase(self, *subjects):
        """Add tombstones and announce erased conversations, as the command does; no message is removed."""
        tombstones = Tombstones(clients.dynamodb(), self.environment["EVENTS_TABLE"])
        for kind, subject in subjects:
            tombstones.add(kind, subject, at=now(), lifetime=None)
            if kind == "conversation":
                EventBus(clients.events(), BUS).put([erased_push(kind, subject, at=now())])

    def run(self):
        """Give waiting messages to the function, as Lambda's poller does; return how many it left."""
        url = self.environment["PUSH_QUEUE_URL"]
        batch = (
            clients.sqs()
            .receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
            .get("Messages", [])
        )
        answer = push.handler({"Records": list(map(_as_sent, batch))}, CONTEXT) if batch else None
        left = {one["itemIdentifier"] for one in answer["batchItemFailures"]} if answer else set()
        for message in batch:
            if message["MessageId"] not in left:
                clients.sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(left)

    def failed(self):
        """Return the dead letters."""
        return list(list_failures(self.deployment))

    @property
    def deployment(self):
        """Return a deployment for the command line."""
        outputs = {"FailedBucketName": self.environment["FAILED_BUCKET"]}
        return SimpleNamespace(client=lambda _: clients.s3(), outputs=outputs)


def _as_sent(message):
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }


@pytest.fixture(params=["signed"])
def sender(request, api, pushing, monkeypatch):
    """Return a stack that posts pushes. It never pauses; it notes the pauses."""
    template = pushing[request.param]
    there = {name: one for name, one in template.resources.items() if name in PUSHING}
    made = SimpleNamespace(
        sqs=clients.sqs(), events=clients.events(), secrets=clients.secretsmanager(), s3=clients.s3()
    )
    deploy(replace(template, resources=there), made)
    variables = template.resources["PushFunction"].properties["Environment"]["Variables"]
    environment = {name: str(value) for name, value in variables.items()}
    for name, value in {**environment, "EVENT_BUS": BUS}.items():
        monkeypatch.setenv(name, value)
    forget()
    made = Sender(environment)
    monkeypatch.setattr(deliver_push, "post", made.post)
    monkeypatch.setattr(push, "now", lambda: now() + made.ahead)
    monkeypatch.setattr(push.logger.registered_handler, "stream", api.log)

    def rest(params, **_):
        made.rests.append(params["VisibilityTimeout"])
        params["VisibilityTimeout"] = 0

    events = clients.sqs().meta.events
    events.register("provide-client-params.sqs.ChangeMessageVisibility", rest)
    yield made
    events.unregister("provide-client-params.sqs.ChangeMessageVisibility", rest)
    for client in (clients.sqs, clients.secretsmanager):
        client.cache_clear()


def secret_of(sender):
    """Return the secret that a consumer has."""
    return clients.secretsmanager().get_secret_value(SecretId=sender.environment["PUSH_SECRET"])[
        "SecretString"
    ]


def test_a_push_is_signed_and_its_library_agrees(api, sender):
    """Standard Webhooks' own library accepts every push, with the plain secret and with its prefix."""
    api.post(SHUTDOWN, query="user=4711")
    project_all(api)
    left = sender.run()

    assert (0, 2) == (left, len(sender.posted))
    for secret in (secret_of(sender), f"whsec_{secret_of(sender)}"):
        for target, body, headers in sender.posted:
            told = Webhook(secret).verify(body, headers)
            assert headers["webhook-id"] == told["push_id"]
            assert "application/json" == headers["content-type"]
            assert ("hooks.example.com", "/in?a=1") == (target.host, target.path)
    assert {"callback.system.shutdown", "conversation.ended"} == {
        json.loads(body)["type"] for _, body, _ in sender.posted
    }


def test_another_secret_and_another_body_are_refused(api, sender):
    """The library refuses both."""
    api.post(SHUTDOWN)
    project_all(api)
    sender.run()
    [(_, body, headers), *_] = sender.posted

    for secret, sent in ((b"x" * 33, body), (secret_of(sender), body + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(sent, headers)


def test_a_secret_is_rotated_without_a_gap(api, sender, monkeypatch):
    """A new secret signs within a minute; while it has two versions, each push has both signatures."""
    api.post(SHUTDOWN)
    project_all(api)
    old, new = secret_of(sender), "b" * 44
    wiring.push_secret().versions()
    clients.secretsmanager().put_secret_value(SecretId=sender.environment["PUSH_SECRET"], SecretString=new)
    remembered = wiring.push_secret().versions()
    monkeypatch.setattr(wiring.push_secret(), "clock", lambda: now() + timedelta(minutes=1))
    sender.run()

    assert (old,) == remembered
    for _, body, headers in sender.posted:
        assert all(Webhook(secret).verify(body, headers) for secret in (old, new))


def test_only_the_last_two_values_of_a_secret_sign(api, sender, monkeypatch):
    """After two rotations within a minute, the first value signs nothing: your server must have another."""
    api.post(SHUTDOWN)
    project_all(api)
    first, second, third = secret_of(sender), "b" * 44, "c" * 44
    wiring.push_secret().versions()
    for value in (second, third):
        clients.secretsmanager().put_secret_value(
            SecretId=sender.environment["PUSH_SECRET"], SecretString=value
        )
    monkeypatch.setattr(wiring.push_secret(), "clock", lambda: now() + timedelta(minutes=1))
    sender.run()

    for _, body, headers in sender.posted:
        assert all(Webhook(secret).verify(body, headers) for secret in (second, third))
        with pytest.raises(WebhookVerificationError):
            Webhook(first).verify(body, headers)
    assert sender.posted


@pytest.mark.parametrize("sender", ["raw"], indirect=True)
def test_raw_mode_posts_the_kept_body_with_its_query(api, sender):
    """The body is the same byte for byte, and the URL has the tags; large callbacks and variants too."""
    large = json.dumps(
        {**SHUTDOWN, "conversation_id": "c2", "noise": [str(n * n * 7919) for n in range(60_000)]}
    )
    body = b'{ "timestamp":"2026-03-01T12:01:00Z","event_type" : "system.shutdown", "conversation_id":"c1"}'
    for one in (body, {**SHUTDOWN, "more": 1}, large.encode()):
        api.post(one, query="user=47%2011")
    project_all(api)
    left = sender.run()
    bodies = {sent for _, sent, _ in sender.posted}

    assert 0 == left
    assert bodies == {body, json.dumps({**SHUTDOWN, "more": 1}).encode(), large.encode()}
    assert {"/in?a=1&user=47+11"} == {target.path for target, _, _ in sender.posted}
    assert not any("webhook-signature" in headers for _, _, headers in sender.posted)


@pytest.mark.parametrize("sender", ["signed some"], indirect=True)
def test_only_chosen_types_are_posted_and_every_erasure(api, sender):
    """PushTypes has types and beginnings; whoever has a copy must hear of its erasure."""
    for body in (JOINED, SHUTDOWN, TRANSCRIPT):
        api.post(body)
    project_all(api)
    sender.run()
    sender.erase(("conversation", "c2"))
    sender.run()

    assert types_of(sender) == [
        ("c1", "callback.system.replica_joined"),
        ("c1", "callback.system.shutdown"),
        ("c1", "transcript.ready"),
        ("c2", "conversation.erased"),
    ]


@pytest.mark.parametrize("sender", ["raw some"], indirect=True)
def test_raw_mode_posts_chosen_callbacks_and_nothing_else(api, sender):
    """Types other than callbacks have no effect there."""
    for body in (JOINED, SHUTDOWN, TRANSCRIPT):
        api.post(body)
    project_all(api)
    left = sender.run()
    sender.erase(("conversation", "c1"))

    assert [0, 0] == [left, sender.run()]
    assert {"system.replica_joined", "system.shutdown"} == {
        json.loads(body)["event_type"] for _, body, _ in sender.posted
    }
    assert 2 == len(sender.posted)


@pytest.mark.parametrize("sender", ["raw"], indirect=True)
def test_raw_mode_lets_go_of_what_is_gone(api, sender):
    """An event whose row is gone is not posted."""
    api.post(SHUTDOWN)
    project_all(api)
    remove_rows(api, api.items())

    assert 0 == sender.run()
    assert [] == sender.posted


def test_a_consumer_that_is_down_for_an_hour_gets_everything(api, sender):
    """Each push arrives after an hour of errors, timeouts and Retry-After."""
    for number in range(3):
        api.post({**SHUTDOWN, "conversation_id": f"c{number}"})
    project_all(api)
    troubles = [500, NotReached("ConnectTimeoutError"), Answer(429, "60"), TargetRefused("x"), 302]
    while sender.ahead < timedelta(hours=1):
        sender.answers = troubles * 2
        assert 6 == sender.run()
        sender.ahead += timedelta(seconds=max(sender.rests[-6:]))
    sender.answers, sender.posted = [], []
    left = sender.run()

    assert (0, []) == (left, sender.failed())
    assert 6 == len({headers["webhook-id"] for _, _, headers in sender.posted})
    assert {5, 60, 600, 1800} <= set(sender.rests)


@pytest.mark.parametrize("sender", ["signed", "raw"], indirect=True)
def test_what_nobody_takes_for_a_day_can_be_redriven(api, sender):
    """It is a dead letter in the failed bucket. A redrive posts it and removes it."""
    api.post(SHUTDOWN)
    project_all(api)
    sender.ahead, sender.answers = DAY, [503] * 2
    left = sender.run()
    found = sender.failed()
    sender.answers = [503]
    with pytest.raises(push.NotTaken):
        redrive(sender.deployment, found[0], lambda _, event: push.handler(event, CONTEXT))
    still = len(sender.failed())
    for one in found:
        redrive(sender.deployment, one, lambda _, event: push.handler(event, CONTEXT))

    assert 0 == left
    assert {("any", "RetriesExhausted", 1)} == {(one.function, one.condition, one.records) for one in found}
    assert (len(found), []) == (still, sender.failed())


def test_a_target_that_is_gone_is_left_alone(api, sender):
    """410 ends the attempts at once; the push can be redriven."""
    api.post(SHUTDOWN)
    project_all(api)
    sender.answers = [410, 410]

    assert 0 == sender.run()
    assert 2 == len(sender.failed())
    assert [] == sender.rests


def test_what_cannot_be_kept_as_failed_stays_in_the_queue(api, sender):
    """A push is given up only after its dead letter is written."""
    api.post(SHUTDOWN)
    project_all(api)
    sender.ahead, sender.answers = DAY, [503] * 2
    with failing("s3", "PutObject", error="SlowDown"):
        assert 2 == sender.run()


def test_logs_hold_ids_and_neither_bodies_nor_secrets(api, sender):
    """No line of any outcome has text of a body, the secret, a signature or the server's address."""
    sentence = "my canary sings at midnight"
    body = {
        "conversation_id": "c1",
        "event_type": "application.transcription_ready",
        "properties": {"transcript": [{"role": "user", "content": sentence}]},
    }
    api.post(body)
    project_all(api)
    secret = secret_of(sender)
    sender.answers = [204, 500, NotReached("ReadTimeoutError")]
    while sender.run():
        sender.ahead += DAY / 2
    signatures = [headers["webhook-signature"][3:] for _, _, headers in sender.posted]
    log = api.log.getvalue()

    assert any(sentence.encode() in sent for _, sent, _ in sender.posted)
    assert {"pushed", "not taken"} <= {record["message"] for record in api.records()}
    for canary in (sentence, secret, "hooks.example.com", api.token, *signatures):
        assert canary not in log


def test_a_message_that_is_no_push_is_left(sender):
    """It ends in the dead-letter queue."""
    url = sender.environment["PUSH_QUEUE_URL"]
    clients.sqs().send_message(QueueUrl=url, MessageBody="garbage")

    assert 1 == sender.run()


@pytest.mark.usefixtures("sender")
def test_a_function_without_a_target_says_which_variable_is_missing(monkeypatch):
    """A deployment that lost its parameter fails with a clear error."""
    monkeypatch.delenv("PUSH_URL")
    forget()

    with pytest.raises(MissingVariable, match="PUSH_URL"):
        push.handler({"detail": json.loads(erased_push("conversation", "c1", at=now()).detail())}, CONTEXT)


def test_the_secret_store_down_leaves_pushes_in_the_queue(api, sender):
    """No push is posted unsigned."""
    api.post(SHUTDOWN)
    project_all(api)
    with failing("secretsmanager", "GetSecretValue", error="InternalServiceError"):
        assert 2 == sender.run()
    assert [] == sender.posted


def types_of(sender):
    """Return the subject and type of each posted push."""
    pushes = [json.loads(body) for _, body, _ in sender.posted]
    return sorted((push["subject"], push["type"]) for push in pushes)


def test_what_waits_for_a_retry_is_not_posted_after_an_erasure(api, sender):
    """When the server is up again, it gets `conversation.erased` and the pushes about other subjects."""
    for subject in ("c1", "c2"):
        api.post({**SHUTDOWN, "conversation_id": subject})
    api.post({"video_id": "v1", "status": "ready"})
    project_all(api)
    sender.answers = [NotReached("ConnectTimeoutError")] * 6
    assert 6 == sender.run()

    sender.erase(("conversation", "c1"), ("video", "v1"))
    sender.posted = []
    left = sender.run()

    assert 0 == left
    assert types_of(sender) == [
        ("c1", "conversation.erased"),
        ("c2", "callback.system.shutdown"),
        ("c2", "conversation.ended"),
    ]


@pytest.mark.parametrize("sender", ["raw"], indirect=True)
def test_raw_mode_posts_nothing_of_an_erased_conversation(api, sender):
    """This holds even if the row still exists."""
    api.post(SHUTDOWN)
    project_all(api)
    sender.answers = [500]
    assert 1 == sender.run()

    sender.erase(("conversation", "c1"))
    sender.posted = []

    assert 0 == sender.run()
    assert [] == sender.posted


@pytest.mark.parametrize("sender", ["signed", "raw"], indirect=True)
def test_a_push_is_not_kept_as_failed_after_an_erasure(api, sender, monkeypatch):
    """The subject is erased during the last attempt."""
    api.post(SHUTDOWN)
    project_all(api)

    def refuse(*_arguments, **_options):
        beside(lambda: sender.erase(("conversation", "c1")))
        return Answer(410, None)

    monkeypatch.setattr(deliver_push, "post", refuse)
    sender.run()

    assert [] == sender.failed()
    assert "erased" in {record.get("outcome") for record in api.records()}


@pytest.mark.parametrize("sender", ["signed", "raw"], indirect=True)
def test_a_redrive_drops_the_push_of_an_erased_subject(api, sender):
    """A dead letter that `erase` did not see is removed, and nothing is posted."""
    api.post(SHUTDOWN)
    project_all(api)
    sender.answers = [410, 410]
    sender.run()
    failed = sender.failed()
    assert failed

    sender.erase(("conversation", "c1"))
    sender.posted = []
    for one in failed:
        redrive(sender.deployment, one, lambda _, event: push.handler(event, CONTEXT))

    assert [] == sender.posted
    assert [] == sender.failed()


def test_a_retry_that_cannot_ask_for_the_tombstone_stays_in_the_queue(api, sender):
    """Nothing is posted without the check, and nothing is lost."""
    api.post(SHUTDOWN)
    project_all(api)
    sender.answers = [500, 500]
    assert 2 == sender.run()
    sender.posted = []

    with failing("dynamodb", "GetItem", error="InternalServerError"):
        left = sender.run()
    url, name = sender.environment["PUSH_QUEUE_URL"], "ApproximateNumberOfMessagesNotVisible"
    waiting = clients.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]

    assert (2, "2") == (left, waiting)
    assert [] == sender.posted


def test_the_log_of_a_dropped_push_counts_it_and_names_nobody(api, sender):
    """The line has the outcome and no id; the metric `erased` counts each push."""
    api.post(SHUTDOWN)
    project_all(api)
    sender.answers = [500, 500]
    sender.run()
    before = len(api.records())

    Tombstones(clients.dynamodb(), sender.environment["EVENTS_TABLE"]).add(
        "conversation", "c1", at=now(), lifetime=None
    )
    sender.run()
    lines = api.records()[before:]

    assert ["erased"] * 2 == [line["outcome"] for line in lines if line["message"] == "dropped"]
    assert 2 == sum(line.get("erased", 0) for line in lines)
    assert not [line for line in lines if "c1" in json.dumps(line).replace("conversation", "")]
