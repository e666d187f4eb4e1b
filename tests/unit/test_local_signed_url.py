"""The local CDN refuses what CloudFront refuses, byte for byte."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tavus_callbacks.domain.recordings import signed_url
from tavus_callbacks_cli.local_stack.cdn.signed_url import Refused, parse_signed_url, verify

EXPIRES = datetime(2026, 1, 1, 12, tzinfo=UTC)
BASE = "http://127.0.0.1:5000"
NOW = EXPIRES.timestamp() - 60


@pytest.fixture(scope="module")
def key():
    """Make a key for the module."""
    from tavus_callbacks.aws.signing_key import make_private_key

    return load_pem_private_key(make_private_key().encode(), None)


def signed(key, name="tavus/c1/1.mp4", digest=None):
    """Sign a link as the project does."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    url = signed_url.resource_url(BASE, name, download_name="a.mp4")
    algorithm = ec.ECDSA(digest or hashes.SHA256())
    return signed_url.sign_url(
        url, expires=EXPIRES, key_id="K1", sign=lambda message: key.sign(message, algorithm)
    )


def ask(key, url, now=NOW):
    """Request a URL as received from the wire."""
    path, _, query = url.removeprefix(BASE).partition("?")
    verify(parse_signed_url(BASE, path, query), {"K1": key.public_key()}, now)


@pytest.mark.parametrize("name", ["tavus/c1/1.mp4", "a b+c%d", "録画", "a'b\"c", "a/../b"])
def test_a_link_of_the_project_is_good(key, name):
    """The rebuilt policy equals the signed one for any object key."""
    ask(key, signed(key, name))


def test_the_order_of_signing_parameters_does_not_matter(key):
    """They may be anywhere in the query."""
    url, _, query = signed(key).partition("?")
    parts = query.split("&")
    ask(key, f"{url}?{'&'.join(parts[2:] + parts[:2])}")


def test_without_a_hash_algorithm_it_is_sha1(key):
    """CloudFront's default is SHA1: a SHA-256 signature without its announcement is refused."""
    from cryptography.hazmat.primitives import hashes

    silent = signed(key).replace("&Hash-Algorithm=SHA256", "")
    old = signed(key, digest=hashes.SHA1()).replace("&Hash-Algorithm=SHA256", "")  # noqa: S303 - what is tested

    ask(key, old)
    with pytest.raises(Refused, match="Access denied"):
        ask(key, silent)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("1.mp4", "2.mp4", "AccessDenied"),
        ("/tavus/", "/%74avus/", "AccessDenied"),
        ("video%2Fmp4", "video/mp4", "AccessDenied"),
        ("filename%3Da", "filename%3Db", "AccessDenied"),
        ("?response", "?x=1&response", "AccessDenied"),
        ("?response", "?&response", "AccessDenied"),
        ("&Expires", "&&Expires", "AccessDenied"),
        ("Algorithm=SHA256", "Algorithm=SHA256&", "AccessDenied"),
        ("Algorithm=SHA256", "Algorithm=SHA256&Policy=abc", "MalformedPolicy"),
        ("Expires=1", "Expires=2", "AccessDenied"),
        ("Hash-Algorithm=SHA256", "Hash-Algorithm=SHA1", "AccessDenied"),
        ("Hash-Algorithm=SHA256", "Hash-Algorithm=MD5", "AccessDenied"),
        ("Key-Pair-Id=K1", "Key-Pair-Id=K2", "InvalidKey"),
        ("&Key-Pair-Id=K1", "", "MissingKey"),
        ("Expires=", "Expires=x", "MissingParameter"),
        ("Expires=", "Gone=", "MissingParameter"),
        ("Signature=", "Signature=!", "MalformedSignature"),
        ("Signature=", "Nothing=", "MissingSignature"),
    ],
)
def test_an_altered_link_is_refused(key, before, after, code):
    """A byte that differs, a parameter that is missing or another key: each with CloudFront's code."""
    url = signed(key)
    assert before in url

    with pytest.raises(Refused) as refused:
        ask(key, url.replace(before, after, 1))

    assert code == refused.value.code


@pytest.mark.parametrize(("seconds", "is_good"), [(-1, True), (0, False), (1, False)])
def test_a_link_ends_at_its_second(key, seconds, is_good):
    """`DateLessThan`: the second itself is too late."""
    url, now = signed(key), EXPIRES.timestamp() + seconds
    if is_good:
        ask(key, url, now)
    else:
        with pytest.raises(Refused, match="Access denied"):
            ask(key, url, now)


def test_what_goes_on_is_the_query_without_the_signing_parameters():
    """In their order and as they came."""
    asked = parse_signed_url(BASE, "/a%20b", "b=2&Expires=1&a=%2f&&Policy=x&")

    assert (f"{BASE}/a%20b?b=2&a=%2f&&", "b=2&a=%2f&&") == (asked.url, asked.query)
    assert {"Expires": "1", "Policy": "x"} == asked.signing
