"""Signed URLs, verified by implementations that are not ours."""

import base64
import subprocess
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.aws.signing_key import make_private_key, public_key
from tavus_callbacks.domain.recordings import signed_url
from tavus_callbacks.domain.recordings.claim import recording_id

EXPIRES = datetime(2026, 1, 1, 12, tzinfo=UTC)
BASE = "https://d111111abcdef8.cloudfront.net"


@pytest.fixture(scope="module")
def private_pem():
    """Make one key for the module."""
    return make_private_key()


def signer(private_pem):
    """Return a function that signs with a key."""
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    return lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))


def signed(private_pem, key="tavus/c1/1.mp4", name=None):
    """Sign a URL of a key."""
    url = signed_url.resource_url(BASE, key, download_name=name)
    return url, signed_url.sign_url(url, expires=EXPIRES, key_id="K1", sign=signer(private_pem))


def decoded_signature(url):
    """Return the signature in a URL."""
    text = parse_qs(urlsplit(url).query)["Signature"][0]
    return base64.b64decode(text.translate(str.maketrans("-_~", "+=/")))


def test_openssl_verifies_the_signature(private_pem, tmp_path):
    """OpenSSL accepts the signature of the policy with the public key that CloudFront has."""
    url, whole = signed(private_pem)
    for name, content in (
        ("key.pem", public_key(private_pem).encode()),
        ("policy", signed_url.policy(url, int(EXPIRES.timestamp()))),
        ("signature", decoded_signature(whole)),
    ):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "policy"]
    verdict = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
    assert verdict.stdout.strip() == "Verified OK"


def test_the_policy_is_byte_for_byte_botocores(private_pem):
    """The signer of botocore builds the same canned policy and the same URL, but for the announced hash."""
    url, whole = signed(private_pem)
    messages = []
    theirs = CloudFrontSigner("K1", lambda message: messages.append(message) or b"s")
    their_url = theirs.generate_presigned_url(url, date_less_than=EXPIRES)
    assert [signed_url.policy(url, int(EXPIRES.timestamp()))] == messages
    assert their_url.partition("Signature=")[0] == whole.partition("Signature=")[0]
    assert whole.endswith("&Key-Pair-Id=K1&Hash-Algorithm=SHA256")


@pytest.mark.parametrize(
    "key", ["tavus/c 1/a+b.mp4", "100%/x.mp4", "録画/日本.mp4", "a/b&c=d?e#f.mp4", "~-._/'*\"()"]
)
def test_a_key_survives_the_url(key):
    """The path decodes to any key and needs no second encoding."""
    path = urlsplit(signed_url.resource_url(BASE, key, download_name=None)).path
    assert key == unquote(path[1:])
    assert path.isascii()
    assert not set(path) & set(" +*\"'()&?#")


@given(st.text(), st.text(), st.text())
def test_a_file_name_needs_no_quoting(conversation_id, recording_id, key):
    """Names are ASCII letters, digits, dots and dashes, end in the key's extension and are short."""
    name = signed_url.download_name(conversation_id, recording_id, key)
    assert name.endswith(signed_url.extension(key))
    assert len(name) <= 130
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@pytest.mark.parametrize(
    ("name", "content_type", "saved"),
    [
        ("1", "video/mp4", "1.mp4"),
        ("1.mp4", "video/mp4", "1.mp4"),
        ("X.MP4", "video/mp4", "X.mp4"),
        ("X.MP4.mp4", "video/mp4", "X.mp4"),
        ("x.webm", "video/webm", "x.webm"),
        ("x.WebM", "video/webm", "x.webm"),
        ("x.webm.mp4", "video/mp4", "x.mp4"),
        ("x.m4a", "audio/mp4", "x.m4a"),
        ("x.mp3", "audio/mpeg", "x.mp3"),
        ("x.wav", "audio/wav", "x.wav"),
        ("x.m3u8", "application/vnd.apple.mpegurl", "x.m3u8"),
        ("x.html", "video/mp4", "x.html"),
        ("2026.03.01", "video/mp4", "2026.03.01.mp4"),
    ],
)
def test_type_and_name_follow_the_key(name, content_type, saved):
    """The key's own extension decides, in upper or lower case, and no second one is added."""
    key = f"tavus/c1/{name}"
    found = signed_url.download_name("c1", recording_id("c1", key), key)

    assert f"c1-{saved}" == found
    query = parse_qs(urlsplit(signed_url.resource_url(BASE, key, download_name=found)).query)
    assert [content_type] == query["response-content-type"]


def test_a_dot_in_a_folder_is_no_extension():
    """Only the last part of a key has an extension."""
    assert ".mp4" == signed_url.extension("folder.webm/1")


def test_a_download_says_its_name_and_a_view_does_not():
    """The signed URL has both overrides and nothing else."""
    view = urlsplit(signed_url.resource_url(BASE, "k", download_name=None)).query
    save = urlsplit(signed_url.resource_url(BASE, "k", download_name="a.mp4")).query
    assert {"response-content-type": ["video/mp4"]} == parse_qs(view)
    assert {
        "response-content-type": ["video/mp4"],
        "response-content-disposition": ["attachment; filename=a.mp4"],
    } == parse_qs(save)


@pytest.mark.parametrize(
    ("asked", "duration", "expected"),
    [
        (60, None, 12 * 3600),
        (60, 14, 3614),
        (7200, 14, 7200),
        (60, 9 * 3600, 10 * 3600),
        (60, 20 * 3600, 12 * 3600),
    ],
)
def test_a_link_outlives_the_recording(asked, duration, expected):
    """A URL is valid for at least the recording and an hour, and at most twelve hours."""
    assert timedelta(seconds=expected) == signed_url.lifetime(timedelta(seconds=asked), duration)


def test_a_link_costs_less_than_a_millisecond_of_cpu(private_pem):
    """The best of ten warm runs counts. infra/checks/recordings.py measures some hundredths."""
    sign, costs = signer(private_pem), []
    for _ in range(10):
        started = time.process_time()
        for number in range(10):
            url = signed_url.resource_url(BASE, f"tavus/c123/{number}", download_name=None)
            signed_url.sign_url(url, expires=EXPIRES, key_id="K1", sign=sign)
        costs.append((time.process_time() - started) / 10)

    assert min(costs) < 0.001, costs
