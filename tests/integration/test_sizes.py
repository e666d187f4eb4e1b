"""Sizes: small bodies lie in their item, large ones in the bucket, and all come back byte for byte."""

import base64
import json
import random
from bisect import bisect_right

import pytest
from inprocess import PAYLOAD_LIMIT, strict_json

from tavus_callbacks.aws.stores.bodies import ROW_BODY_LIMIT
from tavus_callbacks.domain.common import issues

SHUTDOWN = {"conversation_id": "c1", "event_type": "system.shutdown"}
ENGLISH = (
    "So, tell me about the budget that you have in mind; is it per month, or for the whole year? ",
    "\"Well,\" she said, 'it depends on what you call a year'\n",
    "We'd need it by the 3rd of May, at 5% less — can you do that? ",
)
JAPANESE = (
    "それでは、ご予算についてお聞かせください。月額でしょうか、それとも年額でしょうか。",
    "「そうですね」と彼女は言いました。\n",
    "五月三日までに、五パーセント引きでお願いします。",
)
FOUR_MB = 4 * 1024 * 1024


def transcript(sentences, size):
    """Write a transcript of just that many bytes, of turns that deflate badly enough."""
    speech = random.Random(1)  # noqa: S311 - speech, no secret

    def turn(number):
        content = "".join(speech.choices(sentences, k=4)) + f"{speech.getrandbits(200):x}"
        return {"role": "user", "content": content, "timestamp": 1784000000 + number}

    def written(turns, filler=""):
        body = {
            "conversation_id": "c1",
            "event_type": "application.transcription_ready",
            "properties": {"transcript": [*turns, {"role": "user", "content": filler}]},
        }
        return json.dumps(body, ensure_ascii=False).encode()

    average = len(written([turn(number) for number in range(200)])) / 200
    turns = [turn(number) for number in range(int(size / average * 0.98))]
    return written(turns, "x" * (size - len(written(turns))))


@pytest.mark.parametrize(
    ("sentences", "content_type"),
    [
        pytest.param(ENGLISH, "application/json", id="English"),
        pytest.param(JAPANESE, "application/json", id="Japanese"),
        pytest.param(JAPANESE, "application/octet-stream", id="Japanese in base64", marks=pytest.mark.more),
    ],
)
def test_a_transcript_of_4_mb_comes_back_byte_for_byte(api, sentences, content_type):
    """Four megabytes of speech go in as text or base64 and come out as they were."""
    raw = transcript(sentences, FOUR_MB)
    assert FOUR_MB == len(raw)

    reply = api.post(raw, content_type=content_type)

    assert (200, "stored", []) == (reply.status, reply.value["status"], reply.value["issues"])
    [event] = api.events("c1")
    assert "body" not in event
    read = api.get(event["body_url"])
    assert (200, "application/json") == (read.status, read.headers["content-type"])
    assert raw == read.body
    assert [key.partition("/")[0] for key in api.object_keys()] == ["events"]


@pytest.mark.parametrize(
    "unit",
    [
        "\\ud83d",
        "🎬",
        *(pytest.param(one, marks=pytest.mark.more) for one in ('\\"', "\\u0000", "\x7f", "é")),
    ],
)
def test_4_mb_of_anything_come_back_byte_for_byte(api, unit):
    """Whatever a body is made of, 4 MB of it can be read in one answer."""
    text = unit * ((FOUR_MB - 100) // len(unit.encode()))
    raw = f'{{"conversation_id":"c1","event_type":"system.shutdown","x":"{text}"}}'.encode()

    reply = api.post(raw, content_type="application/octet-stream")

    assert 200 == reply.status
    assert raw == api.get(f"/events/{reply.value['event_id']}/body").body


def empties(count):
    """Write a transcript of so many empty turns."""
    return (
        '{"conversation_id":"c1","event_type":"application.transcription_ready",'
        f'"properties":{{"transcript":[{",".join(["{}"] * count)}]}}}}'
    ).encode()


def test_many_little_parts_are_kept(api):
    """More than 100,000 objects and lists are too many to be typed, and not too many to be kept."""
    raw = empties(140_000)

    reply = api.post(raw, content_type="application/octet-stream")

    assert 200 == reply.status
    assert [issues.TOO_MANY_PARTS] == reply.value["issues"]
    assert raw == api.get(f"/events/{reply.value['event_id']}/body").body


def test_more_little_parts_go_to_quarantine(api):
    """A body of over 300,000 objects, lists, members and elements is kept with its reason."""
    raw = empties(1_300_000)

    reply = api.post(raw, content_type="application/octet-stream")

    assert 400 == reply.status
    assert "The body has more than 300,000 objects, lists, members and elements." == reply.value["detail"]
    assert raw == api.get(f"/quarantine/{reply.value['quarantine_id']}/body", token=api.quarantine_token).body


def test_the_largest_body_that_the_gateway_lets_through_is_kept(api):
    """5.9 MB of plain text reach the receiver and are kept."""
    text = "x" * (PAYLOAD_LIMIT - 4096)
    reply = api.post({**SHUTDOWN, "x": text})

    assert 200 == reply.status
    assert any(text.encode() in kept for kept in api.everything_kept())


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_body_at_the_limit_lies_in_its_item_and_beyond_in_the_bucket(api, more):
    """Whether a row holds a body depends on its stored bytes, not on the bytes that are read."""
    empty = json.dumps(SHUTDOWN | {"x": ""})
    noise = base64.b85encode(random.Random(2).randbytes(40_000)).decode().replace('"', "")  # noqa: S311 - noise
    from tavus_callbacks.domain.common.compression import pack

    def stored(length):
        return len(pack(json.dumps(SHUTDOWN | {"x": noise[:length]}).encode()).data)

    # The first that is too large: its neighbour before is not.
    length = bisect_right(range(40_000), ROW_BODY_LIMIT, key=stored)
    body = SHUTDOWN | {"x": noise[: length + more]}

    reply = api.post(body)

    assert len(empty) + length + more <= len(json.dumps(body))
    assert (more >= 0) is bool(api.object_keys())
    assert body == api.get(f"/events/{reply.value['event_id']}/body").value
    assert [body] == [event["body"] for event in api.pull()]


@pytest.mark.parametrize(("size", "inline"), [(256 * 1024, True), (256 * 1024 + 1, False)])
def test_a_list_shows_bodies_up_to_256_kb(api, size, inline):
    """A larger body is named by its URL in lists, by subject and by receipt."""
    filler = "x" * (size - len(json.dumps(SHUTDOWN | {"x": ""})))
    body = SHUTDOWN | {"x": filler}

    api.post(body)

    for [event] in (api.events("c1"), api.pull()):
        assert (inline, not inline) == ("body" in event, "body_url" in event)
        assert body == (event["body"] if inline else api.get(event["body_url"]).value)


def test_a_duplicate_of_a_large_body_makes_no_second_object(api):
    """The object is named by what it holds."""
    raw = transcript(ENGLISH, 200_000)

    assert ["stored", "duplicate"] == [api.post(raw).value["status"] for _ in range(2)]
    assert 1 == len(api.object_keys())


def test_large_bodies_of_unusual_subjects_lie_under_plain_keys(api):
    """An id that does not fit a path does not become a path in the bucket either."""
    for subject in ("../../tokens", "a/b", "会議 ?#"):
        api.post(SHUTDOWN | {"conversation_id": subject, "x": [str(n * n * 7919) for n in range(6000)]})

    keys = api.object_keys()

    assert 3 == len(keys)
    assert all(key.isascii() and key.replace("/", "").isalnum() and key.count("/") == 3 for key in keys)


def test_an_answer_never_holds_what_is_no_json(api):
    """Numbers of 4,300 digits, halves of emojis and control characters go out as valid JSON."""
    raw = b'{"conversation_id":"c1","event_type":"x","x":[%b,"\\ud83d","\\u0000",1e-400,-0.0,1E+2]}'
    api.post(raw % (b"9" * 4300))

    body = api.get("/events").body

    assert "\ufffd" == strict_json(body)["events"][0]["body"]["x"][1]
