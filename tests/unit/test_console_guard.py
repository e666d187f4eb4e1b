"""Nobody but the console's own page gets anything, and each answer protects the page."""

import http.client
import json

import pytest
from console_pages import (
    CDN,
    HEADERS,
    HOST,
    KEY,
    POLICY,
    PORT,
    ask,
    console,
    document,
    headers_of,
    own_headers,
    served,
)

from tavus_callbacks_cli.console.session import Session
from tavus_callbacks_cli.local_stack.http.payload import Request
from tavus_callbacks_cli.local_stack.http.server import take_port

READ = "/console/read/events"


async def no_chunks():
    """Stream nothing."""
    yield b""


@pytest.mark.parametrize(
    ("status", "method", "path", "changes"),
    [
        (200, "GET", "/", {}),
        (200, "HEAD", "/", {}),
        (200, "GET", "/console/app.js", {}),
        (200, "GET", "/console/config", {}),
        (200, "GET", READ, {}),
        (200, "POST", "/console/session", {"content": {"key": KEY}}),
        (401, "POST", "/console/session", {"content": {"key": "wrong"}}),
        (401, "GET", "/console/config", {"cookie": None}),
        (403, "GET", "/console/config", {"sec_fetch_site": "cross-site"}),
        (421, "GET", "/", {"host": "evil.example"}),
        (404, "GET", "/console/nothing", {}),
        (404, "GET", "/nothing", {}),
        (404, "GET", "/console/read/..", {}),
        (405, "POST", "/", {}),
        (405, "DELETE", "/console/config", {}),
        (405, "OPTIONS", READ, {}),
        (400, "POST", "/console/actions/replay", {"content": b"no JSON"}),
        (400, "POST", "/console/actions/replay", {"content": {}}),
        (404, "POST", "/console/actions/erase", {"content": {}}),
    ],
)
def test_every_answer_protects_the_page(status, method, path, changes):
    """A success and each refusal have the same headers, and nothing but the page may play recordings."""
    answer = ask(console(actions=("replay",)), method, path, **changes)

    headers = headers_of(answer)
    media = CDN if path == "/" and status == 200 else "'none'"
    assert status == answer.status
    assert HEADERS.items() <= headers.items()
    assert POLICY.format(media) == headers["content-security-policy"]
    assert not [name for name in headers if name.startswith("access-control-")]
    assert KEY not in str(headers)


def test_a_stream_protects_the_page():
    """Live events have the headers too."""
    stream = ask(console(chunks=no_chunks), "GET", "/console/live")

    assert HEADERS.items() <= headers_of(stream).items()
    assert POLICY.format("'none'") == headers_of(stream)["content-security-policy"]
    assert "text/event-stream" == headers_of(stream)["content-type"]


def test_the_console_listens_on_loopback_only():
    """No other machine reaches it."""
    with take_port(0) as listener:
        assert "127.0.0.1" == listener.getsockname()[0]


@pytest.mark.parametrize("path", ["/", "/console/app.js", "/console/session", "/console/config", READ])
@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        f"evil.example:{PORT}",
        f"127.0.0.1.evil.example:{PORT}",
        "127.0.0.1",
        f"127.0.0.1:{PORT + 1}",
        f"[::1]:{PORT}",
        f"0.0.0.0:{PORT}",
        f"LOCALHOST:{PORT}x",
    ],
)
def test_another_host_is_misdirected(path, host):
    """A rebound DNS name and a tunnel get no page and no data, even with the cookie."""
    answer = ask(console(), "POST" if path.endswith("session") else "GET", path, {"key": KEY}, host=host)

    assert 421 == answer.status
    assert "set-cookie" not in headers_of(answer)


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}"])
def test_both_names_of_this_machine_are_the_console(host):
    """The page answers under either name."""
    assert 200 == ask(console(), "GET", "/", host=host).status
    assert 200 == ask(console(), "GET", "/console/config", host=host).status


@pytest.mark.parametrize("name", ["x_forwarded_for", "forwarded", "via", "cf_connecting_ip", "x_real_ip"])
@pytest.mark.parametrize("path", ["/", "/console/config"])
def test_a_tunnel_that_rewrites_the_host_is_misdirected(name, path):
    """A proxy adds a header, and with it nothing is served."""
    assert 421 == ask(console(), "GET", path, **{name: "192.0.2.1"}).status


@pytest.mark.parametrize("site", [None, "cross-site", "same-site", "", "SAME-ORIGIN"])
@pytest.mark.parametrize(("method", "path"), [("GET", READ), ("POST", "/console/session")])
def test_a_page_of_another_origin_is_refused(site, method, path):
    """Another port of this machine is another origin too, and the cookie does not help."""
    assert 403 == ask(console(), method, path, {"key": KEY}, sec_fetch_site=site).status


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://127.0.0.1", f"https://{HOST}"]
)
@pytest.mark.parametrize("path", ["session", "actions/replay"])
def test_a_post_of_another_origin_is_refused(origin, path):
    """A request that changes something names its own origin."""
    answer = ask(console(actions=("replay",)), "POST", f"/console/{path}", {"key": KEY}, origin=origin)

    assert 403 == answer.status


@pytest.mark.parametrize(
    ("expected", "name", "value"),
    [
        (421, "host", "evil.example"),
        (403, "sec-fetch-site", "cross-site"),
        (403, "origin", "https://evil.example"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])
def test_a_repeated_header_is_not_believed(expected, name, value, is_first):
    """No other value of a header counts, wherever it stands."""
    own = [(each.encode(), text.encode()) for each, text in own_headers().items()]
    other = [(name.title().encode(), value.encode())]
    headers = (*other, *own) if is_first else (*own, *other)
    request = Request("POST", b"/console/session", headers=headers, body=json.dumps({"key": KEY}).encode())

    assert expected == console().handle(request).status


def test_an_address_that_a_person_types_is_answered():
    """A link to a transcript opens in a tab of its own."""
    assert 200 == ask(console(), "GET", READ, sec_fetch_site="none").status


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        "a=b",
        f"tavus-callbacks-{PORT}=",
        f"tavus-callbacks-{PORT}={KEY}",
        Session(PORT, "another key", "").cookie,
        Session(PORT + 1, KEY, "").cookie,
        Session(PORT, KEY, "").cookie + "x",
        f"tavus-callbacks-{PORT}=ü",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/console/config"),
        ("GET", READ),
        ("GET", "/console/live"),
        ("GET", "/console/problems"),
        ("GET", "/console/scenarios"),
        ("GET", "/console/nothing"),
        ("POST", "/console/actions/replay"),
    ],
)
def test_a_stranger_gets_nothing(cookie, method, path):
    """Without this console's cookie there is no data and no action, and the answer says what to do."""
    asked = []
    page = console(asked.append, actions=("replay",), chunks=no_chunks)

    answer = ask(page, method, path, {"kind": "conversation"}, cookie=cookie)

    assert 401 == answer.status
    assert "Open the printed address." == document(answer)["detail"]
    assert [] == asked


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b'{"key": null}',
        b'{"key": 1}',
        b'{"key": ""}',
        b'{"key": "key-of-this-consol"}',
        b'{"key": "\\ud800"}',
        b"\xff",
    ],
)
def test_a_wrong_key_gets_no_cookie(body):
    """A wrong key is refused in the same way, whatever is wrong with it."""
    answer = ask(console(), "POST", "/console/session", body, cookie=None)

    assert 401 == answer.status
    assert "set-cookie" not in headers_of(answer)


def test_the_key_is_exchanged_for_a_cookie_that_scripts_cannot_read():
    """The cookie names the port, stays in this browser and does not hold the key."""
    answer = ask(console(), "POST", "/console/session", {"key": KEY}, cookie=None)

    cookie, *attributes = headers_of(answer)["set-cookie"].split("; ")
    assert {"Path=/console/", "HttpOnly", "SameSite=Strict"} == set(attributes)
    assert cookie.startswith(f"tavus-callbacks-{PORT}=")
    assert KEY not in cookie
    assert 200 == ask(console(), "GET", "/console/config", cookie=f"other=1; {cookie}").status


@pytest.mark.parametrize(
    "path",
    [
        "/console/../server.py",
        "/console/..%2fserver.py",
        "/console/%2e%2e/server.py",
        "/console/static/app.js",
        "/console/app.js/",
        "/console//app.js",
        "//console/app.js",
        "/console/",
        "/console",
        "/index.html",
        "/CONSOLE/app.js",
        "/console/app.js%00",
        f"http://{HOST}/console/app.js",
    ],
)
def test_a_path_does_not_leave_the_folder_of_the_page(path):
    """Only the listed names are files."""
    assert 404 == ask(console(), "GET", path).status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/console/app.js", "GET, HEAD"),
        ("GET", "/console/session", "POST"),
        ("PATCH", "/console/config", "GET, HEAD"),
        ("DELETE", READ, "GET, HEAD"),
        ("HEAD", "/console/live", "GET"),
        ("GET", "/console/actions/replay", "POST"),
    ],
)
def test_another_method_is_refused(method, path, allowed):
    """The answer names the methods that the path takes."""
    answer = ask(console(actions=("replay",), chunks=no_chunks), method, path)

    assert (405, allowed) == (answer.status, headers_of(answer)["allow"])


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, 21 * 1024 * 1024])
def test_a_body_over_the_limit_is_refused(size):
    """The answer to a large body protects the page too."""
    with served() as client:
        answer = client.post("/console/session", content=b" " * size)

    assert 413 == answer.status_code
    assert HEADERS.items() <= answer.headers.items()
    assert "application/problem+json" == answer.headers["content-type"]


def test_a_fault_of_the_console_is_an_answer():
    """A failure answers 500 with the headers and without a traceback."""

    def fail(_request):
        raise ZeroDivisionError

    with served(respond=fail) as client:
        answer = client.get("/console/read/events")

    assert 500 == answer.status_code
    assert HEADERS.items() <= answer.headers.items()
    assert "ZeroDivisionError" not in answer.text


@pytest.mark.parametrize(
    ("status", "target", "host"),
    [
        (404, "/favicon.ico", HOST),
        (404, "/console", HOST),
        (404, "//evil.example/", HOST),
        (404, "*", HOST),
        (404, "console/config", HOST),
        (404, f"http://{HOST}/console/config", HOST),
        (421, "/favicon.ico", "evil.example"),
        (421, "http://evil.example/", "evil.example"),
    ],
)
def test_a_path_of_no_site_is_refused_by_the_console(status, target, host):
    """On its own port the console answers every request, whatever its target looks like."""
    with served() as client:
        port = client.base_url.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        headers = {**client.headers, "host": host.replace(str(PORT), str(port))}
        connection.request("GET", target.replace(str(PORT), str(port)), headers=headers)
        answer = connection.getresponse()
        connection.close()

    assert status == answer.status
    assert HEADERS.items() <= {name.lower(): value for name, value in answer.getheaders()}.items()


def test_head_has_the_headers_of_get_without_its_body():
    """A link checker gets the length and no content."""
    with served() as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.base_url.port, timeout=5)
        length = client.get("/").headers["content-length"]
        connection.request("HEAD", "/", headers={"host": client.headers["host"]})
        answer = connection.getresponse()

        assert (200, length, b"") == (answer.status, answer.headers["content-length"], answer.read())
        connection.close()


@pytest.mark.parametrize(
    ("expected", "url"),
    [
        (CDN, CDN),
        (CDN, f"{CDN}/tavus?x=1"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("'none'", None),
        ("'none'", ""),
        ("'none'", "http://d111.cloudfront.net"),
        ("'none'", "https://x; script-src *"),
        ("'none'", "https://x;script-src"),
        ("'none'", "https://*"),
        ("'none'", "https://user@x"),
        ("'none'", "https://x\r\nset-cookie: a=b"),
        ("'none'", "javascript:alert(1)"),
        ("'none'", "https://[::1"),
        ("'none'", "data:video/mp4,"),
    ],
)
def test_the_policy_holds_nothing_but_an_origin(expected, url):
    """Whatever the API says, the policy of the page gains no directive."""
    page = console(lambda _: httpx_json({"cdn_url": url}))

    assert POLICY.format(expected) == headers_of(ask(page, "GET", "/"))["content-security-policy"]


def httpx_json(content):
    """Answer JSON."""
    import httpx

    return httpx.Response(200, text=json.dumps(content), headers={"content-type": "application/json"})


def test_the_origin_of_recordings_is_asked_again_until_the_api_answers():
    """A console that starts before its API still plays recordings after a reload; then nothing is asked."""
    import httpx

    answers = [httpx.Response(503, json={}), httpx_json({"cdn_url": CDN})]
    page = console(lambda _: answers.pop(0))

    policies = [headers_of(ask(page, "GET", "/"))["content-security-policy"] for _ in range(3)]

    assert [POLICY.format("'none'"), POLICY.format(CDN), POLICY.format(CDN)] == policies
