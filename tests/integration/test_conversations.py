"""One call gives a conversation, a video, a replica or a transcript as a person wants it."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from projecting import calls, post_scenario, project_all, store

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.recordings import RecordingRows
from tavus_callbacks.aws.stores.subject_events import events_in, subject_rows
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.recordings.claim import Claim
from tavus_callbacks.runtime.settings import settings
from tavus_callbacks_cli.simulator import scenario as simulator

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
TURNS = [
    {"role": "system", "content": "You are Lena."},
    {"role": "assistant", "content": "Hello & <welcome>!", "seconds_from_start": 1.5, "duration": 2},
    {"role": "user", "content": "Hi.\nA room, please", "seconds_from_start": 4, "duration": 1},
]


def said(event_type, seconds=0, **properties):
    """Write a callback of conversation c1."""
    moment = iso(NOW + timedelta(seconds=seconds))
    body = {"conversation_id": "c1", "event_type": event_type, "timestamp": moment}
    return {**body, "properties": properties}


def post_transcript(api, *turns):
    """Keep a transcript of c1."""
    api.post(said("application.transcription_ready", transcript=list(turns)))


@pytest.mark.parametrize("name", simulator.names())
def test_what_is_answered_is_the_fold_of_what_is_kept(api, name):
    """Every scenario's conversation is read as it folds, members that depend on the clock too."""
    ids = post_scenario(api, name, now=datetime.now(UTC) - timedelta(days=2), query="user=4711")
    kept, conversation = store(api), ids["conversation_id"]
    items = subject_rows(Table(kept.client, kept.table), "conversation", conversation)
    answer = api.get(f"/conversations/{conversation}")
    if not items:
        assert 404 == answer.status
        return

    view = fold_conversation(
        conversation, events_in(items, kept.bodies), now=datetime.now(UTC), settings=settings().fold
    )

    assert {**view, "recordings": answer.value["recordings"]} == answer.value
    assert "4711" == answer.value["tags"]["user"]


@pytest.mark.parametrize("persona", ["persona_id", "pal_id"])
@pytest.mark.parametrize("replica", ["replica_id", "face_id"])
def test_either_name_of_face_and_pal_reads_alike(api, replica, persona):
    """Tavus renamed both in June 2026: views, lists, filters and events do not tell which name came."""
    api.post(said("system.replica_joined", **{replica: "r1", persona: "p1"}))
    api.post(said("system.shutdown", 60, **{replica: "r1"}))
    api.post({"video_id": "v1", replica: "r1", "status": "ready"}, query="user=4711")
    api.post({replica: "r1", "status": "ready"}, query="user=4711")
    project_all(api)

    view, video = api.get("/conversations/c1").value, api.get("/videos/v1").value
    assert ("r1", "p1") == (view["replica"]["id"], view["persona"]["id"])
    assert ["r1"] == [joining["replica_id"] for joining in view["joinings"]]
    assert "r1" == video["replica_id"]
    assert "r1" == api.get("/replicas/r1").value["replica_id"]
    for query in ("status=ready", "tag=user:4711"):
        assert ["r1"] == [each["id"] for each in api.get("/replicas", query).value["replicas"]]
        assert ["v1"] == [each["id"] for each in api.get("/videos", query).value["videos"]]
    assert ["c1"] == [one["conversation_id"] for one in api.get("/conversations").value["conversations"]]
    assert ["replica.ready"] == [event["event_type"] for event in api.events("r1", kind="replica")]


def test_a_conversation_of_ten_events_is_one_query(api):
    """Events, recordings and summary of a conversation lie together."""
    for number in range(9):
        api.post(said("canvas.interaction", number, interaction_id=f"i{number}", type="submit"))
    api.post(said("system.shutdown", 60, shutdown_reason="participant_left_timeout"))
    api.get("/conversations/c1")

    with calls(clients.dynamodb()) as asked, calls(clients.s3()) as asked_s3:
        view = api.get("/conversations/c1").value

    assert ["Query"] == [name for name, _ in asked]
    assert [] == asked_s3
    assert (9, "ended") == (len(view["canvas_interactions"]), view["status"])


def test_recordings_stand_in_the_conversation(api):
    """Those that are known, each with its status; where the stack has none, the list is empty."""
    bucket = api.environment["RECORDINGS_BUCKET"]
    clients.s3().create_bucket(Bucket=bucket)
    clients.s3().put_object(Bucket=bucket, Key="tavus/c1/1700000000000.mp4", Body=b"video")
    api.post(said("application.recording_ready", s3_key="tavus/c1/1700000000000.mp4", bucket_name=bucket))
    noted = RecordingRows(clients.dynamodb(), api.environment["EVENTS_TABLE"])
    claim = Claim("1700000000000", "s3", bucket, "tavus/c1/1700000000000.mp4", 42.0)
    noted.put_claim("c1", claim, ref="x", claimed_at=NOW)

    [recording] = api.get("/conversations/c1").value["recordings"]

    assert ("1700000000000", "available", 5, 42.0) == tuple(
        recording[name] for name in ("recording_id", "status", "size", "duration")
    )
    aligned = {"started_at": None, "offset": None}
    [listed] = api.get("/conversations/c1/recordings").value["recordings"]
    assert recording == listed | aligned


@pytest.mark.parametrize(
    "path",
    [
        "/conversations/nobody",
        "/conversations/nobody/transcript",
        "/conversations/nobody/events",
        "/conversations/" + "c" * 2000,
        "/conversations/" + "c" * 2000 + "/recordings/latest",
        "/conversations/%20c1",
        "/videos/nobody",
        "/replicas/c1",
        "/events/nobody/body",
    ],
)
def test_what_is_not_kept_is_404(api, path):
    """The answer says so in words; a video's id or an impossible id is not the store's fault."""
    post_transcript(api, *TURNS)

    answer = api.get(path)

    assert (404, "application/problem+json") == (answer.status, answer.headers["content-type"])
    assert "detail" in answer.value


@pytest.mark.parametrize(("kind", "failed"), [("video", "error"), ("replica", "error")])
def test_videos_and_replicas_say_how_they_fare(api, kind, failed):
    """State, what went wrong, and every callback."""
    good = post_scenario(api, kind, now=NOW)[f"{kind}_id"]
    bad = post_scenario(api, f"{kind}-failed", now=NOW)[f"{kind}_id"]

    ready, error = (api.get(f"/{kind}s/{one}").value for one in (good, bad))

    assert ("ready", None, 100.0) == (ready["status"], ready["error"], ready["progress"])
    assert failed == error["status"]
    assert error["error"]
    assert ready["history"]


def test_the_transcript_as_json_has_turns_and_no_prompt(api):
    """Roles are two, times are seconds from the start."""
    post_transcript(api, *TURNS, None, {"role": "user"})

    found = api.get("/conversations/c1/transcript").value

    assert ["assistant", "user"] == [turn["role"] for turn in found["turns"]]
    assert ("c1", 2, 0) == (found["conversation_id"], found["skipped"], found["repeated"])
    assert 1.5 == found["turns"][0]["start"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_system_turns_come_where_they_are_asked_for(api, form):
    """In every format that has them."""
    post_transcript(api, *TURNS)

    without, included = (
        api.get("/conversations/c1/transcript", f"format={form}{more}").body.decode()
        for more in ("", "&include=system")
    )

    assert ("You are Lena" in without, "You are Lena" in included) == (False, True)


def test_the_transcript_as_text_is_a_line_a_turn(api):
    """For people and for grep."""
    post_transcript(api, *TURNS)

    answer = api.get("/conversations/c1/transcript", "format=text")

    assert "text/plain; charset=utf-8" == answer.headers["content-type"]
    assert "[0:01] Replica: Hello & <welcome>!\n[0:04] User: Hi. A room, please\n" == answer.body.decode()


def test_the_transcript_as_subtitles(api):
    """The answer fits a browser's `<track>`, escaped."""
    post_transcript(api, *TURNS)

    answer = api.get("/conversations/c1/transcript", "format=vtt")

    assert "text/vtt; charset=utf-8" == answer.headers["content-type"]
    assert answer.body.decode().startswith("WEBVTT\n\n00:00:01.500 --> 00:00:03.500\n<v Replica>Hello &amp; ")


def test_subtitles_of_a_transcript_without_times_are_409(api):
    """There is a transcript, and nothing to place its words by."""
    post_transcript(api, {"role": "user", "content": "Hi."})

    answer = api.get("/conversations/c1/transcript", "format=vtt")

    assert (409, "format=text") == (answer.status, answer.value["detail"][-12:-1])
    assert 200 == api.get("/conversations/c1/transcript", "format=text").status


def post_recorded_talk(api, *, joining=True, key=1803902407500):
    """Store a talk of 12 s, a recording that starts after 7.5 s, and turns with only ISO times."""
    if joining:
        api.post(said("system.replica_joined"))
    turns = [
        {"role": role, "content": text, "timestamp": iso(NOW + timedelta(seconds=seconds)), "duration": 1}
        for role, text, seconds in (("assistant", "Hello.", 2), ("user", "Hi.", 7), ("assistant", "So?", 9))
    ]
    api.post(said("application.transcription_ready", 13, transcript=turns))
    api.post(said("system.shutdown", 12))
    bucket = api.environment["RECORDINGS_BUCKET"]
    clients.s3().create_bucket(Bucket=bucket)
    rows = RecordingRows(clients.dynamodb(), api.environment["EVENTS_TABLE"])
    rows.put_claim("c1", Claim("r1", "s3", bucket, f"tavus/c1/{key}", 2.25), ref="x", claimed_at=NOW)


def test_subtitles_fit_the_recording(api):
    """`recording=` adds the view's `offset` to each cue and cuts the rest off; `offset=` overrides it."""
    post_recorded_talk(api)

    view, path = api.get("/conversations/c1").value, "/conversations/c1/transcript"
    answers = {
        query: api.get(path, f"format=vtt&{query}").body.decode()
        for query in ("", "recording=latest", "recording=r1", "offset=-7.5", "recording=r1&offset=-8.5")
    }

    origin = {"at": iso(NOW), "source": "joining"}
    assert (origin, origin) == (view["transcript"]["origin"], api.get(path).value["origin"])
    assert [iso(NOW + timedelta(seconds=seconds)) for seconds in (2, 7, 9)] == [
        turn["at"] for turn in api.get(path).value["turns"]
    ]
    [recording] = view["recordings"]
    assert (iso(NOW + timedelta(seconds=7.5)), -7.5) == (recording["started_at"], recording["offset"])
    cues = {query: re.findall(r"([0-9.]{6}) --> 00:00:([0-9.]{6})", text) for query, text in answers.items()}
    assert {
        "": [("02.000", "03.000"), ("07.000", "08.000"), ("09.000", "10.000")],
        "recording=latest": [("00.000", "00.500"), ("01.500", "02.250")],
        "recording=r1": [("00.000", "00.500"), ("01.500", "02.250")],
        "offset=-7.5": [("00.000", "00.500"), ("01.500", "02.500")],
        "recording=r1&offset=-8.5": [("00.500", "01.500")],
    } == cues


@pytest.mark.parametrize(
    ("talk", "query", "status", "part"),
    [
        ({"key": 17}, "recording=latest", 409, "its key contains no time within the conversation. Pass"),
        ({"joining": False, "key": 17}, "recording=r1", 409, "its key contains no time"),
        ({"key": 1803902449000 - 31000}, "recording=r1", 409, "its key contains no time"),
        ({"key": 1803902411900}, "recording=r1", 409, "no turn starts within it"),
        ({"key": 17}, "recording=r1&offset=-7.5", 200, ""),
        ({}, "recording=r2", 404, "No recording r2 of conversation c1 is stored."),
        ({}, "offset=86401", 400, "offset must be a number of seconds from -86400 to 86400, such as -7.5."),
        ({}, "offset=1_0", 400, "offset must be"),
    ],
)
def test_a_recording_without_its_place_in_the_talk_says_which_half_is_missing(api, talk, query, status, part):
    """The answer names the unknown time, and `offset=` replaces it."""
    post_recorded_talk(api, **talk)

    answer = api.get("/conversations/c1/transcript", f"format=vtt&{query}")

    assert status == answer.status
    assert part in answer.body.decode()


def test_a_conversation_whose_transcript_has_not_come_says_so(api):
    """404, but of the transcript."""
    api.post(said("system.shutdown"))

    answer = api.get("/conversations/c1/transcript")

    assert 404 == answer.status
    assert "No transcript of conversation c1 has arrived." == answer.value["detail"]


@pytest.mark.parametrize("query", ["format=srt", "include=all", "format=", "recording=latest", "offset=1"])
def test_a_wrong_form_is_400(api, query):
    """The answer names what there is."""
    post_transcript(api, *TURNS)

    assert 400 == api.get("/conversations/c1/transcript", query).status


def test_a_variant_fills_up_what_the_event_lacks(api):
    """The same shutdown told twice, once with its reason: one event, and the reason is known."""
    api.post(said("system.shutdown"))
    api.post(said("system.shutdown", shutdown_reason="max_call_duration"))

    view = api.get("/conversations/c1").value

    assert "max_call_duration" == view["ending"]["code"]


def test_an_answer_can_be_sent_though_a_body_holds_half_a_surrogate_pair(api):
    """Anybody's text goes out as valid JSON."""
    api.post(json.dumps(said("application.perception_analysis", analysis="\ud83d")).encode())

    assert 200 == api.get("/conversations/c1").status
