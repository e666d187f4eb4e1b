"""`sync` copies everything that is new into an SQLite file, and keeps to what was erased."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from feed_server import event_text, stored_event
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.sync import file, run

LONG_AGO = datetime(2026, 1, 9, tzinfo=UTC)


def sync(calls, *options) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["sync", str(calls), *options])


def synced(calls, *options):
    """Run the command and return its counts."""
    result = sync(calls, "--json", *options)
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def query(calls, statement):
    """Return the rows of a query."""
    with closing(sqlite3.connect(calls)) as connection:
        return connection.execute(statement).fetchall()


def content(calls):
    """Return all rows that a person reads, without the numbers that SQLite gives turns."""
    tables = [name for (name,) in query(calls, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    rows = {}
    with closing(sqlite3.connect(calls)) as connection:
        connection.row_factory = sqlite3.Row
        for table in tables:
            if not table.startswith(("sync_", "turns_fts", "perception_fts", "sqlite_")):
                every = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own names
                rows[table] = sorted(repr({**dict(row), "id": None}) for row in every)
    return rows


def new_id(subject, number, kind="conversation"):
    """Return the id of an event."""
    return f"{kind}.{subject}.{number:020}-{'0' * 32}"


def event(subject, text="hello", received_at=LONG_AGO, **members):
    """Return a transcript event of a conversation as the feed answers it."""
    turns = [{"role": "user", "content": text}]
    body = {
        "event_type": "application.transcription_ready",
        "conversation_id": subject,
        "timestamp": "2026-01-09T00:00:00Z",
        "properties": {"transcript": turns},
    }
    answered = json.loads(event_text(stored_event(json.dumps(body).encode(), received_at=received_at)))
    return json.dumps(answered | members)


def test_the_first_sync_copies_every_event_and_the_rows_that_follow(feed, calls):
    """The file has the events with their bodies, and rows that the events and the lists of the stack say."""
    counts = synced(calls)

    assert (15, 3, 15, 3) == tuple(
        counts[name] for name in ("new_events", "updated", "events", "conversations")
    )
    assert (0o600, 3 * 7) == (calls.stat().st_mode & 0o777, query(calls, "SELECT count(*) FROM turns")[0][0])
    assert [("ended", "available")] * 3 == query(
        calls, "SELECT c.status, r.status FROM conversations c JOIN recordings r USING (conversation_id)"
    )
    bodies = [json.loads(feed.event(number))["body"] for number in range(15)]
    stored = query(calls, "SELECT body FROM events ORDER BY received_at")
    assert bodies == [json.loads(body) for (body,) in stored]
    assert ["calls.db"] == [path.name for path in calls.parent.iterdir()]


def test_a_second_sync_asks_for_what_is_new_alone(feed, calls):
    """It goes on at the cursor, and rebuilds the conversation that has a new event."""
    synced(calls)
    nothing = synced(calls)
    feed.more, feed.asked = [event("c000001", "one more thing")], []
    counts = synced(calls)

    assert (0, 0) == (nothing["new_events"], nothing["updated"])
    assert (1, 1, 16, 3) == tuple(
        counts[name] for name in ("new_events", "updated", "events", "conversations")
    )
    assert ["15", "16"] == re.findall(r"/events\?.*after=(\d+)", "\n".join(feed.asked))
    assert ["/conversations?ids=c000001"] == [
        path for path in feed.asked if path.startswith("/conversations?")
    ]


@pytest.mark.usefixtures("feed")
def test_an_event_that_comes_twice_is_stored_once(calls):
    """A cursor that was used before the kill gives the same page again."""
    synced(calls)
    before = content(calls)
    with closing(sqlite3.connect(calls)) as connection, connection:
        connection.execute("UPDATE sync_state SET value = '5' WHERE name = 'events_cursor'")

    assert 0 == synced(calls)["new_events"]
    assert before == content(calls)


def test_tables_and_columns_that_a_person_added_stay(feed, calls):
    """A sync writes its own columns, and leaves all others alone."""
    synced(calls)
    with closing(sqlite3.connect(calls)) as connection, connection:
        connection.execute("ALTER TABLE events ADD COLUMN mine TEXT DEFAULT 'a'")
        connection.execute("ALTER TABLE conversations ADD COLUMN mine TEXT DEFAULT 'b'")
        connection.execute("CREATE TABLE notes (conversation_id REFERENCES conversations, note TEXT)")
        connection.execute("INSERT INTO notes VALUES ('c000001', 'call back')")
        connection.execute("CREATE VIEW replies AS SELECT text FROM turns WHERE speaker = 'replica'")
    feed.more = [event("c000001", "one more thing")]
    counts = synced(calls)

    assert (1, 1) == (counts["new_events"], counts["updated"])
    assert [("c000001", "call back")] == query(calls, "SELECT * FROM notes")
    assert 16 == len(query(calls, "SELECT mine FROM events WHERE mine = 'a'"))
    assert [] != query(calls, "SELECT * FROM replies")


def test_a_body_above_256_kb_is_fetched(feed, calls):
    """The feed names its place, and the file has the bytes that were kept."""
    kept = '{"conversation_id":"c9","event_type":"x.y",  "text":"' + "é" * 300_000 + '"}'
    large = json.loads(event("c9"))
    del large["body"]
    feed.more = [json.dumps(large | {"body_url": "/events/large/body"})]
    feed.bodies["/events/large/body"] = b"\xef\xbb\xbf" + kept.encode()
    synced(calls)

    assert [(kept,)] == query(calls, "SELECT body FROM events WHERE subject = 'c9'")


def test_an_event_that_was_erased_since_its_page_is_left_out(feed, calls):
    """Its large body is gone when it is asked for."""
    large = json.loads(event("c9"))
    del large["body"]
    feed.more = [json.dumps(large | {"body_url": "/events/large/body"}), event("c8")]
    feed.disturb = lambda path: (404, {}) if path == "/events/large/body" else None

    assert 16 == synced(calls)["events"]
    assert [] == query(calls, "SELECT * FROM events WHERE subject = 'c9'")


def test_half_an_emoji_is_an_escape_in_json_and_a_replacement_character_in_text(feed, calls):
    """SQLite's text is UTF-8, which has no half characters."""
    half = json.loads(event("c9", "smile \\ud83d")) | {"issues": ["unknown_property:\ud83d"]}
    half["body"]["properties"]["transcript"][0]["content"] = "smile \ud83d"
    feed.more = [json.dumps(half)]
    synced(calls)

    [(body, issues)] = query(calls, "SELECT body, issues FROM events WHERE subject = 'c9'")
    assert "smile \\ud83d" in body
    assert ["unknown_property:\ufffd"] == json.loads(issues)
    assert [("smile \ufffd",)] == query(calls, "SELECT text FROM turns WHERE conversation_id = 'c9'")


@pytest.mark.slow
def test_a_conversation_with_3000_events_is_copied(feed, calls):
    """All of its events are in the file, and its turns are those of the latest transcript."""
    moments = [LONG_AGO + timedelta(seconds=second) for second in range(3000)]
    feed.more = [
        event("c9", f"hello {number}", moment, event_id=f"conversation.c9.{number:020}-{'0' * 32}")
        for number, moment in enumerate(moments)
    ]

    assert 3015 == synced(calls)["events"]
    assert [(3000,)] == query(calls, "SELECT count(*) FROM events WHERE subject = 'c9'")
    assert 1 == len(query(calls, "SELECT text FROM turns WHERE conversation_id = 'c9'"))


def secrets_of(calls):
    """Return what can be read of the erased subject: its id, its text, and a word of the index."""
    data = calls.read_bytes()
    return [each for each in (b"cERASED", b"my Qwyjibo", b"qwyjibo") if each in data]


def test_an_erased_subject_leaves_no_byte(feed, calls, monkeypatch):
    """Rows, words of the index and bytes of the file go; others stay, and a late event is dropped.

    Some builds of SQLite overwrite what is deleted, so the test turns that off.
    """
    connect = file._connect

    def forgetful(path):
        connection = connect(path)
        connection.execute("PRAGMA secure_delete = OFF")
        return connection

    monkeypatch.setattr(file, "_connect", forgetful)
    feed.more = [event("cERASED", "my Qwyjibo", event_id=new_id("cERASED", number)) for number in range(50)]
    synced(calls)
    assert 3 == len(secrets_of(calls))
    feed.erased = [digest("conversation#cERASED")]
    feed.more += [event("cERASED", "late", event_id=new_id("cERASED", 99))]
    counts = synced(calls)

    assert (1, 0, 15, 3) == tuple(
        counts[name] for name in ("erased", "new_events", "events", "conversations")
    )
    assert [] == secrets_of(calls)


def test_a_subject_that_is_erased_during_the_sync_goes_too(feed, calls):
    """The erasures are asked for again at the end."""

    def erase(path):
        if path.startswith("/conversations?"):
            feed.erased = [digest("conversation#c000001")]

    feed.disturb = erase

    assert (1, 2) == (synced(calls)["erased"], query(calls, "SELECT count(*) FROM conversations")[0][0])


def test_a_write_ahead_log_keeps_no_erased_byte(feed, calls, monkeypatch):
    """Somebody switched it on. A program that reads an earlier state has to be closed first."""
    feed.more = [event("cERASED", "my Qwyjibo")]
    synced(calls)
    query(calls, "PRAGMA journal_mode = WAL")
    feed.erased = [digest("conversation#cERASED")]
    monkeypatch.setattr(file, "_BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(calls)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        refused = sync(calls)
        reader.rollback()
        synced(calls)

        assert "so erased data stays in its log" in refused.stderr
        assert [] == secrets_of(calls)
        log = calls.with_name("calls.db-wal")
        assert not log.exists() or b"cERASED" not in log.read_bytes()


def test_traces_are_overwritten_after_a_crash_in_between(feed, calls, monkeypatch):
    """A sync that died after the rows were deleted leaves that to the next one."""
    feed.more = [event("cERASED", "my Qwyjibo")]
    synced(calls)
    feed.erased = [digest("conversation#cERASED")]
    with monkeypatch.context() as patch:
        patch.setattr(run, "overwrite_traces", lambda _: 1 / 0)
        assert isinstance(sync(calls).exception, ZeroDivisionError)
    synced(calls)

    assert [] == secrets_of(calls)


def test_recordings_of_an_id_that_no_path_can_hold_are_not_asked_for(feed, calls):
    """A slash would be a path of its own."""
    feed.more, feed.listed = [event("a/b")], {"a/b"}
    synced(calls)

    assert [("c000000",), ("c000001",), ("c000002",)] == query(
        calls, "SELECT conversation_id FROM recordings ORDER BY 1"
    )


def test_what_expired_stays_unless_mirrored(feed, calls):
    """`--mirror` removes subjects that have no events on the stack any more, of any kind."""
    feed.more = [event("v1", kind="video", family="video", event_id=new_id("v1", 1, "video")), event("c9")]
    synced(calls)
    # Not listed yet, but there.
    feed.gone = {"c000001", "v1"}

    assert (0, 5) == (
        synced(calls)["removed"],
        query(calls, "SELECT count(DISTINCT subject) FROM events")[0][0],
    )
    assert 2 == synced(calls, "--mirror")["removed"]
    assert [("c000000",), ("c000002",), ("c9",)] == query(
        calls, "SELECT DISTINCT subject FROM events ORDER BY 1"
    )
    assert [] == query(calls, "SELECT * FROM videos")


def test_a_mirror_of_an_empty_stack_removes_nothing(feed, calls):
    """A stack that was created again at the same address would empty the file."""
    synced(calls)
    feed.gone = {f"c{number:06}" for number in range(3)}
    refused = sync(calls, "--mirror")

    assert 1 == refused.exit_code
    assert "it is empty or new. Nothing was removed." in refused.stderr
    assert [(15,)] == query(calls, "SELECT count(*) FROM events")


def test_what_the_stack_knew_of_an_expired_conversation_stays(feed, calls):
    """Its ending, and the size of its recording, outlive an upgrade. A call that went on has ended by now."""
    feed.changes = {"end_reason": "from the list", "confirmed": True}
    synced(calls)
    before = content(calls)
    with closing(sqlite3.connect(calls)) as connection, connection:
        connection.execute("UPDATE sync_state SET value = '0.0.1' WHERE name = 'rows_by'")
        connection.execute("UPDATE conversations SET status = 'active' WHERE conversation_id = 'c000002'")
    feed.gone = {f"c{number:06}" for number in range(3)}
    updated = synced(calls)["updated"]
    after = content(calls)

    assert (3, before["turns"]) == (updated, after["turns"])
    for table in ("conversations", "recordings"):
        assert before[table][:2] == after[table][:2]
    assert [("ended",)] == query(calls, "SELECT DISTINCT status FROM conversations")


def test_a_conversation_that_changes_without_an_event_is_followed(feed, calls):
    """Its status comes from the list as long as it can change, and then no more."""
    feed.began_at = datetime.now(UTC) - timedelta(hours=3)
    feed.changes = {"status": "active"}
    synced(calls)
    first = [path for path in feed.asked if path.startswith("/conversations?")]
    assert (1, 0) == (len(first), synced(calls)["updated"])
    feed.changes = {"status": "ended", "end_reason": "new"}
    updated = synced(calls)["updated"]
    feed.asked = []
    synced(calls)

    assert (3, [("ended", "new")]) == (
        updated,
        query(calls, "SELECT DISTINCT status, end_reason FROM conversations"),
    )
    assert [] == [path for path in feed.asked if path.startswith("/conversations")]


def test_a_list_that_is_behind_does_not_hide_what_events_say(feed, calls):
    """The list still shows the conversation as active, and its shutdown is in the file."""
    feed.began_at = datetime.now(UTC) - timedelta(hours=3)
    feed.changes = {"status": "active", "received_last_at": "2026-01-01T00:00:00.000000Z"}
    synced(calls)
    behind = query(calls, "SELECT DISTINCT status, confirmed FROM conversations")
    feed.changes = {"confirmed": True}
    synced(calls)

    assert [("ended", 0)] == behind
    assert [("ended", 1)] == query(calls, "SELECT DISTINCT status, confirmed FROM conversations")


def test_simulated_data_is_left_out_unless_asked_for_at_first(feed, calls, tmp_path):
    """The stack filters. A file keeps the choice of its first sync, and says so."""
    synced(calls)
    assert "simulated=false" in "".join(feed.asked)
    refused = sync(calls, "--simulated")
    feed.asked = []
    with_simulated = tmp_path / "all.db"
    synced(with_simulated, "--simulated")
    synced(with_simulated)

    assert 1 == refused.exit_code
    assert "leaves out simulated data since its first sync" in refused.stderr
    assert "simulated=false" not in "".join(feed.asked)
