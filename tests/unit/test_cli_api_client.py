"""The API client returns every answer as a value, or raises an error that says what to do next."""

import threading

import click
import httpx
import pytest

from tavus_callbacks_cli.output import console
from tavus_callbacks_cli.targets.api_client import (
    ApiClient,
    BadRequest,
    NoSuchPath,
    NotFound,
    Unavailable,
    http_client,
)

API = "https://api.example.com/v1"


def api(answer) -> ApiClient:
    """Make a client of an API that answers a request by calling `answer`."""
    client = httpx.Client(base_url=API, transport=httpx.MockTransport(answer))
    return ApiClient(client, "Make another token.", "Is the URL right?")


def always(status: int, content: object) -> ApiClient:
    """Make a client of an API that always answers this."""
    return api(lambda _: httpx.Response(status, json=content))


def test_an_answer_is_its_object():
    """The path and parameters are sent below the URL, and the JSON object is returned."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert "https://api.example.com/v1/events?after=x" == str(request.url)
        return httpx.Response(200, json={"events": []})

    assert {"events": []} == api(answer).get("/events", {"after": "x"})


def test_a_slow_answer_is_waited_for_in_words(monkeypatch, capsys):
    """A person learns after two seconds that the command waits, and nothing if the answer is quick."""
    monkeypatch.setattr(console, "_SLOW", 0.05)
    asked = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.wait(0.5 if "slow" in str(request.url) else 0)
        return httpx.Response(200, json={})

    api(answer).get("/quick")
    assert "" == capsys.readouterr().err
    api(answer).get("/slow")
    assert "Waiting for the API to answer …\n" == capsys.readouterr().err


def test_a_body_with_a_byte_order_mark_is_read():
    """A stored body is returned as it was sent, including its byte order mark."""
    content = api(lambda _: httpx.Response(200, content=b'\xef\xbb\xbf{"a": 1}')).get("/events/x/body")

    assert {"a": 1} == content


@pytest.mark.parametrize(
    ("kind", "message", "status", "content"),
    [
        (click.ClickException, "Make another token.", 401, {"title": "Unauthorized"}),
        (NotFound, "No event x is stored.", 404, {"detail": "No event x is stored."}),
        (NoSuchPath, "Is the URL right?", 404, {"message": "Not Found"}),
        (BadRequest, "limit takes", 400, {"detail": "limit takes a whole number."}),
        (Unavailable, "429: Too Many Requests. Try again", 429, {"message": "Too Many Requests"}),
        (Unavailable, "503: Throttled. Try again", 503, {"detail": "Throttled"}),
        (Unavailable, "500", 500, None),
        (click.ClickException, "Is the URL right?", 200, []),
        (click.ClickException, "Is the URL right?", 302, None),
    ],
)
def test_every_other_answer_says_what_to_do(kind, message, status, content):
    """Errors that may pass differ from errors that will not, and each has a next step."""
    with pytest.raises(kind) as caught:
        always(status, content).get("/events")

    assert kind is type(caught.value)
    assert message in caught.value.message


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "7"}, 7), ({}, None)])
def test_a_busy_api_says_how_long_to_wait(headers, seconds):
    """The error has the status and the seconds of Retry-After, None if the answer has no such header."""
    with pytest.raises(Unavailable) as caught:
        api(lambda _: httpx.Response(429, headers=headers, json={"message": "Too Many Requests"})).get(
            "/events"
        )

    assert (429, seconds) == (caught.value.status, caught.value.retry_after)


def test_a_page_of_html_is_no_answer():
    """A page of a proxy or a wrong host is reported as such."""
    with pytest.raises(click.ClickException, match="not from a tavus-callbacks API"):
        api(lambda _: httpx.Response(200, html="<p>hi")).get("/events")


@pytest.mark.parametrize("content", [{}, {"quarantine": None}])
def test_a_list_without_its_items_is_no_answer(content):
    """Another program may answer with JSON at the address."""
    with pytest.raises(click.ClickException, match="not from a tavus-callbacks API"):
        list(api(lambda _: httpx.Response(200, json=content)).items("/quarantine"))


def test_an_answer_that_cannot_be_decompressed_is_no_answer():
    """A proxy may cut it off; the same request may succeed later."""
    headers = {"content-encoding": "gzip"}

    with pytest.raises(Unavailable, match="Is the URL right"):
        api(lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"no gzip"))).get(
            "/events"
        )


def test_a_reason_is_shown_escaped():
    """The reason of the other side cannot steer the terminal."""
    with pytest.raises(click.ClickException) as caught:
        always(400, {"detail": "\x1b[2J"}).get("/events")

    assert r"The API answered 400: \x1b[2J" == caught.value.message


def test_no_connection_says_what_to_check():
    """A refused connection may pass, so a command that waits can go on."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    with pytest.raises(Unavailable, match=r"No answer \(Connection refused\)\. Is the URL right\?"):
        api(refuse).get("/events")


def test_pages_follow_the_cursor_to_the_end():
    """Every page is requested once, with the parameters of the first."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        return httpx.Response(200, json={"events": [len(asked)], "cursor": "c" if len(asked) < 3 else None})

    pages = list(api(answer).pages("/events", {"kind": "video"}))

    assert [[1], [2], [3]] == [page["events"] for page in pages]
    first = {"limit": "200", "kind": "video"}
    assert [first, first | {"cursor": "c"}, first | {"cursor": "c"}] == asked


def test_the_token_goes_in_the_header():
    """The token is in the header, never in the URL."""
    with http_client(API, "tcb_x") as client:
        request = client.build_request("GET", "/events")

    assert "Bearer tcb_x" == request.headers["authorization"]
    assert "tcb_x" not in str(request.url)
