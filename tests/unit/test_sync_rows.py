"""The rows of a copy say what the API says, and a subject can be replaced and deleted."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from copies import add_events, content, empty_copy
from folding import CONVERSATION, JSON, NOW, SETTINGS, recording, said, scenario, stored_event, transcript
from hypothesis import given
from hypothesis import strategies as st

import corpus
from tavus_callbacks.domain.callbacks.event_types import SHOWN
from tavus_callbacks.domain.conversations.facts import conversation_period
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.resources.view import fold_resource
from tavus_callbacks.domain.transcripts.alignment import align
from tavus_callbacks.domain.transcripts.transcript import choose_transcript, transcript_view
from tavus_callbacks_cli.simulator import scenario as simulator
from tavus_callbacks_cli.sync.rows import delete_subject, purge_indexes, replace_subject, subject_rows

SCENARIOS = sorted(simulator.names())
EVENT_TYPES = [*sorted(SHOWN), "conversation.objective.completed", "conversation.guardrail.triggered"]
# The members that become columns, and those that hold them.
MEMBERS = [
    *("transcript", "analysis", "reason", "shutdown_reason", "replica_id", "name", "arguments", "frames"),
    *("tool_id", "tool_name", "status", "request", "response", "objective_name", "output_variables"),
    *("guardrail", "guardrail_id", "guardrail_name", "s3_key", "duration", "error_code"),
]


def turn(role, text, start, duration=1.0, **members):
    """Return a turn of a transcript."""
    return {"role": role, "content": text, "seconds_from_start": start, "duration": duration, **members}


@pytest.fixture
def copy():
    """Return an empty copy."""
    return empty_copy()


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_rows_and_leaves_none(copy, name):
    """The simulator's events become rows; deleting their subjects empties every table and both indexes."""
    events = scenario(name)

    add_events(copy, events)
    add_events(copy, events)

    subjects = {(event.kind, event.subject) for event in events}
    assert bool(content(copy)) == bool(subjects)
    for kind, subject in subjects:
        delete_subject(copy, kind, subject)
    assert content(copy) == {}
    assert copy.execute("SELECT count(*) FROM turns_fts WHERE turns_fts MATCH 'the OR a'").fetchone()[0] == 0


def test_a_conversation_is_what_the_api_says(copy):
    """A row has the values of the view under the same names."""
    events = scenario("conversation")
    view = fold_conversation(events[0].subject, events, now=NOW, settings=SETTINGS)

    add_events(copy, events)

    [row] = content(copy)["conversations"]
    same = ("status", "joined_at", "ended_at", "duration", "received_first_at", "received_last_at")
    assert {name: row[name] for name in same} == {name: view[name] for name in same}
    assert (row["replica_id"], row["persona_id"]) == (view["replica"]["id"], view["persona"]["id"])
    assert row["end_reason"] == view["ending"]["code"]
    assert {name: row[name] for name in view["talk"] if name in row} == {
        name: value for name, value in view["talk"].items() if name in row
    }
    assert json.loads(row["tags"]) == view["tags"]
    assert json.loads(row["labels"]) == ["test"]
    assert row["simulated"] == 1


def assert_same(row, view, *names):
    """Assert that a row has these columns, and the values of a view wherever both have a name."""
    shared = row.keys() & (view or {}).keys()
    assert shared >= set(names)
    for name in shared - {"missing", "speaker"}:
        value = view[name]
        assert (json.loads(row[name]) if isinstance(value, dict | list) else row[name]) == value, name


@pytest.fixture(scope="module")
def bodies():
    """Return a copy of all published bodies, and their events by subject; one conversation has all parts."""
    connection = empty_copy()
    events = [
        stored_event(path.read_bytes(), received_at=NOW + timedelta(seconds=number))
        for number, (name, path) in enumerate(corpus.files().items())
        if corpus.EXPECTED[name].outcome == "stored"
    ]
    events += [replace(event, subject="all") for event in events if event.kind == "conversation"]
    add_events(connection, events)
    subjects = defaultdict(list)
    for event in events:
        subjects[event.kind, event.subject].append(event)
    return connection, subjects


def test_published_conversations_have_the_values_of_the_api(bodies):
    """Columns with the names of a view have its values, in each table and for each published body."""
    copy, subjects = bodies
    for (kind, subject), events in subjects.items():
        if kind == "conversation":
            view = fold_conversation(subject, events, now=NOW, settings=SETTINGS)
            rows = {
                table: [row for row in several if row.get("conversation_id") == subject]
                for table, several in content(copy).items()
            }
            [row] = rows["conversations"]
            assert_same(row, view, "status", "duration", "tags", "received_last_at")
            assert_same(row, view["talk"])
            for table, views in {
                "turns": [turn | {"speaker_name": turn["speaker"]} for turn in spoken_turns(events)],
                "objectives": view["objectives"],
                "guardrails": view["guardrails"],
                "perception": list(filter(None, [view["perception"]])),
            }.items():
                for row, item in zip(rows[table], views, strict=True):
                    assert_same(row, item)
            later = [call for call in rows["tool_calls"] if call["event_id"]]
            for row, item in zip(later, [*view["perception_tool_calls"], *view["actions"]], strict=True):
                assert_same(row, item, "at", "event_id")


def spoken_turns(events):
    """Return the turns with words of the API's transcript of a conversation."""
    chosen = choose_transcript(events)
    turns = transcript_view(align(chosen, conversation_period(events)))["turns"] if chosen else []
    return [turn for turn in turns if turn["text"]]


def test_published_resources_have_the_values_of_the_api(bodies):
    """Columns with the names of a view have its values, for each video, replica and other resource."""
    copy, subjects = bodies
    rows, count = content(copy), 0
    for (kind, subject), events in subjects.items():
        table, key = {"video": ("videos", "video_id"), "replica": ("replicas", "replica_id")}.get(
            kind, ("resources", "id")
        )
        for row in rows[table]:
            if row[key] == subject and row.get("kind", kind) == kind:
                assert_same(row, fold_resource(kind, subject, events), "status", "links", "error")
                count += 1
    assert count == len(rows["videos"] + rows["replicas"] + rows["resources"])


def test_the_list_decides_what_depends_on_time(copy):
    """Status, end and missing parts are those of the stack's list, which knows its settings and the time."""
    listed = {
        "status": "presumed_ended",
        "ended_at": None,
        "duration": None,
        "end_reason": None,
        "missing": ["shutdown", "transcript"],
    }

    add_events(copy, [said("system.replica_joined")], listed=listed)

    [row] = content(copy)["conversations"]
    assert (row["status"], row["missing"], row["confirmed"]) == (
        "presumed_ended",
        '["shutdown", "transcript"]',
        0,
    )


def test_turns_have_speakers_times_and_response_times(copy):
    """A turn says who spoke, when by the clock, and how long the replica took; system turns are left out."""
    add_events(
        copy,
        [
            said("system.replica_joined"),
            transcript(
                {"role": "system", "content": "Be kind."},
                turn("user", "What does it cost?", 2.0),
                turn("Ada", "Ten euros.", 3.5),
                seconds=60,
            ),
        ],
    )

    turns = content(copy)["turns"]
    assert [(row["number"], row["speaker"], row["text"], row["start"]) for row in turns] == [
        (1, "user", "What does it cost?", 2.0),
        (2, "replica", "Ten euros.", 3.5),
    ]
    assert [row["speaker_name"] for row in turns] == [None, "Ada"]
    assert [row["response_seconds"] for row in turns] == [None, 0.5]
    assert turns[0]["at"] == "2027-03-01T11:30:17.250000Z"


def test_newer_conversations_have_greater_ids(copy):
    """Ids of turns follow the first receipts, and two conversations of one second share no id."""
    spoken = {"event_type": "application.transcription_ready", "timestamp": NOW.isoformat()}
    turns = {"properties": {"transcript": [turn("user", "hello", 1.0), turn("user", "again", 2.0)]}}
    received = {"old": -1, "new": 1, "also-new": 1}
    for name, seconds in reversed(received.items()):
        body = {**spoken, **turns, "conversation_id": name}
        add_events(copy, [stored_event(body, received_at=NOW + timedelta(seconds=seconds))])

    found = copy.execute("SELECT conversation_id, id FROM turns ORDER BY id DESC").fetchall()
    assert [row["conversation_id"] for row in found] == ["new", "new", "also-new", "also-new", "old", "old"]
    assert found[0]["id"] < 2**53


def test_a_second_can_be_too_short_for_all_turns(copy, monkeypatch):
    """However many turns are received within one second, each has an id of its own, and can be replaced."""
    monkeypatch.setattr("tavus_callbacks_cli.sync.rows._IDS_PER_SECOND_BITS", 1)
    spoken = {"event_type": "application.transcription_ready", "timestamp": NOW.isoformat()}
    turns = {"properties": {"transcript": [turn("user", f"hello {n}", n) for n in range(3)]}}
    received = {"a": 0, "b": 0, "c": 1, "d": 2, "e": 0}

    for _ in range(2):
        for name, seconds in received.items():
            body = {**spoken, **turns, "conversation_id": name}
            add_events(copy, [stored_event(body, received_at=NOW + timedelta(seconds=seconds))])

    assert len(content(copy)["turns"]) == 15


def test_recordings_are_placed_in_the_talk(copy):
    """A recording's row has its status and what to add to a turn's start to find it."""
    started_at = int((NOW - timedelta(hours=1)).timestamp() * 1000) - 4000
    key = f"x/{CONVERSATION}/{started_at}.mp4"
    known = recording("r1", "available", key=key, size=7).model_dump(mode="json")
    events = [said("system.replica_joined"), transcript(turn("user", "hi", 1.0), seconds=60)]

    add_events(copy, events, recordings=[known])

    [row] = content(copy)["recordings"]
    assert (row["recording_id"], row["status"], row["size"], row["talk_offset"]) == (
        "r1",
        "available",
        7,
        4.0,
    )
    assert row["started_at"] == "2027-03-01T11:30:11.250000Z"


def test_tool_calls_come_from_three_sources(copy):
    """Calls of the transcript, of Raven and after the call are rows of one table."""
    call = {"id": "t1", "function": {"name": "look_up", "arguments": '{"order": 7}'}}
    answer = {"role": "tool", "content": "sent", "tool_call_id": "t1", "seconds_from_start": 3.0}
    add_events(
        copy,
        [
            transcript(turn("user", "hi", 1.0), turn("assistant", "", 2.0, tool_calls=[call]), answer),
            said("application.perception_tool_call", 1, name="wave", arguments='{"hand": "left"}'),
            said("application.post_call_action_executed", 2, tool_id="a1", tool_name="crm", status="success"),
        ],
    )

    calls = content(copy)["tool_calls"]
    assert [
        (row["source"], row["call_id"], row["name"], row["arguments"], row["answer"]) for row in calls
    ] == [
        ("transcript", "t1", "look_up", '{"order": 7}', "sent"),
        ("perception", None, "wave", '{"hand": "left"}', None),
        ("action", "a1", "crm", None, None),
    ]


@pytest.mark.parametrize(
    ("body", "table"),
    [
        ({"objective_id": "o1", "objective_name": "name", "output_variables": {"name": "Ada"}}, "objectives"),
        ({"guardrail_id": "g1", "event_type": "guardrail.triggered", "guardrail_name": "x"}, "guardrails"),
    ],
)
def test_a_subject_without_a_conversation_can_be_deleted(copy, body, table):
    """An objective or a guardrail that names no conversation is a row of its own."""
    event = stored_event(body)
    add_events(copy, [event])

    [row] = content(copy)[table]
    assert (row["conversation_id"], row[f"{event.kind}_id"]) == (None, event.subject)
    delete_subject(copy, event.kind, event.subject)
    assert content(copy) == {}


def test_a_video_is_what_the_api_says(copy):
    """A video's row has the values of its view."""
    events = scenario("video")
    view = fold_resource("video", events[0].subject, events)

    add_events(copy, events)

    [row] = content(copy)["videos"]
    assert (row["video_id"], row["status"], row["name"]) == (view["id"], view["status"], view["name"])
    assert json.loads(row["links"]) == view["links"]


def test_unusual_values_are_stored(copy):
    """Half an emoji becomes U+FFFD, a zero byte stays, and a number beyond 64 bits becomes text."""
    event = said("application.perception_tool_call", name="a\ud83db\0c", arguments=10**30)
    add_events(copy, [event, transcript(turn("user", "half \ud83d of it", 1.0), seconds=1)])

    rows = content(copy)
    assert rows["turns"][0]["text"] == "half \ufffd of it"
    assert (rows["tool_calls"][0]["name"], rows["tool_calls"][0]["arguments"]) == ("a\ufffdb\0c", str(10**30))


def test_replacing_keeps_the_events(copy):
    """A subject that is folded again keeps its rows of `events`, and loses those that it no longer has."""
    event = transcript(turn("user", "hello", 1.0))
    add_events(copy, [event])
    copy.execute(
        "INSERT INTO events VALUES ('e', 'conversation', ?, '', '', '', '', '', '', '', '', 0, '')",
        (CONVERSATION,),
    )

    replace_subject(
        copy, "conversation", CONVERSATION, subject_rows("conversation", CONVERSATION, [said("x")], now=NOW)
    )

    assert {table: len(rows) for table, rows in content(copy).items()} == {
        "conversations": 1,
        "events": 1,
        "tags": 1,
    }
    delete_subject(copy, "conversation", CONVERSATION)
    assert content(copy) == {}


def test_deleted_words_leave_the_file(tmp_path):
    """After the indexes are purged, no byte of the file holds a word of a deleted subject."""
    file = tmp_path / "calls.db"
    copy = empty_copy(file)
    copy.execute("PRAGMA secure_delete = ON")
    add_events(copy, [transcript(turn("user", "xylophonist", 1.0))])
    assert b"xylophonist" in file.read_bytes()

    delete_subject(copy, "conversation", CONVERSATION)
    purge_indexes(copy)

    assert b"xylophonist" not in file.read_bytes()


def test_the_index_follows_an_update(copy):
    """Somebody who corrects a turn with SQL finds it by its new words only; the index stays consistent."""
    add_events(copy, [transcript(turn("user", "teh price", 1.0))])

    copy.execute("UPDATE turns SET text = 'the price'")

    found = "SELECT count(*) FROM turns_fts WHERE turns_fts MATCH ?"
    assert [copy.execute(found, (word,)).fetchone()[0] for word in ("teh", "the")] == [0, 1]
    # Raises sqlite3.DatabaseError if index and table differ.
    copy.execute("INSERT INTO turns_fts (turns_fts, rank) VALUES ('integrity-check', 1)")


@given(st.sampled_from(EVENT_TYPES), st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4))
def test_whatever_a_body_holds_can_be_stored(event_type, properties):
    """No value of a stranger stops a sync: every event becomes rows that SQLite takes and Python reads."""
    copy = empty_copy()

    add_events(copy, [said(event_type, **properties)])

    assert content(copy)["conversations"][0]["conversation_id"] == CONVERSATION
