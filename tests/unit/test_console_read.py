"""The page reads the target's API through the console, which keeps the credentials to itself."""

import click
import httpx
import pytest
from console_pages import API_URL, BEARER, CDN, ask, console, document, headers_of, read_api

HOSTILE = [
    "//evil.example/x",
    "/",
    "",
    "/..",
    "/../admin",
    "/events/..",
    "/events/../../admin",
    "/events/%2e%2e/x",
    "/events/%2E%2e",
    "/events/.%2e/x",
    "/./events",
    "/%2e/events",
    "/events/",
    "/events//x",
    "/events/%2fx",
    "/events/..%2f..%2fadmin",
    "/events/%5c..%5cx",
    "/events/\\evil.example",
    "/http://evil.example/",
    "/events/%0d%0aset-cookie:a=b",
    "/events/a%00",
    "/events/%zz",
    "/events/%",
    "/events/a b",
    "/events/ü",
    "/events/<script>",
    "/events?a b",
    "/events?ü",
    "/events?a\r\nx: y",
]


class Api:
    """An API that notes what it is asked and answers the same."""

    def __init__(self, status=200, **answer):
        self.requests = []
        self.status, self.answer = status, answer or {"json": {"a": 1}}

    def __call__(self, request):
        """Answer a request."""
        self.requests.append(request)
        return httpx.Response(self.status, **self.answer)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_does_not_leave_the_api(path):
    """A path that could mean another host or another path is not sent at all."""
    api = Api()

    answer = ask(console(api), "GET", f"/console/read{path}")

    assert 404 == answer.status
    assert [] == api.requests


@pytest.mark.parametrize(
    "path",
    [
        "/conversations",
        "/conversations?tag=user%3A4711&limit=50",
        "/conversations?",
        "/conversations/c1/recordings/latest?format=json",
        "/conversations/%F0%9F%8E%A5/transcript?format=vtt",
        "/events/conversation.c1.0000-ab~c",
        "/conversations/a:b@c!$&'()*+,;=",
        "/conversations/%252e%252e",
        "/conversations/...",
        "/events?after=..%2F..%2F&x=//evil.example/",
        "/events?after=http://evil.example/%0d%0a",
        "/quarantine/ab/body",
    ],
)
def test_a_request_is_passed_on_as_it_is(path):
    """Path and query reach the API byte by byte, below its address."""
    api = Api()

    answer = ask(console(api), "GET", f"/console/read{path}")

    assert 200 == answer.status
    assert {"a": 1} == document(answer)
    assert [f"{API_URL}{path}".removesuffix("?")] == [str(request.url) for request in api.requests]
    assert [f"Bearer {BEARER}"] == [request.headers["authorization"] for request in api.requests]


def test_nothing_of_the_browser_reaches_the_api():
    """Neither the cookie nor another header of the page is passed on."""
    api = Api()

    ask(
        console(api),
        "GET",
        "/console/read/events",
        x_evil="1",
        authorization="Bearer other",
        range="bytes=0-",
    )

    headers = api.requests[0].headers
    assert {"host", "accept", "accept-encoding", "connection", "user-agent", "authorization"} == set(headers)
    assert f"Bearer {BEARER}" == headers["authorization"]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 200, "json": {}},
        {"status": 302, "headers": {"location": f"{CDN}/x"}},
        {"status": 302, "headers": {"location": "http://evil.example/"}},
        {"status": 401, "json": {"detail": "refused"}},
        {"status": 404, "json": {"detail": "no such id"}},
        {"status": 500, "text": "<html>"},
        {"status": 200, "json": {}, "headers": {"set-cookie": "a=b", "authorization": f"Bearer {BEARER}"}},
    ],
)
def test_no_answer_holds_the_token(answer):
    """The page never learns the credentials, and the API sets no cookie for it."""
    page = console(Api(**answer))

    reply = ask(page, "GET", "/console/read/events")

    assert BEARER not in f"{reply.headers}{reply.body!r}"
    assert "set-cookie" not in headers_of(reply)


@pytest.mark.parametrize(
    ("expected", "location"),
    [
        (302, "https://d111.cloudfront.net/a?Signature=b&Key-Pair-Id=c"),
        (302, "https://elsewhere.example/a"),
        (502, "http://127.0.0.1:9001/a"),
        (502, "http://evil.example/a"),
        (502, "//evil.example/a"),
        (502, "/console/config"),
        (502, "javascript:alert(1)"),
        (502, "data:text/html,x"),
        (502, "https://user:secret@evil.example/"),
        (502, "https://evil.example/\u00e4"),
        (502, "https://evil example/"),
    ],
)
def test_a_link_leads_the_browser_over_https_only(expected, location):
    """The browser follows a signed link by itself; the console sends no request to it."""
    api = Api(302, headers={"location": location.encode()})

    answer = ask(console(api), "GET", "/console/read/conversations/c1/recordings/latest")

    assert expected == answer.status
    assert (expected == 302) == (headers_of(answer).get("location") == location)
    assert {"api.example"} == {request.url.host for request in api.requests}


def test_a_link_to_the_cdn_of_a_local_stack_is_passed_on():
    """A local stack signs links over http on this machine, with the origin that its API names."""
    origin = "http://127.0.0.1:9001"

    def respond(request):
        if request.url.path.endswith("/stack"):
            return httpx.Response(200, json={"cdn_url": origin})
        return httpx.Response(302, headers={"location": f"{origin}/a"})

    answer = ask(console(respond), "GET", "/console/read/conversations/c1/recordings/latest")

    assert (302, f"{origin}/a") == (answer.status, headers_of(answer)["location"])


@pytest.mark.parametrize(
    ("expected", "sent"),
    [
        ("application/json", "application/json"),
        ("text/vtt; charset=utf-8", "text/vtt; charset=utf-8"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("application/octet-stream", "text/html"),
        ("application/octet-stream", "text/plain; charset=utf-7"),
        ("application/octet-stream", "text/javascript"),
        ("application/octet-stream", "image/svg+xml"),
        ("application/octet-stream", None),
    ],
)
def test_no_answer_becomes_a_page_or_a_script(expected, sent):
    """A browser neither shows nor runs what an API answers in the console's origin."""
    api = Api(content=b"x", headers={"content-type": sent} if sent else {})

    assert expected == headers_of(ask(console(api), "GET", "/console/read/events"))["content-type"]


@pytest.mark.parametrize("status", [400, 404, 409, 429, 503])
def test_an_error_of_the_api_is_passed_on(status):
    """The page says what the API says, and waits as long as the API asks."""
    api = Api(status, json={"title": "T", "detail": "D"}, headers={"retry-after": "7"})

    answer = ask(console(api), "GET", "/console/read/events")

    assert (status, {"title": "T", "detail": "D"}) == (answer.status, document(answer))
    assert "7" == headers_of(answer)["retry-after"]


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1" * 7, "\u0967".encode()])
def test_a_pause_that_is_no_number_is_left_out(value):
    """The page chooses its own pause."""
    api = Api(503, json={}, headers={"retry-after": value})

    assert "retry-after" not in headers_of(ask(console(api), "GET", "/console/read/events"))


def test_a_refused_token_says_how_to_get_another():
    """A token that was revoked while the page is open is another problem than a missing sign-in."""
    answer = ask(console(Api(401, json={})), "GET", "/console/read/events")

    assert (401, "Token refused", "Make a token.") == (
        answer.status,
        document(answer)["title"],
        document(answer)["detail"],
    )


def test_an_api_without_an_answer_is_a_problem():
    """The page learns that the network or the API is down."""

    def fail(request):
        raise httpx.ConnectError("refused", request=request)

    answer = ask(console(fail), "GET", "/console/read/events")

    assert 502 == answer.status
    assert "No answer (ConnectError). Is it up?" == document(answer)["detail"]


def test_aws_that_refuses_is_a_problem():
    """Expired credentials of a deployed stack are named with what to do."""

    def fail(_request):
        raise click.ClickException("The AWS credentials have expired.")

    answer = ask(console(fail), "GET", "/console/read/events")

    assert (502, "The AWS credentials have expired.") == (answer.status, document(answer)["detail"])


def test_a_missing_quarantine_token_hides_the_quarantine_only():
    """Everything else is read, and the page says what the quarantine takes."""
    api = Api()
    page = console(read_api=read_api(api, quarantine=click.UsageError("Set a quarantine token.")))

    refused = ask(page, "GET", "/console/read/quarantine")

    assert (401, "Set a quarantine token.") == (refused.status, document(refused)["detail"])
    assert 200 == ask(page, "GET", "/console/read/events").status
    assert ["/v1/events"] == [request.url.path for request in api.requests]
