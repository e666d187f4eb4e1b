"""Tokens at the door: remembered a minute, a quarter of an hour while the store is down, and no longer."""

from datetime import UTC, datetime, timedelta

import pytest
from inprocess import failing

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import digest_token, new_token
from tavus_callbacks.runtime import wiring
from tavus_callbacks_cli.tokens import revoke_token, rotate_token

SHUTDOWN = {"conversation_id": "c1", "event_type": "system.shutdown"}
SECOND = timedelta(seconds=1)


class Clock:
    """A clock that stops until the test moves it."""

    def __init__(self):
        self.now = datetime(2026, 7, 11, 7, 0, tzinfo=UTC)

    def __call__(self):
        """Tell the time."""
        return self.now


@pytest.fixture
def clock(api):
    """Give the receiver's tokens a clock of the test's."""
    made = Clock()
    assert api.token
    wiring.tokens(quick=True).clock = made
    return made


def used_at(api):
    """Return the times of last use that are noted."""
    return [item["used_at"] for item in api.items() if item["type"] == "use"]


def test_two_tokens_are_live_at_once_each_with_its_label(api):
    """A second token is accepted beside the first, and each event says by which it came."""
    other = api.create_token("other")

    for subject, token in (("c1", api.token), ("c2", other)):
        api.post(SHUTDOWN | {"conversation_id": subject}, token=token)

    assert {("c1", "test"), ("c2", "other")} == {(event["subject"], event["label"]) for event in api.pull()}


@pytest.mark.parametrize(("after", "expected"), [(59 * SECOND, 200), (60 * SECOND, 401)])
def test_a_revoked_token_is_refused_within_a_minute(api, clock, after, expected):
    """While the store answers, a token that was revoked is remembered for less than a minute."""
    api.post(SHUTDOWN)
    revoke_token(api.tokens_table, label="test", now=clock.now)

    clock.now += after

    assert expected == api.post(SHUTDOWN).status


@pytest.mark.parametrize(("after", "expected"), [(59 * SECOND, 200), (60 * SECOND, 401)])
def test_a_deleted_token_is_refused_within_a_minute(api, clock, after, expected):
    """A token whose record is gone is refused like a revoked one."""
    api.post(SHUTDOWN)
    api.tokens_table.delete_item(Key={"token_digest": digest_token(api.token)})

    clock.now += after

    assert expected == api.post(SHUTDOWN).status


@pytest.mark.parametrize(("after", "expected"), [(59 * SECOND, 200), (60 * SECOND, 401)])
def test_a_token_expires_to_the_second_even_where_it_is_remembered(api, clock, after, expected):
    """Expiry is checked with every callback, not with every look-up."""
    token = rotate_token(api.tokens_table, label="test", grace=60 * SECOND, now=clock.now).token
    api.post(SHUTDOWN)

    clock.now += after

    assert expected == api.post(SHUTDOWN).status
    assert 200 == api.post(SHUTDOWN, token=token).status


@pytest.mark.usefixtures("one_attempt")
@pytest.mark.parametrize("error", [None, "ProvisionedThroughputExceededException", "AccessDeniedException"])
@pytest.mark.parametrize(
    ("after", "expected"), [(timedelta(minutes=14, seconds=59), 200), (timedelta(minutes=15), 503)]
)
def test_a_known_token_outlives_an_outage_of_15_minutes(api, clock, error, after, expected):
    """While look-ups fail in whatever way, what was looked up in the last quarter of an hour is accepted."""
    api.post(SHUTDOWN)

    clock.now += after
    with failing("dynamodb", "GetItem", error=error):
        reply = api.post(SHUTDOWN)

    assert expected == reply.status


@pytest.mark.usefixtures("one_attempt")
def test_a_revoked_token_is_refused_15_minutes_into_an_outage_at_the_latest(api, clock):
    """A token revoked while the store is down is not accepted for longer than the grace."""
    api.post(SHUTDOWN)
    revoke_token(api.tokens_table, label="test", now=clock.now)

    clock.now += timedelta(minutes=15)
    with failing("dynamodb", "GetItem"):
        assert 503 == api.post(SHUTDOWN).status
    assert 401 == api.post(SHUTDOWN).status


@pytest.mark.usefixtures("one_attempt")
@pytest.mark.parametrize("token", ["known", "unknown"])
def test_an_unremembered_token_during_an_outage_is_503(api, token):
    """A token that cannot be looked up is neither accepted nor refused: the sender may try again."""
    with failing("dynamodb", "GetItem"):
        reply = api.post(SHUTDOWN, token=api.token if token == "known" else new_token())

    assert (503, "30") == (reply.status, reply.headers["retry-after"])
    assert "Store unavailable" == reply.value["title"]
    assert [] == api.items()


def test_garbage_is_refused_without_asking_the_store(api):
    """A token with a wrong checksum costs no look-up, and is refused during an outage too."""
    with failing("dynamodb", "GetItem"):
        assert 401 == api.post(SHUTDOWN, token="garbage").status
        assert 401 == api.post(SHUTDOWN, token=api.token[:-1] + "é").status


def test_a_remembered_token_costs_no_look_up(api):
    """Within a minute the store is asked once."""
    api.post(SHUTDOWN)

    with failing("dynamodb", "GetItem"):
        assert ["duplicate"] * 3 == [api.post(SHUTDOWN).value["status"] for _ in range(3)]


def test_the_last_use_is_noted_once_an_hour(api, clock):
    """`token list` knows the last use to the hour, for one small write an hour."""
    noted = []
    for minutes in (0, 30, 59, 60, 61):
        clock.now = datetime(2026, 7, 11, 7, 0, tzinfo=UTC) + timedelta(minutes=minutes)
        api.post(SHUTDOWN)
        noted += used_at(api)

    first, second = "2026-07-11T07:00:00.000000Z", "2026-07-11T08:00:00.000000Z"
    assert [first, first, first, second, second] == noted


@pytest.mark.parametrize("body", [SHUTDOWN, b"nope"])
def test_a_callback_is_kept_though_its_tokens_use_cannot_be_noted(api, clock, body):
    """Noting the use is a courtesy: its failure is logged and changes no answer, and is made up for later."""
    expected = 200 if body is SHUTDOWN else 400
    api.post({**SHUTDOWN, "event_type": "system.replica_joined"})
    clock.now += timedelta(hours=2)

    with failing("dynamodb", "PutItem", when=lambda put: put["Item"]["pk"]["S"].startswith("token#")):
        assert expected == api.post(body).status
    assert "ReadTimeoutError" == api.records()[-1]["use_not_noted"]
    api.post(body)

    assert [iso(clock.now)] == used_at(api)


def test_a_fault_behind_the_store_leaves_the_log_record_whole(api, clock):
    """A callback that was stored is logged with its outcome, even if our own code fails afterwards."""
    api.post({**SHUTDOWN, "event_type": "system.replica_joined"})
    clock.now += timedelta(hours=2)

    def crash():
        raise RuntimeError("our own fault")

    crashing = failing(
        "dynamodb", "PutItem", when=lambda put: put["Item"]["pk"]["S"].startswith("token#") and crash()
    )
    with crashing, pytest.raises(RuntimeError):
        api.post(SHUTDOWN)

    record = api.records()[-1]
    assert ("stored", "system.shutdown") == (record["outcome"], record["event_type"])


def test_reading_notes_the_use_of_a_read_token(api):
    """A read token that is in use is seen as such."""
    api.get("/events")

    assert [f"token#{digest_token(api.read_token)[:12]}"] == [item["pk"] for item in api.items()]


def test_no_store_knows_a_token(api):
    """The store has a token's digest, label, scope and times, and nothing else."""
    api.post(SHUTDOWN)

    [record] = [
        item for item in api.tokens_table.scan()["Items"] if item["token_digest"] == digest_token(api.token)
    ]

    assert {"token_digest", "label", "scope", "created_at"} == set(record)
    assert not [kept for kept in api.everything_kept() if api.token.encode() in kept]
