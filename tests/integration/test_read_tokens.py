"""Read access: one answer for everybody without the right, on every route; no scope does another's work."""

from datetime import UTC, datetime, timedelta

import pytest
from inprocess import forget

from tavus_callbacks.domain.common.token import new_token
from tavus_callbacks.runtime import wiring
from tavus_callbacks_cli.local_stack.http.payload import Request
from tavus_callbacks_cli.tokens import revoke_token, rotate_token

ROUTES = (
    "/conversations",
    "/conversations/c1",
    "/conversations/c1/events",
    "/conversations/c1/transcript",
    "/conversations/c1/recordings",
    "/conversations/c1/recordings/latest",
    "/videos",
    "/videos/v1",
    "/replicas",
    "/replicas/r1",
    "/documents",
    "/documents/d1",
    "/lipsync",
    "/lipsync/l1",
    "/replacements",
    "/replacements/x1",
    "/transcriptions",
    "/transcriptions/t1",
    "/speech",
    "/speech/s1",
    "/subjects",
    "/stats",
    "/stack",
    "/erasures",
    "/events",
    "/events/x/body",
    "/quarantine",
    "/quarantine/x/body",
)
# Anybody may read these: test_openapi.py and test_runbooks.py hold that.
PUBLIC = {"/openapi.json", "/runbooks/{alarm}"}
SHUTDOWN = {"conversation_id": "c1", "event_type": "system.shutdown"}


@pytest.fixture
def bearers(api):
    """Return what stands in `Authorization` of those who may not read, by why."""
    now = datetime.now(UTC)
    expired, revoked = api.create_token("expired", "read"), api.create_token("revoked", "read")
    rotate_token(api.tokens_table, label="expired", grace=timedelta(seconds=-1), now=now)
    revoke_token(api.tokens_table, label="revoked", now=now)
    api.post(SHUTDOWN)
    return {
        "missing": None,
        "empty": "",
        "expired": f"Bearer {expired}",
        "revoked": f"Bearer {revoked}",
        "unknown": f"Bearer {new_token()}",
        "garbage": "Bearer no token",
        "another scheme": f"Basic {api.read_token}",
        "a callback token": f"Bearer {api.token}",
    }


def ask(api, path, bearer):
    """Read a path as somebody."""
    headers = () if bearer is None else ((b"authorization", bearer.encode()),)
    return api.send(Request("GET", path.encode(), b"", headers))


def test_the_list_of_routes_here_is_whole(api):
    """A new route is tested here too, unless anybody may read it."""
    deployed = {route.path for route in api.routes if route.function == "ReadFunction"}

    assert deployed >= PUBLIC
    assert len(ROUTES) == len(deployed - PUBLIC)


@pytest.mark.parametrize("path", ROUTES)
def test_everybody_who_may_not_read_gets_one_answer(api, bearers, path):
    """Not a byte tells why, nor whether there is anything of that name."""
    other = api.read_token if path.startswith("/quarantine") else api.quarantine_token
    scope = {"the other scope": f"Bearer {other}"}

    answers = {why: ask(api, path, bearer) for why, bearer in {**bearers, **scope}.items()}

    [(status, headers, _)] = {
        (one.status, tuple(sorted(one.headers.items())), one.body) for one in answers.values()
    }
    assert (401, "Bearer", "no-store") == (
        status,
        dict(headers)["www-authenticate"],
        dict(headers)["cache-control"],
    )


def test_the_answer_is_the_same_on_every_route(api):
    """Whether a thing is there or not, a stranger reads the same."""
    assert 1 == len({ask(api, path, None).body for path in ROUTES})


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEARER"])
def test_the_scheme_of_authorization_is_case_insensitive(api, scheme):
    """A client may write `Bearer` in any case."""
    assert 200 == ask(api, "/events", f"{scheme} {api.read_token}").status


@pytest.mark.parametrize("name", ["read_token", "quarantine_token"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_token_that_reads_posts_nothing(api, name, method):
    """It is not a callback token: a body posted with it is stored nowhere."""
    path = f"/callbacks/{getattr(api, name)}".encode()

    answer = api.send(Request(method, path, b"", ((b"content-type", b"application/json"),), b"{}"))

    assert 401 == answer.status
    assert [] == [item for item in api.items() if item["type"] != "use"]


def test_a_revoked_read_token_is_refused_within_a_minute(api, monkeypatch):
    """The memory of this runtime lasts no longer."""
    assert 200 == api.get("/events").status
    revoke_token(api.tokens_table, label="reader", now=datetime.now(UTC))
    clock = datetime.now(UTC) + timedelta(seconds=61)
    monkeypatch.setattr(wiring.tokens(), "clock", lambda: clock)

    assert 401 == api.get("/events").status
    forget()
