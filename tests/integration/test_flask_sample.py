"""Everything that the Flask sample in Tavus's docs does, done here, and better where it is weak.

The sample is "Sample Webhook Setup" on Tavus's page "Webhooks and Callbacks" (docs/tavus.md, "Delivery").
"""

import json

import pytest
from inprocess import forget
from projecting import project_all

AT = "2027-03-01T12:00:{:02}.000000Z"
PROMPT = {"role": "system", "content": "You are Lena, the receptionist."}
TURNS = [
    PROMPT,
    {"role": "user", "content": "Hello, do you have a room?"},
    {"role": "assistant", "content": "I do."},
    {"role": "user", "content": "Lovely."},
]


def said(event_type, second=0, **properties):
    """Write a callback as Tavus sends it."""
    return {
        "event_type": event_type,
        "message_type": event_type.partition(".")[0],
        "conversation_id": "c1",
        "timestamp": AT.format(second),
        "properties": properties,
    }


def transcript(*turns, second=20):
    """Write the callback with what was said."""
    return said("application.transcription_ready", second, replica_id="r1", transcript=list(turns))


def view(api):
    """Read the conversation."""
    return api.get("/conversations/c1").value


@pytest.fixture
def posted(api):
    """Post what the sample knows, in the order of its branches."""
    for body in (
        said("system.replica_joined", 1, replica_id="r1"),
        said("system.shutdown", 10, replica_id="r1", shutdown_reason="max_call_duration reached"),
        said("application.recording_ready", 15, bucket_name="b", s3_key="tavus/c1/1", duration=9),
        said("application.perception_analysis", 18, analysis="A person in a blue coat."),
        transcript(*TURNS),
    ):
        assert 200 == api.post(body).status
    return api


def test_type_and_conversation_are_read_and_what_is_missing_is_said(api):
    """The sample reads both softly and goes on with None; here the sender learns, and the body is kept."""
    answer = api.post({"conversation_id": "c1", "properties": {}})

    assert (422, "event_type") == (answer.status, answer.value["errors"][0]["field"])
    assert answer.value["quarantine_id"] == api.quarantine()[0]["quarantine_id"]


def test_each_callback_is_one_line_in_the_log(api):
    """With type and conversation, and as JSON that can be searched."""
    api.post(said("system.replica_joined"))

    [line] = [one for one in api.records() if one["message"] == "callback"]

    assert ("system.replica_joined", "c1") == (line["event_type"], line["subject"])


def test_the_replica_has_joined(posted):
    """The sample prints that it did; here it says who and when, and can be asked later."""
    assert [{"at": AT.format(1), "replica_id": "r1"}] == view(posted)["joinings"]


def test_why_it_ended(posted):
    """The sample prints the raw reason; here it stands beside plain words, and the length of the talk."""
    found = view(posted)

    assert "max_call_duration reached" == found["ending"]["reason"]
    assert "The conversation reached its maximum duration." == found["ending"]["plain"]
    assert 9.0 == found["duration"]


def test_where_the_recording_is(posted):
    """The sample prints the key; here it is in the event, and `recordings` says whether it can be watched."""
    [event] = [one for one in posted.events("c1") if one["event_type"] == "application.recording_ready"]

    assert "tavus/c1/1" == event["body"]["properties"]["s3_key"]
    assert posted.get("/conversations/c1/recordings").status == 200


def test_what_the_camera_showed(posted):
    """The sample prints the text; here it is kept with its time."""
    assert ("A person in a blue coat.", AT.format(18)) == (
        view(posted)["perception"]["analysis"],
        view(posted)["perception"]["at"],
    )


def test_the_transcript_is_kept(posted):
    """The sample forgets it with its process; here a new one knows it."""
    forget()

    found = posted.get("/conversations/c1/transcript").value

    assert ["Hello, do you have a room?", "I do.", "Lovely."] == [turn["text"] for turn in found["turns"]]


def test_a_later_transcript_replaces_an_earlier_one_and_an_empty_one_does_not(posted):
    """The sample keeps the last to arrive, whatever is in it; both stay readable as events here."""
    longer = [*TURNS, {"role": "assistant", "content": "See you."}]
    posted.post(transcript(second=40))
    posted.post(transcript(*longer, second=30))

    assert 4 == view(posted)["transcript"]["turns"]
    kept = [one for one in posted.events("c1") if one["event_type"] == "application.transcription_ready"]
    assert 3 == len(kept)


def test_turns_are_counted(posted):
    """User's, assistant's, all: the sample's three numbers; its total counts the prompt, asked for here."""
    talk = view(posted)["talk"]
    everything = posted.get("/conversations/c1/transcript", "include=system").value["turns"]

    assert (2, 1, 4) == (talk["user_turns"], talk["replica_turns"], len(everything))
    assert 3 == talk["total_turns"]


def test_every_turn_is_written_out(posted):
    """Role and content of each; the prompt only where it is asked for."""
    without, everything = (
        posted.get("/conversations/c1/transcript", query).body.decode()
        for query in ("format=text", "format=text&include=system")
    )

    assert "User: Hello, do you have a room?\nReplica: I do.\nUser: Lovely.\n" == without
    assert "System: You are Lena, the receptionist.\n" + without == everything


def test_a_turn_without_role_or_content_breaks_nothing(api):
    """The sample's analysis raises; here the rest is read, and what is not is counted."""
    api.post(transcript(*TURNS, {"role": "user"}, {"content": "?"}, None, "?"))

    found = view(api)["transcript"]

    assert (3, 4) == (found["turns"], found["skipped"])


@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        (said("conversation.never.heard.of"), 200, "stored"),
        ({"event_type": "system.shutdown", "conversation_id": "c1"}, 200, "stored"),
        ({"video_id": "v1", "status": "ready"}, 200, "stored"),
        ({"replica_id": "r1", "status": "error", "error_message": "No consent."}, 200, "stored"),
    ],
    ids=["an unknown type", "no properties", "a video", "a training"],
)
def test_what_the_sample_passes_over_or_breaks_on_is_kept(api, body, status, outcome):
    """Without properties it raises, of a video or a training it logs None; here each is an event."""
    answer = api.post(body)

    assert (status, outcome) == (answer.status, answer.value["status"])
    kept = json.loads(api.get(f"/events/{answer.value['event_id']}/body").body)
    assert body == kept


def test_success_is_answered_only_where_it_is_kept(posted):
    """The sample always says `success`; here 200 means that it can be read afterwards, in a list too."""
    project_all(posted)

    [found] = posted.get("/conversations").value["conversations"]
    assert ("c1", "ended", True) == (found["conversation_id"], found["status"], found["has_transcript"])
    assert 5 == len(posted.events("c1"))
