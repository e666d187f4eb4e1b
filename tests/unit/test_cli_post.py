"""A post is judged by the status of its answer, within one deadline, whatever the target does."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from receiver import receiving

from tavus_callbacks_cli.operations import post
from tavus_callbacks_cli.operations.post import Answer, open_poster
from tavus_callbacks_cli.targets.api_client import http_client, tls_context

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def server(behave: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run a server that does something unusual with one connection; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            # A client that leaves, or refuses the certificate, is what some of these tests are about.
            with suppress(OSError):
                connection, _ = listener.accept()
                with tls.wrap_socket(connection, server_side=True) if tls else connection as wrapped:
                    wrapped.settimeout(5)
                    behave(wrapped)

        thread = threading.Thread(target=work)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)
        assert not thread.is_alive()


def post_once(url: str, body: bytes = b"{}", **options: object) -> Answer:
    """Post one body."""
    with open_poster(url, **options) as send:  # type: ignore[arg-type]  # the options of the test
        return send(body, {}, {"content-type": "application/json"})


def for_ever(connection: socket.socket, data: bytes, pause: float = 0) -> None:
    """Send data until the client leaves."""
    with suppress(OSError):
        while True:
            connection.sendall(data)
            time.sleep(pause)


def read_request(connection: socket.socket) -> bool:
    """Read a whole request: closing with a part unread would reset the connection."""
    data = b""
    while not data.endswith(b"{}"):
        data += connection.recv(65536)
    return True


def send(*parts: bytes) -> Callable[[socket.socket], None]:
    """Read the request and send an answer."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"".join(parts))

    return behave


def send_for_ever(start: bytes, rest: bytes, pause: float = 0) -> Callable[[socket.socket], None]:
    """Read the request and send an answer that has no end."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        for_ever(connection, rest, pause)

    return behave


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a post 0.3 seconds."""
    monkeypatch.setattr(post, "_DEADLINE", 0.3)


@pytest.mark.parametrize(
    "behave",
    [
        send_for_ever(OK + b"\r\n", b"x" * 65536),
        send(OK, b"content-length: 1000\r\n\r\nshort"),
        send(OK, b"transfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\nZZZ\r\nbroken"),
        send(OK, b"\r\n\xff\x00garbage"),
        send(b"HTTP/1.1 100 Continue\r\n\r\n", OK, b"\r\n"),
    ],
    ids=["endless", "cut off", "broken chunks", "garbage", "after a continue"],
)
def test_no_body_of_an_answer_is_read(behave: Callable[[socket.socket], None]) -> None:
    """The status decides, and neither an endless nor a broken body stops or crashes anything."""
    with server(behave) as port:
        answer = post_once(f"http://127.0.0.1:{port}/hook")

    assert (200, True, None) == (answer.status, answer.is_taken, answer.reason)


@pytest.mark.usefixtures("short_deadline")
@pytest.mark.parametrize(
    ("scheme", "body", "behave"),
    [
        ("http", b"{}", lambda connection: read_request(connection) and time.sleep(0.5)),
        ("http", b"{}", send_for_ever(OK, b"a: b\r\n", pause=0.02)),
        ("http", b"{}", send_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.02)),
        ("http", b" " * 20_000_000, lambda _: time.sleep(0.5)),
        ("https", b"{}", lambda connection: connection.recv(999) and time.sleep(0.5)),
    ],
    ids=["silence", "slow headers", "endless continues", "does not read", "no handshake"],
)
def test_one_deadline_is_for_everything(
    scheme: str, body: bytes, behave: Callable[[socket.socket], None]
) -> None:
    """However little a target sends, and whatever it waits for, a post ends, and its connection too."""
    with server(behave) as port:
        answer = post_once(f"{scheme}://127.0.0.1:{port}/hook", body)

    assert (None, False) == (answer.status, answer.is_taken)
    assert "no answer within 0.3 s" == answer.reason
    assert 300 <= answer.milliseconds < 3000


# Closing sends a reset at once.
LINGER = (socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    ("reason", "behave"),
    [
        ("illegal status line", send(b"\x00\xff garbage\r\n\r\n")),
        ("Server disconnected without sending a response.", send()),
        (
            "Connection reset by peer",
            lambda connection: read_request(connection) and connection.setsockopt(*LINGER),
        ),
    ],
    ids=["no HTTP", "close", "reset"],
)
def test_a_target_without_a_status_gives_no_answer(
    reason: str, behave: Callable[[socket.socket], None]
) -> None:
    """The reason is a sentence, and nothing is raised."""
    with server(behave) as port:
        answer = post_once(f"http://127.0.0.1:{port}/hook")

    assert (None, False) == (answer.status, answer.is_taken)
    assert reason in (answer.reason or "")


def refuse_early(connection: socket.socket) -> None:
    """Answer after the headers; closing with the body unread resets the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096)
    connection.sendall(b"HTTP/1.1 413 Content Too Large\r\n\r\n")


def test_a_refusal_counts_that_came_before_the_body_was_sent() -> None:
    """A target with a limit on bodies answers, and breaks the connection while the rest is sent."""
    with server(refuse_early) as port:
        answer = post_once(f"http://127.0.0.1:{port}/hook", b" " * 5_000_000)

    assert (413, None) == (answer.status, answer.reason)


def test_a_reason_is_short() -> None:
    """It may quote what the target sent."""
    with server(send(b"x" * 50_000 + b"\r\n\r\n")) as port:
        answer = post_once(f"http://127.0.0.1:{port}/hook")

    assert len(answer.reason or "") < 150


@pytest.mark.parametrize(
    ("status", "is_taken"), [(200, True), (204, True), (302, False), (404, False), (500, False)]
)
def test_two_hundreds_alone_are_taken(status: int, is_taken: bool) -> None:
    """A redirect is a refusal, because it would go where nobody asked to post."""
    with receiving(status) as application:
        answer = post_once(application.url)

    assert (status, is_taken) == (answer.status, answer.is_taken)
    assert 1 == len(application.bodies)


def test_the_tags_and_headers_go_with_the_body() -> None:
    """The query of the URL stays, and no token or proxy header is added."""
    with receiving() as application, open_poster(application.url) as send_body:
        send_body(b'{"a": 1.0}', {"user": "a b"}, {"x-id": "e1"})

    assert ["/webhook?secret=canary&user=a+b"] == application.paths
    assert [b'{"a": 1.0}'] == application.bodies
    assert ("e1", "close") == (application.headers[0]["x-id"], application.headers[0]["connection"])
    assert "authorization" not in application.headers[0]


@pytest.mark.usefixtures("short_deadline")
def test_a_lookup_that_hangs_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left to a thread that the process does not wait for."""
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait(5) and [])

    answer = post_once("http://slow.example/hook")
    [lookup] = [thread for thread in threading.enumerate() if thread.name == "lookup"]
    is_over.set()
    lookup.join(5)

    assert (None, "no answer within 0.3 s") == (answer.status, answer.reason)
    assert lookup.daemon


def test_a_name_that_does_not_exist_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is that of the lookup."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert "Name or service not known" in (post_once("http://no.example/").reason or "")


def test_a_closed_port_is_refused() -> None:
    """The reason names the fault itself, not that all attempts failed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert "Connection refused" == post_once(f"http://127.0.0.1:{port}/").reason


def test_tags_that_make_an_address_too_long_are_a_reason() -> None:
    """The tags of one event do not end a replay of others."""
    with open_poster("http://127.0.0.1:9/") as send_body:
        assert "URL too long" == send_body(b"{}", {"a": "x" * 70_000}, {}).reason


def test_an_address_that_is_none_is_a_usage_error() -> None:
    """It is refused before anything is read or posted."""
    with pytest.raises(click.UsageError), open_poster("http://\u2764_-/"):
        pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("HTTPS_PROXY", "ftp://127.0.0.1:1"),
        ("HTTPS_PROXY", ":::"),
        ("SSL_CERT_FILE", "/none.pem"),
    ],
)
def test_an_environment_that_cannot_be_used_is_an_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """It is named before anything is read or posted, for the API too."""
    monkeypatch.setenv(name, value)
    # Its certificates are read once a process.
    tls_context.cache_clear()

    with pytest.raises(click.ClickException, match="Check ALL_PROXY"), open_poster("https://a.example/"):
        pass
    with pytest.raises(click.ClickException, match="Check ALL_PROXY"):
        http_client("https://a.example/")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an authority, and a certificate for localhost that it issued."""
    folder = tmp_path_factory.mktemp("tls")
    now = dt.datetime.now(dt.UTC)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("authority", "server")}
    names = {name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in keys}
    loopback = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys["authority"].public_key())
    for name, key in keys.items():
        certificate = (
            x509.CertificateBuilder()
            .subject_name(names[name])
            .issuer_name(names["authority"])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(authority, critical=False)
            .add_extension(loopback, critical=False)
            .sign(keys["authority"], hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        keys["server"].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@pytest.mark.parametrize(
    ("ca", "is_insecure", "status"),
    [("authority.pem", False, 200), ("server.pem", False, 200), (None, True, 200), (None, False, None)],
    ids=["authority", "own certificate", "insecure", "neither"],
)
def test_a_certificate_of_ones_own_is_trusted_when_named(
    certificates: Path, ca: str | None, is_insecure: bool, status: int | None
) -> None:
    """An authority or the certificate itself may be named; without either it is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "key.pem")
    with server(send(OK, b"\r\n"), context) as port:
        answer = post_once(
            f"https://localhost:{port}/hook", ca=ca and certificates / ca, is_insecure=is_insecure
        )

    assert status == answer.status
    if status is None:
        assert "its certificate is not trusted: " in (answer.reason or "")


def test_a_broken_connection_is_a_reason_with_tls_too(certificates: Path) -> None:
    """A target that closes early leaves no answer to read there, but the reason is a sentence."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "key.pem")
    with server(refuse_early, context) as port:
        answer = post_once(f"https://localhost:{port}/hook", b" " * 5_000_000, is_insecure=True)

    assert (None, "the connection broke") == (answer.status, answer.reason)


@pytest.mark.parametrize(
    ("name", "error"),
    [("key.pem", "has no certificate"), ("none.pem", "cannot be read: No such file or directory")],
)
def test_a_file_without_certificates_is_an_error(certificates: Path, name: str, error: str) -> None:
    """The error names the file."""
    with (
        pytest.raises(click.ClickException, match=f"{name} {error}"),
        open_poster("https://localhost/", ca=certificates / name),
    ):
        pass
