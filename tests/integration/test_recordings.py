"""Reading recordings: the list, the signed URL, and the error for a recording that cannot be played."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from inprocess import failing, forget
from recording_stack import COPY_FAILED

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.signing_key import load_signer, make_private_key, public_key
from tavus_callbacks.domain.recordings.signed_url import policy

KEY = "tavus/c123/1718780000000"


@pytest.fixture
def playable(recordings):
    """Return a stack with one recording that can be played, of 14 seconds."""
    recordings.put(KEY)
    recordings.claim(KEY, duration=14)
    return recordings


def query_of(url):
    """Return the query of a URL, each parameter once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def lifetime(reply):
    """Return how long the URL in a JSON answer is valid from now, in whole minutes."""
    expires = datetime.fromisoformat(reply.value["expires_at"])
    return round((expires - datetime.now(UTC)).total_seconds() / 60)


def test_a_recording_is_described(playable):
    """A recording has the members of the contract."""
    one = playable.only("c123")

    assert "2" == one.pop("received_at")[0] == one.pop("modified_at")[0]
    [found] = clients.s3().list_object_versions(Bucket=playable.bucket)["Versions"]
    assert {
        "recording_id": "1718780000000",
        "conversation_id": "c123",
        "key": KEY,
        "status": "available",
        "announced": True,
        "size": 5,
        "duration": 14.0,
        "content_type": "binary/octet-stream",
        "version": found["VersionId"],
        "storage_class": None,
        "provider": "s3",
        "bucket": None,
        "message": None,
        "error_code": None,
        "explanation": None,
        "issues": [],
    } == one


def test_a_conversation_without_recordings_has_an_empty_list(recordings):
    """A conversation without recordings is not an error, but has no `latest`."""
    assert [] == recordings.all("c404")
    assert 404 == recordings.link("c404").status


def pages(recordings, conversation_id, limit):
    """Read a list page by page; return the ids of each."""
    found, cursor = [], ""
    while cursor is not None:
        page = recordings.api.get(
            f"/conversations/{conversation_id}/recordings", f"limit={limit}&cursor={cursor}"
        ).value
        found.append([one["recording_id"] for one in page["recordings"]])
        cursor = page["cursor"]
    return found


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(1, [["1"], ["2"], ["3"], ["4"]]), (2, [["1", "2"], ["3", "4"]]), (3, [["1", "2", "3"], ["4"]]),
     (4, [["1", "2", "3", "4"]]), (200, [["1", "2", "3", "4"]])],
)  # fmt: skip
def test_pages_hold_every_recording_once(recordings, limit, expected):
    """Recordings are sorted by id, and the page with the last one is the last page."""
    for name in ("3", "1", "4", "2"):
        recordings.claim(f"tavus/c123/{name}")

    assert expected == pages(recordings, "c123", limit)


def test_a_page_looks_for_its_own_recordings_only(recordings):
    """A pending recording on another page is checked when that page is read."""
    for name in ("1", "2", "3"):
        recordings.claim(f"tavus/c123/{name}")
    recordings.ahead = timedelta(seconds=61)
    recordings.calls.clear()
    recordings.api.get("/conversations/c123/recordings", "limit=1")

    assert ["tavus/c123/1", "tavus/c123/1.mp4"] == recordings.asked("HeadObject")


def test_a_link_looks_for_its_own_recording_only(recordings):
    """Other pending recordings of the conversation are not looked for."""
    for number in range(7):
        recordings.claim(f"tavus/c123/{number}")
    recordings.put("tavus/c123/6")
    recordings.ahead = timedelta(seconds=61)
    recordings.calls.clear()

    assert 302 == recordings.link("c123", "6").status
    assert ["tavus/c123/6"] == recordings.asked("HeadObject")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=eyJhZnRlciI6MX0"])
def test_a_wrong_page_is_400(recordings, query):
    """This holds for every list."""
    assert 400 == recordings.api.get("/conversations/c123/recordings", query).status


def test_an_object_called_latest_has_a_link_of_its_own(recordings):
    """It has another id, so that `latest` stays the newest recording."""
    for name in ("latest.mp4", "1718780000000"):
        recordings.put(f"tavus/c123/{name}")
        recordings.tell(f"tavus/c123/{name}")
    [other] = {one["recording_id"] for one in recordings.all("c123")} - {"1718780000000"}

    assert "/tavus/c123/latest.mp4?" in recordings.link("c123", other).headers["location"]


@pytest.mark.parametrize("recording_id", ["latest", "1718780000000"])
def test_a_link_is_a_redirect_that_nobody_keeps(playable, recording_id):
    """The answer is 302 to the CDN, signed by the slot's key, and is not cached."""
    reply = playable.link("c123", recording_id)
    url = reply.headers["location"]
    asked = query_of(url)

    assert (302, "no-store", b"") == (reply.status, reply.headers["cache-control"], reply.body)
    assert url.startswith(f"{playable.api.environment['CDN_URL']}/{KEY}?")
    assert playable.api.environment["SIGNING_KEY_ID"] == asked["Key-Pair-Id"]
    assert ("SHA256", "video/mp4") == (asked["Hash-Algorithm"], asked["response-content-type"])


def test_the_link_is_signed_by_the_secret(playable):
    """The slot's public key verifies the canned policy of the URL."""
    url = playable.link("c123").headers["location"]
    pem = clients.secretsmanager().get_secret_value(SecretId=playable.api.environment["SIGNING_SECRET"])
    key = serialization.load_pem_public_key(public_key(pem["SecretString"]).encode())
    asked = query_of(url)
    signature = base64.b64decode(asked["Signature"].translate(str.maketrans("-_~", "+=/")))

    key.verify(
        signature, policy(url.partition("&Expires")[0], int(asked["Expires"])), ec.ECDSA(hashes.SHA256())
    )


def test_the_key_is_fetched_once_a_runtime(playable):
    """A second URL makes no request to Secrets Manager."""
    playable.calls.clear()
    for _ in range(3):
        playable.link("c123")

    assert 1 == len(playable.asked("GetSecretValue"))


@pytest.mark.parametrize(
    ("duration", "query", "minutes"),
    [
        (14, "", 60),
        (None, "", 720),
        (3 * 3600, "", 240),
        (14, "expires=60", 60),
        (14, "expires=7200", 120),
        (3 * 3600, "expires=60", 240),
        (20 * 3600, "", 720),
        (14, "expires=43200", 720),
    ],
)
def test_a_link_outlives_the_recording(recordings, duration, query, minutes):
    """It is valid as configured or asked, but for the recording and an hour at least, 12 hours at most."""
    recordings.put(KEY)
    recordings.claim(KEY, duration=duration)

    assert minutes == pytest.approx(lifetime(recordings.link("c123", query=f"{query}&format=json")), abs=1)


@pytest.mark.parametrize(
    "query", ["expires=0", "expires=-1", "expires=43201", "expires=x", "download=1", "format=xml"]
)
def test_a_wrong_parameter_is_400(playable, query):
    """An invalid value is refused."""
    assert 400 == playable.link("c123", query=query).status


def test_a_download_has_a_readable_name(playable):
    """The name has the conversation and the recording, and needs no quoting."""
    asked = query_of(playable.link("c123", query="download=true").headers["location"])

    assert "attachment; filename=c123-1718780000000.mp4" == asked["response-content-disposition"]


def test_as_json_the_link_says_when_it_ends(playable):
    """JSON has the same URL and its expiry."""
    reply = playable.link("c123", query="format=json")
    expires = datetime.fromisoformat(reply.value["expires_at"])

    assert (200, "1718780000000") == (reply.status, reply.value["recording_id"])
    assert int(query_of(reply.value["url"])["Expires"]) == int(expires.timestamp())


@pytest.mark.parametrize(
    "name", ["a b", "a+b", "100%", "録画", "it's", 'say "so"', "a&b=c", "a?b#c", "semi;colon", "a%20b", "né"]
)
def test_an_unusual_key_survives_the_link(recordings, name):
    """The decoded path of the URL is the key."""
    key = f"tavus/c123/{name}"
    recordings.put(key)
    recordings.tell(key)
    url = recordings.link("c123").headers["location"]

    assert key == unquote(urlsplit(url).path[1:])


def test_the_latest_is_the_newest_that_is_there(recordings):
    """A pending recording does not hide an earlier one that is there."""
    for name in ("1", "2", "3"):
        recordings.claim(f"tavus/c123/{name}")
    for name in ("2", "1"):
        recordings.put(f"tavus/c123/{name}")
        recordings.tell(f"tavus/c123/{name}")

    assert "/tavus/c123/" in recordings.link("c123").headers["location"]
    assert "/tavus/c123/3?" not in recordings.link("c123").headers["location"]


@pytest.mark.parametrize(
    ("members", "status", "words"),
    [
        ({"s3_key": KEY}, "pending", "Try again in a minute"),
        ({"s3_key": KEY, "bucket_name": "theirs"}, "other_bucket", "does not belong to this stack"),
        ({"s3_key": KEY, "storage_provider": "gcs"}, "other_provider", "another storage provider"),
        ({"s3_key": "../x"}, "failed", "names no usable object key. See its event"),
    ],
)
def test_what_cannot_be_played_is_409_and_says_why(recordings, members, status, words):
    """The answer has the status and says what to do."""
    recordings.say("c123", **members)
    reply = recordings.link("c123")

    assert (409, status) == (reply.status, reply.value["recording_status"])
    assert words in reply.value["detail"]


def test_a_failed_copy_is_409_with_tavus_own_words(recordings):
    """The answer has the callback's message, then an explanation of its code."""
    recordings.say("c123", COPY_FAILED, error_message="AccessDenied", error_code="DESTINATION_AUTH_FAILED")
    one = recordings.only("c123")

    assert "DESTINATION_AUTH_FAILED" == one["error_code"]
    assert one["explanation"].startswith("DESTINATION_AUTH_FAILED: The storage refused Tavus's credentials.")
    assert f"AccessDenied. {one['explanation']}" == recordings.link("c123").value["detail"]
    assert "about 30 days" in one["explanation"]


def test_an_empty_object_is_409_until_it_has_bytes(recordings):
    """The answer has the status, the reason and advice."""
    recordings.put(KEY, b"")
    recordings.claim(KEY)
    one, reply = recordings.only("c123"), recordings.link("c123")

    assert ("failed", 0, "The object has 0 bytes.") == (one["status"], one["size"], one["message"])
    assert (409, "failed") == (reply.status, reply.value["recording_status"])
    assert reply.value["detail"].startswith("The object has 0 bytes. Upload the recording again")

    recordings.put(KEY, b"video")
    recordings.tell(KEY)
    assert ("available", None) == tuple(recordings.only("c123")[name] for name in ("status", "message"))
    assert 302 == recordings.link("c123").status


def test_a_link_has_the_type_of_its_key(recordings):
    """A WebM is served and saved as WebM."""
    recordings.put(f"{KEY}.webm")
    recordings.claim(f"{KEY}.webm")
    asked = query_of(recordings.link("c123", query="download=true").headers["location"])

    assert "video/webm" == asked["response-content-type"]
    assert "attachment; filename=c123-1718780000000.webm" == asked["response-content-disposition"]


def test_an_archived_object_is_409_until_it_is_restored(recordings):
    """It is available but cannot be read; the answer says how to restore it."""
    recordings.put(KEY, StorageClass="GLACIER")
    recordings.tell(KEY)
    reply = recordings.link("c123")

    assert ("available", "GLACIER") == tuple(
        recordings.only("c123")[name] for name in ("status", "storage_class")
    )
    assert 409 == reply.status
    assert "aws s3api restore-object" in reply.value["detail"]


def test_a_restored_object_plays(recordings):
    """A readable copy of an archived object can be played."""
    recordings.put(KEY, StorageClass="GLACIER")
    clients.s3().restore_object(Bucket=recordings.bucket, Key=KEY, RestoreRequest={"Days": 3})
    recordings.tell(KEY, "Object Restore Completed")

    assert 302 == recordings.link("c123").status


def test_a_read_looks_for_a_pending_recording_at_most_once_a_minute(recordings):
    """The callback's look counts too. A minute later one read looks again, and the next does not."""
    recordings.claim(KEY)
    recordings.calls.clear()
    recordings.all("c123")
    recordings.link("c123")
    assert [] == recordings.asked("HeadObject")

    recordings.ahead = timedelta(seconds=61)
    recordings.all("c123")
    recordings.all("c123")
    assert [KEY, KEY + ".mp4"] == recordings.asked("HeadObject")


def test_a_read_looks_again_for_what_no_event_reaches(recordings):
    """S3 sends no events about objects outside of the folders, so a read finds out that one is gone."""
    key = "elsewhere/call.mp4"
    recordings.put(key)
    recordings.say("c123", bucket_name=recordings.bucket, s3_key=key)
    recordings.delete(key)
    recordings.tell(key, "Object Deleted")
    recordings.calls.clear()
    assert "available" == recordings.only("c123")["status"]
    assert [] == recordings.asked("HeadObject")

    recordings.ahead = timedelta(seconds=61)
    assert 409 == recordings.link("c123").status
    assert "missing" == recordings.only("c123")["status"]
    assert 2 == len(recordings.asked("HeadObject"))


def test_a_read_asks_nothing_about_what_its_events_tell(playable):
    """An object in its conversation's folder is never looked for again."""
    playable.ahead = timedelta(days=1)
    playable.calls.clear()
    playable.all("c123")
    playable.link("c123")

    assert [] == playable.asked("HeadObject")


def test_a_read_completes_what_no_event_told(recordings):
    """If the S3 event was lost, the next read finds the object."""
    recordings.claim(KEY)
    recordings.put(KEY)
    recordings.ahead = timedelta(seconds=61)

    assert 302 == recordings.link("c123").status


def test_a_read_looks_for_a_few_only(recordings):
    """Many pending recordings do not slow a read down."""
    for name in range(8):
        recordings.claim(f"tavus/c123/{name}")
    recordings.ahead = timedelta(seconds=61)
    recordings.calls.clear()
    recordings.all("c123")

    assert 2 * 5 == len(recordings.asked("HeadObject"))


def test_no_read_looks_for_what_others_keep(recordings):
    """Recordings in other places and failed ones are never looked for."""
    recordings.say("c123", s3_key=KEY, bucket_name="theirs")
    recordings.say("c123", COPY_FAILED, error_message="no")
    recordings.ahead = timedelta(seconds=61)
    recordings.calls.clear()
    recordings.all("c123")

    assert [] == recordings.asked("HeadObject")


@pytest.mark.parametrize("conversation_id", ["c123", "x" * 201])
def test_without_recordings_the_stack_says_so(recordings, monkeypatch, conversation_id):
    """Recordings=off gives 404 with a message, also for an id that no conversation can have."""
    monkeypatch.delenv("RECORDINGS_BUCKET")
    forget()
    reply = recordings.api.get(f"/conversations/{conversation_id}/recordings")

    assert (404, "This stack was deployed with Recordings=off.") == (reply.status, reply.value["detail"])


@pytest.mark.parametrize("operation", ["Query", "HeadObject"])
def test_a_store_that_is_down_is_503(recordings, operation):
    """A recording that cannot be read now is not reported as missing."""
    recordings.claim(KEY)
    recordings.ahead = timedelta(seconds=61)
    with failing("dynamodb" if operation == "Query" else "s3", operation, error="SlowDown"):
        assert 503 == recordings.link("c123").status


def test_only_a_key_on_the_curve_signs(recordings):
    """A secret with another kind of key is an error."""
    secret = recordings.api.environment["SIGNING_SECRET"]
    client = clients.secretsmanager()
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    client.put_secret_value(SecretId=secret, SecretString=pem.decode())

    with pytest.raises(TypeError, match="not an elliptic-curve key"):
        load_signer(client, secret)


def test_new_keys_differ():
    """Each slot has a key of its own."""
    assert make_private_key() != make_private_key()
