"""A console whose API answers from a function, and requests as its page sends them."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import httpx
from fake_target import FakeTarget

from tavus_callbacks_cli.console.read_api import ReadApi
from tavus_callbacks_cli.console.server import Console
from tavus_callbacks_cli.console.session import Session
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request, Stream
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.targets.api_client import ApiClient

PORT, KEY, BEARER = 8123, "key-of-this-console", "tcb_secretbearer"
HOST = f"127.0.0.1:{PORT}"
API_URL = "https://api.example/v1"
CDN = "https://d111.cloudfront.net"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

Respond = Callable[[httpx.Request], httpx.Response]


def answer_stack(request: httpx.Request) -> httpx.Response:
    """Answer as an API with recordings."""
    content = {"cdn_url": CDN} if request.url.path.endswith("/stack") else {}
    return httpx.Response(200, json=content)


def read_api(respond: Respond = answer_stack, **clients: Any) -> ReadApi:
    """Open an API that answers by a function; another scope's client can be an error."""
    headers = {"authorization": f"Bearer {BEARER}"}
    http = httpx.Client(base_url=API_URL, headers=headers, transport=httpx.MockTransport(respond))
    client = ApiClient(http, "Make a token.", "Is it up?")
    return ReadApi({"read": client, "quarantine": client, **clients})


def console(respond: Respond = answer_stack, *, port: int = PORT, **members: Any) -> Console:
    """Return a console of a fake target."""
    members = {"target": FakeTarget(), "read_api": read_api(respond), **members}
    return Console(Session(port, KEY, "Open the printed address."), **members)


def own_headers(port: int = PORT) -> dict[str, str]:
    """Return the headers of the page's requests."""
    host = f"127.0.0.1:{port}"
    cookie = Session(port, KEY, "").cookie
    return {"host": host, "sec-fetch-site": "same-origin", "origin": f"http://{host}", "cookie": cookie}


def ask(page: Console, method: str, path: str, content: Any = b"", **changes: str | None) -> Any:
    """Send a request as the page does; a change replaces a header, and None leaves it out."""
    headers = own_headers() | {name.replace("_", "-"): value for name, value in changes.items()}
    target, _, query = path.partition("?")
    request = Request(
        method=method,
        path=target.encode("latin-1"),
        query=query.encode("latin-1"),
        headers=tuple(
            (name.encode(), value.encode()) for name, value in headers.items() if value is not None
        ),
        body=content if isinstance(content, bytes) else json.dumps(content).encode(),
    )
    return page.handle(request)


def headers_of(answer: Answer | Stream) -> dict[str, str]:
    """Return the headers of an answer, none of them repeated."""
    headers = dict(answer.headers)
    assert len(headers) == len(answer.headers)
    return headers


def document(answer: Answer) -> Any:
    """Return the JSON of an answer."""
    return json.loads(answer.body)


@contextmanager
def served(**members: Any):
    """Serve a console on a free port; yield a client that is signed in."""
    with take_port(0) as listener:
        port = listener.getsockname()[1]
        page = console(port=port, **members)
        base_url, headers = f"http://127.0.0.1:{port}", own_headers(port)
        with (
            serve(listener, page.site()),
            httpx.Client(base_url=base_url, headers=headers, trust_env=False) as client,
        ):
            yield client
