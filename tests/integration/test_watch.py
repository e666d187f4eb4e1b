"""The schedule checks open conversations, fetches what Tavus has, and gives the rest up."""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from inprocess import beside, failing, forget
from moto.core import DEFAULT_ACCOUNT_ID
from projecting import calls, post_scenario, project_all, row_of
from recording_stack import recording_stack

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.handlers import watch
from tavus_callbacks.logic import check_open, publish
from tavus_callbacks.outbound.tavus_api import TavusApi, UnknownThere
from tavus_callbacks.runtime import wiring
from tavus_callbacks_cli.local_stack.behaviour import MODES, Behaviour
from tavus_callbacks_cli.local_stack.tavus_api import KEY, StandIn, serve_stand_in

SECRET = f"arn:aws:secretsmanager:us-east-1:{DEFAULT_ACCOUNT_ID}:secret:tavus-callbacks-local-ApiKey"


def said(event_type, conversation_id="c1", *, at, **properties):
    """Make a callback."""
    return {
        "event_type": event_type,
        "message_type": event_type.partition(".")[0],
        "conversation_id": conversation_id,
        "webhook_url": "https://example.com/callbacks/none?user=4711",
        "timestamp": at.isoformat(),
        "properties": properties,
    }


@dataclass
class Watched:
    """A stack whose schedule the tests run by hand, at times that they choose."""

    api: object
    stand_in: StandIn
    ahead: timedelta = timedelta()
    left: int = 300_000

    def now(self):
        """Return the time as `watch` sees it."""
        return datetime.now(UTC) + self.ahead

    def run(self, **ahead):
        """Run the schedule after some time and return its log record."""
        self.ahead += timedelta(**ahead)
        watch.handler({}, SimpleNamespace(get_remaining_time_in_millis=lambda: self.left))
        record = next(record for record in reversed(self.api.records()) if record["message"] == "watch")
        if record.get("filed"):
            project_all(self.api)
        return record

    def happen(self, *callbacks, lost=()):
        """Let Tavus know callbacks and send those that are not lost."""
        for number, body in enumerate(callbacks):
            self.stand_in.learn(body)
            if number not in lost:
                assert 200 == self.api.post(body, query="user=4711").status
        project_all(self.api)

    def conversation(self, name="c1"):
        """Read a conversation."""
        return self.api.get(f"/conversations/{name}").value

    def listed(self):
        """Read the list, by id."""
        page = self.api.get("/conversations").value["conversations"]
        return {conversation["conversation_id"]: conversation for conversation in page}


@pytest.fixture(scope="module")
def served():
    """Return a stand-in for Tavus and its URL."""
    stand_in = StandIn()
    with serve_stand_in(stand_in) as url:
        yield stand_in, url


@pytest.fixture
def watched(api, served, monkeypatch):
    """Return a stack that asks a stand-in for Tavus."""
    stand_in, url = served
    stand_in.behaviour = Behaviour()
    stand_in.conversations.clear()
    stand_in.requests.clear()
    for name, value in {
        "TAVUS_API_URL": url,
        "TAVUS_API_KEY_SECRET": SECRET,
        "RECORDINGS_BUCKET": "",
    }.items():
        monkeypatch.setenv(name, value)
    clients.secretsmanager().create_secret(Name="tavus-callbacks-local-ApiKey", SecretString=f"{KEY}\n")
    forget()
    monkeypatch.setattr(watch.logger.registered_handler, "stream", api.log)
    made = Watched(api, stand_in)
    for module in (watch, publish):
        monkeypatch.setattr(module, "now", made.now)
    return made


def ended(name="c1", *, at=None, **more):
    """Return a conversation of three callbacks that has just ended."""
    at = at or datetime.now(UTC)
    return [
        said("system.replica_joined", name, at=at - timedelta(minutes=2), replica_id="r1"),
        said("system.shutdown", name, at=at, shutdown_reason="participant_left_timeout"),
        said("application.transcription_ready", name, at=at, transcript=[], **more),
    ]


def test_a_lost_transcript_is_fetched(watched):
    """It ended without a transcript: Tavus is asked, and the transcript is stored as if it had arrived."""
    watched.happen(*ended(), lost={2})

    record = watched.run(minutes=3)

    assert (1, 1) == (record["asked"], record["filed"])
    conversation = watched.conversation()
    assert ([], ["backfill", "callback"], True) == (
        conversation["missing"],
        conversation["received_from"],
        conversation["confirmed"],
    )
    [transcript] = [
        event for event in watched.api.events("c1") if event["event_type"].startswith("application")
    ]
    assert ("backfill", {"user": "4711"}, "test") == (
        transcript["source"],
        transcript["tags"],
        transcript["label"],
    )


def test_a_large_transcript_is_fetched_too(watched):
    """Bodies in the bucket are read to compare them, and written."""
    words = [{"role": "user", "content": secrets.token_hex(40_000)}]
    joined, shutdown, transcript = ended()
    joined["properties"]["note"] = secrets.token_hex(40_000)
    transcript["properties"]["transcript"] = words
    watched.happen(joined, shutdown, transcript, lost={2})

    watched.run(minutes=3)

    [turn] = watched.api.get("/conversations/c1/transcript").value["turns"]
    assert words[0]["content"] == turn["text"]
    assert 2 == len(watched.api.object_keys())


def test_what_tavus_says_otherwise_is_kept_beside(watched):
    """A record that names the end's reason differently is a variant of the same event."""
    joined, shutdown, transcript = ended()
    watched.happen(joined, shutdown, transcript, lost={2})
    for event in watched.stand_in.conversations["c1"]["events"]:
        if event["event_type"] == "system.shutdown":
            event["properties"] = {"reason": "participant_left_timeout reached"}

    record = watched.run(minutes=3)

    assert (1, 1) == (record["filed"], record["variants"])
    assert 3 == len(watched.api.events("c1"))


def test_what_is_complete_is_left_alone(watched):
    """Nothing is open, Tavus is not asked, and the metric is zero."""
    watched.happen(*ended())

    record = watched.run(minutes=3)

    assert [] == watched.stand_in.requests
    assert (0, 1) == (record["oldest_open"], record["seen"])


def test_a_conversation_without_shutdown_gets_it_from_tavus(watched):
    """After hours of silence it is presumed to have ended; Tavus shows that it has, and how."""
    watched.happen(*ended(), lost={1, 2})
    assert "active" == watched.listed()["c1"]["status"]

    watched.run(minutes=241)

    assert "ended" == watched.listed()["c1"]["status"]
    assert "participant_left_timeout" == watched.conversation()["ending"]["code"]


def test_confirmed_is_what_tavus_has_shown(watched):
    """Events that Tavus showed are confirmed in the list too, until one arrives that Tavus does not have."""
    watched.happen(*ended(), lost={2})
    watched.run(minutes=3)
    assert watched.listed()["c1"]["confirmed"]

    watched.ahead = timedelta()
    forged = said("application.perception_analysis", at=datetime.now(UTC), analysis="forged")
    watched.api.post(forged, at=datetime.now(UTC) + timedelta(minutes=4))
    project_all(watched.api)

    assert not watched.listed()["c1"]["confirmed"]
    assert not watched.conversation()["confirmed"]


def test_what_somebody_else_sent_is_not_confirmed(watched):
    """Tavus shows the conversation, but not every event that arrived for it."""
    watched.happen(*ended(), lost={2})
    watched.api.post(said("application.perception_analysis", at=datetime.now(UTC), analysis="forged"))
    project_all(watched.api)

    watched.run(minutes=10)

    assert not watched.conversation()["confirmed"]


@pytest.mark.slow
def test_a_hopeless_one_is_asked_ever_more_seldom_and_given_up(watched):
    """Tavus has no transcript either: about ten questions in two days, then it is no longer open."""
    watched.happen(*ended()[:2])

    records = [watched.run(minutes=5) for _ in range(12)] + [watched.run(hours=2) for _ in range(30)]

    assert 4 == sum(record.get("asked", 0) for record in records[:12])
    assert 9 <= len(watched.stand_in.requests) <= 11
    assert records[11]["oldest_open"] == pytest.approx(3600, abs=120)
    assert 0 == records[-1]["oldest_open"]
    assert ["transcript"] == watched.listed()["c1"]["missing"]


def test_one_that_tavus_does_not_know_is_asked_once(watched):
    """It belongs to another account or was deleted: it stays as it is and is no longer open."""
    watched.happen(*ended(), lost={2})
    watched.stand_in.conversations.clear()

    first, second = watched.run(minutes=3), watched.run(hours=3)

    assert 1 == first["unknown"]
    assert (1, 0) == (len(watched.stand_in.requests), second["oldest_open"])


def test_a_conversation_that_is_erased_while_tavus_is_asked_gets_no_row(watched, monkeypatch):
    """Tavus does not know it any more, and no row notes that."""
    watched.happen(*ended(), lost={2})

    def erase(conversation_id):
        table = watched.api.environment["EVENTS_TABLE"]
        Tombstones(clients.dynamodb(), table).add(
            "conversation", conversation_id, at=datetime.now(UTC), lifetime=None
        )
        for item in watched.api.items():
            if item["pk"] == f"conversation#{conversation_id}":
                clients.dynamodb().delete_item(
                    TableName=table, Key=row_of({"pk": item["pk"], "sk": item["sk"]})
                )

    def erase_and_refuse(_api, conversation_id):
        beside(lambda: erase(conversation_id))
        raise UnknownThere

    monkeypatch.setattr(TavusApi, "conversation", erase_and_refuse)
    record = watched.run(minutes=3)

    assert 1 == record["asked"]
    assert [] == [item for item in watched.api.items() if item["pk"] == "conversation#c1"]


@pytest.mark.parametrize(
    ("mode", "counted"),
    [("401", "key_refused"), ("500", "tavus_busy"), ("429", "tavus_busy")],
)
def test_a_refusal_ends_the_asking_of_this_run(watched, monkeypatch, mode, counted):
    """One question shows that a key is refused or a server is busy; no other conversation is asked about."""
    monkeypatch.setattr(wiring, "_TAVUS_PATIENCE", 0)
    for number in range(3):
        watched.happen(*ended(f"c{number}"), lost={2})
    watched.stand_in.behaviour = Behaviour(status=MODES[mode].status, retry_after=MODES[mode].retry_after)

    record = watched.run(minutes=3)

    assert (1, 1, 1) == (record[counted], record["asked"], len(watched.stand_in.requests))


def test_after_a_refusal_the_next_runs_go_on(watched, monkeypatch):
    """A key that was replaced in its secret is read again."""
    monkeypatch.setattr(wiring, "_TAVUS_PATIENCE", 0)
    watched.happen(*ended(), lost={2})
    watched.stand_in.behaviour = Behaviour(status=401, times=1)
    watched.run(minutes=3)

    watched.run(minutes=11)

    assert [] == watched.conversation()["missing"]


@pytest.mark.parametrize("mode", ["null-events", "no-events"])
def test_a_record_without_events_is_asked_again_later(watched, mode):
    """A record without `events`, or with null, adds and confirms nothing."""
    watched.happen(*ended(), lost={2})
    watched.stand_in.behaviour = MODES[mode]
    watched.run(minutes=3)
    assert not watched.conversation()["confirmed"]

    watched.stand_in.behaviour = Behaviour()
    watched.run(minutes=11)

    assert [] == watched.conversation()["missing"]


def test_an_answer_that_cannot_be_read_stops_nobody(watched):
    """Status 400 is not documented: it is counted, and the next conversation is asked about."""
    for number in range(2):
        watched.happen(*ended(f"c{number}"), lost={2})
    watched.stand_in.behaviour = Behaviour(status=400, times=1)

    record = watched.run(minutes=3)

    assert (2, 1, 1) == (record["asked"], record["unreadable"], record["filed"])


def test_without_a_key_nobody_is_asked(watched, monkeypatch):
    """The rest of the run goes on: open conversations and overdue callbacks are counted."""
    monkeypatch.delenv("TAVUS_API_KEY_SECRET")
    forget()
    watched.happen(*ended(), lost={2})

    record = watched.run(minutes=30)

    assert [] == watched.stand_in.requests
    assert record["oldest_open"] == pytest.approx(1800, abs=120)
    assert 1 == record["overdue"]


def test_a_secret_that_cannot_be_read_stops_nothing_else(watched):
    """A deleted or forbidden secret is logged, and open conversations are counted."""
    watched.happen(*ended(), lost={2})

    with failing("secretsmanager", "GetSecretValue", error="AccessDeniedException"):
        record = watched.run(minutes=30)

    assert (1, True) == (record["key_unreadable"], record["oldest_open"] > 0)


def test_what_waits_for_a_redrive_is_counted(watched):
    """Every run counts the dead letters, also one that fails. A silent bucket stops nothing else."""
    watched.happen(*ended(), lost={2})
    bucket = watched.api.environment["FAILED_BUCKET"]
    for key in ("aws/lambda/async/project/1", "aws/lambda/async/project/2", "other"):
        clients.s3().put_object(Bucket=bucket, Key=key)
    with failing("s3", "ListObjectsV2", error="SlowDown"):
        unread = watched.run(minutes=3)

    assert (None, 1) == (unread.get("failed_waiting"), unread["filed"])
    assert "the failed bucket cannot be read" in watched.api.log.getvalue()
    assert 2 == watched.run()["failed_waiting"]

    with failing("dynamodb", "Query", error="InternalServerError"), pytest.raises(watch.StoreDown):
        watched.run()
    assert 2 == watched.api.records()[-1]["failed_waiting"]


def test_what_tavus_answers_is_not_overdue(watched):
    """A callback that was fetched, or of a conversation unknown to Tavus, is not; without an answer it is."""
    for name in ("c1", "unknown", "c2"):
        watched.happen(*ended(name), lost={2})
    watched.stand_in.conversations.pop("unknown")
    watched.stand_in.behaviour = Behaviour(status=500)
    first = watched.run(minutes=3)
    watched.stand_in.behaviour = Behaviour()
    second = watched.run(minutes=6)

    assert (3, True) == (first["overdue"], "tavus_busy" in first)
    assert (2, "overdue" in second) == (second["filed"], False)


def test_only_what_ended_lately_is_overdue(watched, monkeypatch):
    """Without a key one callback is: the others are of a test, of an old conversation, or not due yet."""
    monkeypatch.delenv("TAVUS_API_KEY_SECRET")
    forget()
    at = datetime.now(UTC)
    for name, began, query in (
        ("late", at, ""),
        ("tested", at, "simulated=true"),
        ("old", at - timedelta(hours=7), ""),
    ):
        watched.api.post(ended(name, at=began)[1], at=began, query=query)
    watched.api.post(ended("active", at=at)[0], at=at)
    project_all(watched.api)

    assert ("overdue" in watched.run(), 1) == (False, watched.run(minutes=3)["overdue"])


def test_a_run_that_ends_early_is_gone_on_with(watched, monkeypatch):
    """A run without time checks one page; the next one goes on there and remembers the oldest."""
    monkeypatch.setattr(check_open, "PAGE", 4)
    at = datetime.now(UTC)
    for number in range(check_open.PAGE + 3):
        watched.api.post(said("system.replica_joined", f"c{number}", at=at - timedelta(minutes=number)))
    project_all(watched.api)
    watched.left = 0

    first, second = watched.run(), watched.run()

    assert (False, True) == (first["is_whole"], second["is_whole"])
    assert check_open.PAGE + 3 == first["seen"] + second["seen"]
    assert second["oldest_open"] == pytest.approx(60 * (check_open.PAGE + 2), abs=60)


def test_the_older_ones_are_looked_at_every_three_hours(watched, monkeypatch):
    """Each run checks the newest; what the last check of all showed counts until the next one."""
    monkeypatch.delenv("TAVUS_API_KEY_SECRET")
    forget()
    at = datetime.now(UTC) - timedelta(hours=10)
    watched.api.post(ended(at=at)[1], at=at)
    project_all(watched.api)

    runs = [watched.run(minutes=minutes) for minutes in (0, 5, 170, 10)]

    assert [1, 0, 0, 1] == [record.get("seen", 0) for record in runs]
    assert all(record["oldest_open"] >= 36_000 for record in runs)


def test_so_many_questions_and_no_more(watched, monkeypatch):
    """The next run asks about the rest."""
    monkeypatch.setattr(check_open, "QUESTIONS", 1)
    monkeypatch.setattr(check_open, "PAGE", 1)
    for number in range(2):
        watched.happen(*ended(f"c{number}"), lost={2})

    first, second = watched.run(minutes=3), watched.run(minutes=1)

    assert (1, 1) == (first["asked"], second["asked"])


def test_two_runs_at_once_ask_once(watched):
    """An attempt is claimed before it is made; a run that cannot claim it does not ask."""
    watched.happen(*ended(), lost={2})
    rows = wiring.repair_attempts()
    claim, results = type(rows).claim, []

    def twice(self, name, before, *, next_at):
        results.extend(claim(self, name, before, next_at=next_at) for _ in range(2))
        return results[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(rows), "claim", twice)
        watched.run(minutes=3)

    assert [True, False] == results
    assert [] == watched.stand_in.requests


def test_a_body_that_we_stumble_over_stops_no_other(watched, monkeypatch):
    """A fault in one conversation is logged by its place, and the others are checked."""
    for number in range(2):
        watched.happen(*ended(f"c{number}"), lost={2})
    repair, stumbled = check_open.repair_conversation, []

    def stumble(stores, record, **rest):
        if not stumbled:
            stumbled.append(True)
            raise RuntimeError("canary-body")
        return repair(stores, record, **rest)

    monkeypatch.setattr(check_open, "repair_conversation", stumble)
    record = watched.run(minutes=3)

    assert (1, 1) == (record["failed"], record["filed"])
    assert "canary-body" not in watched.api.log.getvalue()


def test_a_store_that_is_down_ends_the_run(watched):
    """The next run does everything again; nothing counts as done."""
    watched.happen(*ended(), lost={2})

    with failing("dynamodb", "UpdateItem", error="InternalServerError"), pytest.raises(watch.StoreDown):
        watched.run(minutes=3)

    assert [] == watched.stand_in.requests


def test_neither_key_nor_callback_url_is_logged(watched):
    """The record's callback_url holds a token and the request a key: neither is logged or stored."""
    for body in ended():
        watched.stand_in.learn(
            {**body, "webhook_url": f"https://x.test/callbacks/{watched.api.token}?user=1"}
        )
    watched.api.post(ended()[1])
    project_all(watched.api)

    watched.run(minutes=3)

    stored = b"".join(watched.api.everything_kept()).decode(errors="replace")
    assert watched.api.token not in watched.api.log.getvalue() + stored
    assert KEY not in watched.api.log.getvalue() + stored


def test_what_is_simulated_is_no_open_thing(watched):
    """Simulated callbacks raise no alarm."""
    post_scenario(watched.api, "conversation", now=datetime.now(UTC), query="simulated=true")
    project_all(watched.api)

    assert 0 == watched.run(hours=5)["oldest_open"]


@pytest.fixture
def told(watched, monkeypatch):
    """Return what is put on the bus as (type, detail), in order."""
    assert watched
    monkeypatch.setenv("EVENT_BUS", "tavus-callbacks-local-EventBus")
    forget()
    clients.events().create_event_bus(Name="tavus-callbacks-local-EventBus")
    with calls(clients.events()) as seen:
        yield lambda: [
            (entry["DetailType"], json.loads(entry["Detail"]))
            for operation, params in seen
            if operation == "PutEvents"
            for entry in params["Entries"]
            if not entry["DetailType"].startswith("callback.")
        ]
    clients.events.cache_clear()


def test_what_only_time_says_is_told_once(watched, told):
    """A presumed end and a conversation that is complete but for overdue parts are published once."""
    watched.stand_in.behaviour = Behaviour(events="null")
    watched.happen(*ended()[:1])
    assert ["conversation.started"] == [push_type for push_type, _ in told()]

    for _ in range(3):
        watched.run(minutes=241)

    assert ["conversation.started", "conversation.complete", "conversation.ended"] == [
        push_type for push_type, _ in told()
    ]
    data = told()[-1][1]["data"]
    assert ("presumed_ended", ["shutdown", "transcript"]) == (data["status"], data["missing"])


def test_a_shutdown_from_the_far_future_is_complete_and_given_up(watched, told):
    """Tavus is asked for its transcript, then it is missing: `complete` is published, nothing stays open."""
    joined = said("system.replica_joined", at=datetime.now(UTC))
    shutdown = said("system.shutdown", at=datetime(2099, 1, 1, tzinfo=UTC))
    watched.happen(joined, shutdown)

    first, last = watched.run(minutes=3), watched.run(hours=60)

    assert (1, 0) == (first["asked"], last["oldest_open"])
    assert 1 == [push_type for push_type, _ in told()].count("conversation.complete")
    assert ("ended", ["transcript"]) == tuple(watched.listed()["c1"][name] for name in ("status", "missing"))


def test_a_shutdown_after_a_presumed_end_is_pushed_with_its_reason(watched, told):
    """The presumed end was published; the shutdown that Tavus shows later is a second push."""
    watched.stand_in.behaviour = Behaviour(events="null")
    watched.happen(*ended(), lost={1, 2})
    watched.run(minutes=241)
    watched.stand_in.behaviour = Behaviour()

    for _ in range(2):
        watched.run(minutes=30)

    ends = [detail for push_type, detail in told() if push_type == "conversation.ended"]
    assert [("presumed_ended", None), ("ended", "participant_left_timeout")] == [
        (detail["data"]["status"], detail["data"]["end_reason"]) for detail in ends
    ]
    assert 2 == len({detail["push_id"] for detail in ends})
    assert "transcript.ready" in [push_type for push_type, _ in told()]


def test_a_recording_that_a_look_finds_is_told(watched, told, template, monkeypatch):
    """Without an S3 event, only the schedule can publish it."""
    monkeypatch.setenv("RECORDINGS_BUCKET", watched.api.environment["RECORDINGS_BUCKET"])
    forget()
    with recording_stack(watched.api, template, monkeypatch) as recordings:
        recordings.claim("tavus/c1/1", said_at=datetime.now(UTC))
        project_all(watched.api)
        recordings.put("tavus/c1/1")

        for _ in range(2):
            watched.run(minutes=5)

    assert 1 == sum(push_type == "recording.available" for push_type, _ in told())


def test_a_pending_recording_is_looked_for_until_it_is_missing(watched, template, monkeypatch):
    """Without an S3 event, the schedule finds the object, or the recording is missing in the end."""
    monkeypatch.setenv("RECORDINGS_BUCKET", watched.api.environment["RECORDINGS_BUCKET"])
    forget()
    with recording_stack(watched.api, template, monkeypatch) as recordings:
        for name in ("c1", "c2"):
            recordings.claim(f"tavus/{name}/1", said_at=datetime.now(UTC))
        project_all(watched.api)
        recordings.put("tavus/c1/1")

        first = watched.run(minutes=10)
        last = watched.run(minutes=55)
        recordings.ahead = watched.ahead

        assert (2, 1) == (first["looked"], first["recordings_waited_for"])
        assert first["oldest_open"] == pytest.approx(600, abs=60)
        assert (1, "available") == (last["looked"], recordings.only("c1")["status"])
        assert "missing" == recordings.only("c2")["status"]
