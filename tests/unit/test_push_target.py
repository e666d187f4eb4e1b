"""Targets of pushes: https on a public address, and a connection to the very address that was checked."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tavus_callbacks.domain.pushes.target import TargetRefused, is_public, parse_target, with_tags
from tavus_callbacks.outbound import webhook as web
from tavus_callbacks.outbound.webhook import NotReached, post

NAME = "hooks.example.com"

NOT_PUBLIC = {
    "this machine": "127.0.0.1",
    "all of loopback": "127.9.9.9",
    "private, 10": "10.0.0.1",
    "private, 172": "172.16.0.1",
    "private, 192": "192.168.1.1",
    "metadata of EC2": "169.254.169.254",
    "credentials of ECS": "169.254.170.2",
    "carrier-grade NAT": "100.64.0.1",
    "this network": "0.0.0.0",  # noqa: S104  # the address itself, nothing is bound to it
    "broadcast": "255.255.255.255",
    "multicast": "224.0.0.1",
    "multicast that is_global takes": "232.1.1.1",
    "reserved": "240.0.0.1",
    "documentation": "192.0.2.1",
    "benchmarks": "198.18.0.1",
    "6to4 relay": "192.88.99.1",
    "protocol assignment that is_global takes": "192.0.0.8",
    "loopback, 6": "::1",
    "unspecified, 6": "::",
    "link-local, 6": "fe80::1",
    "link-local with a zone": "fe80::1%1",
    "site-local, 6": "fec0::1",
    "unique local, 6": "fd00:ec2::254",
    "multicast, 6": "ff02::1",
    "multicast, global, 6": "ff0e::1",
    "documentation, 6": "2001:db8::1",
    "documentation, 6, new": "3fff::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped public": "::ffff:8.8.8.8",
    "compatible": "::127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64, local": "64:ff9b:1::7f00:1",
    "6to4": "2002:7f00:1::",
    "Teredo": "2001:0:7f00:1::",
    "discard": "100::1",
    "segment routing": "5f00::1",
}


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC)
def test_no_address_inside_is_public(address):
    """This holds for every family, range and embedded form."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are(address):
    """Ordinary public addresses are accepted."""
    assert is_public(address)


REFUSED = {
    "plain http": "http://hooks.example.com/",
    "a file": "file://etc/passwd",
    "no scheme": "hooks.example.com",
    "no host": "https:///x",
    "a user": "https://user@hooks.example.com/",
    "a password": "https://user:pass@hooks.example.com/",
    "a malformed port": "https://hooks.example.com:x/",
    "a line break": "https://hooks.example.com/\r\nx: y",
    "letters that are not ASCII": "https://hööks.example.com/",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_a_url_that_is_no_target_is_refused(url):
    """Before any name is looked up."""
    with pytest.raises(TargetRefused):
        parse_target(url, is_local=False)


def test_a_target_is_read_whole():
    """Port, query and authority stay as written."""
    target = parse_target("https://hooks.example.com:8443?a=b%20c", is_local=False)

    assert ("hooks.example.com", 8443, "hooks.example.com:8443", "/?a=b%20c") == (
        target.host,
        target.port,
        target.authority,
        target.path,
    )


def test_tags_stand_behind_the_query_of_the_target():
    """The URL is the one to which Tavus would have posted."""
    assert "https://e.com/?a=1&user=47+11" == with_tags("https://e.com/?a=1", {"user": "47 11"})
    assert "https://e.com/?user=1" == with_tags("https://e.com/", {"user": "1"})
    assert "https://e.com/" == with_tags("https://e.com/", {})


def resolving(monkeypatch, *answers):
    """Fake the addresses of names: one answer a lookup, the last one repeats; return the names looked up."""
    asked, real = [], socket.getaddrinfo

    def answer(host, port, *arguments, **more):
        if host in {address for each in answers for address in each}:
            return real(host, port, *arguments, **more)
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC)
def test_a_name_that_leads_inside_is_not_connected_to(monkeypatch, address):
    """It is refused after the lookup, and nothing is sent."""
    resolving(monkeypatch, [address])

    with pytest.raises(TargetRefused):
        post(parse_target(f"https://{NAME}/", is_local=False), b"{}", {})


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.1", "017700000001", "[::1]", "[::ffff:7f00:1]", "localhost"]
)
def test_an_address_in_disguise_is_refused(host):
    """A host that the system parses as an address is checked as that address."""
    with pytest.raises((TargetRefused, NotReached)):
        post(parse_target(f"https://{host}/", is_local=False), b"{}", {})


def test_one_address_inside_refuses_the_name(monkeypatch):
    """A name with a public and a private address is refused as a target."""
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])

    with pytest.raises(TargetRefused):
        post(parse_target(f"https://{NAME}/", is_local=False), b"{}", {})


def test_a_name_without_an_address_is_not_reached(monkeypatch):
    """A later attempt may find one."""

    def fail(*_arguments, **_more):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(NotReached, match="gaierror"):
        post(parse_target(f"https://{NAME}/", is_local=False), b"{}", {})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return the path of a certificate for NAME with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def serving(certificate=None, *, status=204, headers=()):
    """Serve posts on this machine; yield the port and the posts."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port, came
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def trusted(certificate, monkeypatch):
    """Trust the certificate, and count this machine as public."""
    monkeypatch.setattr(web, "tls_context", lambda: ssl.create_default_context(cafile=certificate))
    monkeypatch.setattr(web, "is_public", lambda address: address == "127.0.0.1")


@pytest.mark.usefixtures("trusted")
def test_it_connects_to_the_address_that_was_checked(certificate, monkeypatch):
    """The name is looked up once, even if a second lookup gave another address; TLS checks the name."""
    asked = resolving(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    with serving(certificate) as (port, came):
        answer = post(parse_target(f"https://{NAME}:{port}/hook?a=1", is_local=False), b"{}", {"x": "y"})
    [(path, headers, body)] = came

    assert 204 == answer.status
    assert [NAME] == asked
    assert ("/hook?a=1", f"{NAME}:{port}", b"{}", "y") == (path, headers["host"], body, headers["x"])


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_name_is_refused(certificate, monkeypatch):
    """The address alone proves nothing."""
    resolving(monkeypatch, ["127.0.0.1"])
    with serving(certificate) as (port, came), pytest.raises(NotReached):
        post(parse_target(f"https://other.example.com:{port}/", is_local=False), b"{}", {})

    assert [] == came


def test_a_certificate_that_nobody_signed_is_refused(certificate, monkeypatch):
    """Only botocore's authorities are trusted."""
    monkeypatch.setattr(web, "is_public", lambda _: True)
    resolving(monkeypatch, ["127.0.0.1"])
    with serving(certificate) as (port, came), pytest.raises(NotReached):
        post(parse_target(f"https://{NAME}:{port}/", is_local=False), b"{}", {})

    assert [] == came


def test_a_redirect_is_an_answer_and_is_not_followed():
    """A redirect could lead to an internal address."""
    with serving(status=307, headers=[("location", "http://127.0.0.1:1/")]) as (port, came):
        answer = post(parse_target(f"http://127.0.0.1:{port}/", is_local=True), b"{}", {}, is_local=True)

    assert (307, 1) == (answer.status, len(came))


def test_a_target_on_this_machine_is_for_the_local_stack_alone():
    """A deployed function refuses what the local stack's setting allows."""
    with pytest.raises(TargetRefused):
        post(parse_target("http://127.0.0.1:1/", is_local=True), b"{}", {})


def test_the_body_of_an_answer_is_not_read():
    """An endless answer costs nothing."""
    with serving(headers=[("content-length", str(10**12)), ("retry-after", "7")], status=503) as (port, _):
        answer = post(parse_target(f"http://127.0.0.1:{port}/", is_local=True), b"{}", {}, is_local=True)

    assert (503, "7") == (answer.status, answer.retry_after)


@contextmanager
def dripping(first, drop):
    """Run a server that answers slowly and without an end; yield its port."""
    ended = threading.Event()

    def drip(connection):
        with connection, suppress(OSError):
            connection.sendall(first)
            while not ended.wait(0.05):
                connection.sendall(drop)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: drip(server.accept()[0]))
        thread.start()
        yield server.getsockname()[1]
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("scheme", "first", "drop"),
    [
        ("http", b"HTTP/1.1 ", b" "),
        ("https", b"\x16\x03\x03\x40\x00", b"\x00"),
    ],
    ids=["in the status", "in the handshake of TLS"],
)
def test_who_answers_little_by_little_is_hung_up_on(monkeypatch, scheme, first, drop):
    """No single read takes long, but the whole attempt must end, because other pushes wait for it."""
    monkeypatch.setattr(web, "_TOTAL", 0.3)

    with dripping(first, drop) as port, pytest.raises(NotReached):
        post(parse_target(f"{scheme}://127.0.0.1:{port}/", is_local=True), b"{}", {}, is_local=True)


def test_headers_without_end_keep_no_answer_waiting(monkeypatch):
    """The status is known by then."""
    # Time for the status on a busy machine too.
    monkeypatch.setattr(web, "_TOTAL", 1.0)

    with dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n") as port:
        answer = post(parse_target(f"http://127.0.0.1:{port}/", is_local=True), b"{}", {}, is_local=True)

    assert 200 == answer.status
