"""At the door: without a live token of the right scope there is one answer for all, and nothing is kept."""

from datetime import UTC, datetime, timedelta

import pytest
from inprocess import strict_json

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import digest_token, new_token
from tavus_callbacks_cli.local_stack.http.payload import Request

SHUTDOWN = {"conversation_id": "c1", "event_type": "system.shutdown"}
NOW = datetime.now(UTC)


@pytest.fixture
def dead_tokens(api):
    """Return tokens that must not be accepted for callbacks, by what is wrong with them."""

    def dead(**times):
        token = api.create_token()
        record = api.tokens_table.get_item(Key={"token_digest": digest_token(token)})["Item"]
        api.tokens_table.put_item(Item={**record, **times})
        return token

    return {
        "garbage": "garbage",
        "cut": api.token[:-1],
        "longer": api.token + "0",
        "wrong case": api.token.swapcase(),
        "unknown": new_token(),
        "revoked": dead(revoked_at=iso(NOW)),
        "expired": dead(expires_at=iso(NOW)),
        "to be revoked": dead(revoked_at=iso(NOW + timedelta(days=1))),
        "read": api.read_token,
        "quarantine": api.quarantine_token,
        "with a NUL": api.token + "%00",
        "escaped twice": "%2574cb_" + api.token[4:],
        "unicode": "t\u0441b_" + api.token[4:],
    }


def test_every_dead_token_gets_one_and_the_same_answer(api, dead_tokens):
    """Unknown, revoked, expired, of another scope, garbage: a stranger learns nothing, nothing is kept."""
    before = api.items()

    answers = {
        (reply.status, tuple(reply.headers.items()), reply.body)
        for token in dead_tokens.values()
        for reply in (
            api.post(SHUTDOWN, token=token),
            api.post(b"garbage", token=token),
            api.send(Request("GET", f"/callbacks/{token}".encode())),
            api.send(Request("POST", f"/callbacks/{token}/webhook".encode(), body=b"{}")),
            api.send(Request("GET", f"/callbacks/{token}/".encode())),
        )
    }

    [(status, _, body)] = answers
    assert (401, "Unauthorized") == (status, strict_json(body)["title"])
    assert before == api.items()


def test_every_dead_bearer_gets_one_and_the_same_answer(api, dead_tokens):
    """A reader without a live read token learns nothing, and how to authenticate."""
    headers = [f"Bearer {token}" for name, token in dead_tokens.items() if name != "read"]
    headers += ["", "Bearer", "Bearer ", f"Basic {api.read_token}", api.read_token, f"Bearer {api.token}"]
    requests = [
        Request("GET", path, b"", ((b"Authorization", header.encode("utf-8")),))
        for path in (b"/events", b"/conversations/c1/events", b"/events/x/body")
        for header in headers
    ]
    requests += [Request("GET", b"/events"), Request("GET", b"/quarantine")]

    answers = {(reply.status, tuple(reply.headers.items()), reply.body) for reply in map(api.send, requests)}

    [(status, sent, _)] = answers
    assert (401, "Bearer", "no-store") == (
        status,
        dict(sent)["www-authenticate"],
        dict(sent)["cache-control"],
    )


@pytest.mark.parametrize(
    ("path", "token", "expected"),
    [
        ("/quarantine", "read_token", 401),
        ("/quarantine", "quarantine_token", 200),
        ("/events", "quarantine_token", 401),
        ("/events", "read_token", 200),
    ],
)
def test_quarantine_is_read_with_a_scope_of_its_own(api, path, token, expected):
    """A body in quarantine can hold anything: a token that reads events does not read it."""
    assert expected == api.get(path, token=getattr(api, token)).status


def test_a_pasted_url_can_be_tried_in_a_browser(api):
    """GET on the callback URL says that it is ready and whose it is."""
    reply = api.send(Request("GET", f"/callbacks/{api.token}".encode(), b"user=4711"))

    assert (200, {"label": "test", "ready": True}) == (reply.status, reply.value)
    assert "no-store" == reply.headers["cache-control"]
