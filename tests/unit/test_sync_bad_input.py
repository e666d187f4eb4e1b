"""`sync` refuses what it cannot use in one sentence, writes nothing by halves, and continues where it was."""

import os
import resource
import signal
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

import httpx
import pytest
from click import ClickException
from click.testing import CliRunner, Result

import feed_server
from feed_server import Feed, serving
from tavus_callbacks_cli.commands import signals
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.sync import file, pull, rebuild
from tavus_callbacks_cli.sync.progress import Progress
from tavus_callbacks_cli.sync.rows import subject_rows
from tavus_callbacks_cli.sync.run import sync as sync_file
from tavus_callbacks_cli.targets import choose


@pytest.fixture
def feed(feed, monkeypatch):
    """Serve five events a page."""
    monkeypatch.setattr(pull, "PAGE", "5")
    return feed


def sync(calls, *options) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["sync", str(calls), *options])


def refusal(calls, *options) -> str:
    """Run the command and return its error, which is one sentence or two in one paragraph."""
    result = sync(calls, *options)
    assert 1 == result.exit_code, result.output
    assert isinstance(result.exception, SystemExit)
    [line] = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


def content(calls):
    """Return every row that a person reads, and that no subject waits for its rows."""
    tables = ("conversations", "recordings", "tool_calls", "perception", "tags", "events", "sync_stale")
    columns = "conversation_id, number, speaker, text, start, duration, at, response_seconds"
    with closing(sqlite3.connect(calls)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        connection.execute("INSERT INTO turns_fts (turns_fts) VALUES ('integrity-check')")
        rows = {table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}"))) for table in tables}  # noqa: S608
        rows["perception"] = []
        return rows | {"turns": sorted(connection.execute(f"SELECT {columns} FROM turns"))}  # noqa: S608


@pytest.fixture
def undisturbed(feed, tmp_path):
    """Return the content of a file that nothing disturbed."""
    other = tmp_path / "undisturbed.db"
    assert 0 == sync(other).exit_code
    feed.asked = []
    return content(other)


def other_database(path):
    """Make an SQLite file of somebody else."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (id)")


def newer_version(path):
    """Make a file of a version to come."""
    file.create(path, {})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("Dear diary, not a database at all. " * 200), "not a file that"),
        (lambda path: path.write_bytes(b"SQLite format 3\0"), "not a file that"),
        (other_database, "not a file that `tavus-callbacks sync` created. Name another file."),
        (newer_version, "Upgrade tavus-callbacks, or sync into another file."),
        (Path.mkdir, "is not a file"),
    ],
)
def test_a_file_that_is_not_ours_stays_as_it_is(make, message, calls):
    """The error says what to do, and the file is not touched."""
    make(calls)
    before = calls.read_bytes() if calls.is_file() else None

    assert message in refusal(calls)
    assert before == (calls.read_bytes() if calls.is_file() else None)


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize(
    ("word", "unknown", "reason"),
    [
        ("fts5", "fts0", "no such module: fts0"),
        ("remove_diacritics 2", "remove_diacritics 9", "error in tokenizer constructor"),
    ],
)
def test_a_python_without_full_text_search_is_named(calls, monkeypatch, word, unknown, reason):
    """SQLite can lack FTS5, or be too old: another Python is the way out, and no file is begun."""
    monkeypatch.setattr(file, "SCHEMA", [statement.replace(word, unknown) for statement in file.SCHEMA])

    assert f" lacks the full-text search of a copy ({reason})" in refusal(calls)
    assert calls.read_bytes() == b""


@pytest.mark.parametrize("table", ["sync_state", "events", "turns_fts"])
def test_a_file_without_a_table_is_said_to_be_changed(feed, calls, table):
    """Somebody removed a table with SQL, and a sync would not bring it back."""
    file.create(calls, {"api_url": feed.url, "simulated": "1"})
    with closing(sqlite3.connect(calls)) as connection:
        connection.execute(f"DROP TABLE {table}")

    assert "was changed after a sync (no such table: " in refusal(calls)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE conversations RENAME COLUMN duration TO seconds",
        "ALTER TABLE events DROP COLUMN label",
        "CREATE TRIGGER mine BEFORE INSERT ON turns BEGIN SELECT RAISE(ABORT, 'mine'); END",
        "CREATE UNIQUE INDEX mine ON events (kind)",
    ],
)
def test_a_file_that_does_not_take_our_rows_is_said_to_be_changed(feed, calls, change):
    """A column is missing, or an index or a trigger of the person refuses a row."""
    file.create(calls, {"api_url": feed.url, "simulated": "1"})
    with closing(sqlite3.connect(calls)) as connection:
        connection.execute(change)

    assert "was changed after a sync (" in refusal(calls)


@pytest.mark.parametrize("disturbed", ["after=5", "/conversations?", "/recordings"])
def test_a_file_that_is_moved_during_a_sync_is_not_written_any_more(disturbed, feed, calls, undisturbed):
    """The file that takes its place stays as it is, and a sync of the moved file continues."""
    moved = calls.with_name("moved.db")

    def move(path):
        if disturbed in path:
            feed.disturb = lambda _: None
            calls.rename(moved)
            calls.write_text("mine")

    feed.disturb = move

    assert "was moved, replaced or deleted during the sync" in refusal(calls)
    assert calls.read_text() == "mine"
    assert 0 == sync(moved).exit_code
    assert undisturbed == content(moved)


def test_a_name_that_no_file_can_have_is_refused(feed, tmp_path):
    """The reason is that of the file system."""
    assert "cannot be read: File name too long." in refusal(tmp_path / ("x" * 300))
    assert [] == feed.asked


def test_a_missing_folder_is_named(feed, tmp_path):
    """Nothing is asked of the stack."""
    assert "There is no folder" in refusal(tmp_path / "none" / "calls.db")
    assert [] == feed.asked


@contextmanager
def as_nobody():
    """Work without the rights of root, who may write everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def note_something(copy):
    """Write to a file."""
    with copy.transaction():
        copy.note("a", "b")


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o755), (0o666, 0o555)])
def test_a_read_only_file_or_folder_is_said_to_be_one(file_mode, folder_mode):
    """SQLite needs the folder too, for its journal."""
    with tempfile.TemporaryDirectory() as name:
        folder, calls = Path(name), Path(name) / "calls.db"
        file.create(calls, {})
        calls.chmod(file_mode)
        folder.chmod(folder_mode)
        with as_nobody(), pytest.raises(ClickException) as refused, file.open_copy(calls) as copy:
            note_something(copy)
        folder.chmod(0o755)

    assert "writable, or name another file." in refused.value.message


def test_a_file_of_another_stack_is_refused(feed, calls, monkeypatch):
    """Two stacks of one name, in two accounts, have two URLs."""
    assert 0 == sync(calls).exit_code
    with serving(Feed(1)) as other:
        monkeypatch.setenv("TAVUS_CALLBACKS_URL", other.url)
        assert f"is a copy of {feed.url}, not of {other.url}. Name another file." in refusal(calls)
        assert [] == other.asked


def test_a_refused_token_leaves_no_file_behind(feed, calls):
    """The file is made after the first answer."""
    feed.disturb = lambda _: (401, {})

    assert "TAVUS_CALLBACKS_READ_TOKEN is revoked" in refusal(calls)
    assert not calls.exists()


@pytest.mark.parametrize("answer", ["{}", '{"events": null}', "[]", "[" * 100_000, "<html>"])
def test_what_is_no_stack_leaves_no_file_behind(answer, feed, calls):
    """Another server answers 200 to every path."""
    feed.bodies["/events"] = answer.encode()

    assert "Check TAVUS_CALLBACKS_URL: it must be" in refusal(calls)
    assert not calls.exists()


@pytest.mark.parametrize("limit", [20_000, 150_000, 200_000])
def test_a_full_disk_is_said_to_be_one_and_the_next_sync_continues(limit, calls, undisturbed):
    """Nothing is written by halves: the file is whole, and has the same content in the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        message = refusal(calls)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "then start the same command again: it continues where it stopped." in message
    assert ["calls.db", "undisturbed.db"] == sorted(path.name for path in calls.parent.iterdir())
    assert 0 == sync(calls).exit_code
    assert undisturbed == content(calls)


def test_a_crash_while_rows_are_written_leaves_none_of_them(calls, undisturbed, monkeypatch):
    """The subjects of the batch stay stale, and the next sync rebuilds all of them."""
    subjects = []

    def crash(kind, subject, *arguments, **options):
        subjects.append(subject)
        return {}[subject] if len(subjects) == 3 else subject_rows(kind, subject, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "subject_rows", crash)
        assert isinstance(sync(calls).exception, KeyError)
    crashed = content(calls)

    assert ([], [], 15, 3) == (
        crashed["conversations"],
        crashed["turns"],
        len(crashed["events"]),
        len(crashed["sync_stale"]),
    )
    assert 0 == sync(calls).exit_code
    assert undisturbed == content(calls)


def test_large_bodies_are_written_in_several_transactions(calls, undisturbed, monkeypatch):
    """A page that breaks off in between comes again, and no event is stored twice."""
    monkeypatch.setattr(pull, "_MOST_BYTES", 10)
    row = pull._row
    rows = iter(range(8))
    with monkeypatch.context() as patch:
        patch.setattr(pull, "_row", lambda api, event: row(api, event) if next(rows, 9) < 7 else {}["broken"])
        assert isinstance(sync(calls).exception, KeyError)
    broken = content(calls)

    assert (7, 0) == (len(broken["events"]), len(broken["turns"]))
    assert 0 == sync(calls).exit_code
    assert undisturbed == content(calls)


def test_ctrl_c_is_quiet_and_the_next_sync_continues(calls, undisturbed, monkeypatch):
    """The person reads that nothing is lost."""

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "list_conversations", stop)
        result = sync(calls)

    assert (1, "") == (result.exit_code, result.stdout)
    assert (
        "\nThe file has everything up to here. The same command continues from there.\n\nAborted!\n"
        in result.stderr
    )
    assert 0 == sync(calls).exit_code
    assert undisturbed == content(calls)


def test_ctrl_c_ends_a_sync_whose_clean_up_waits_for_a_lock(calls, undisturbed, monkeypatch):
    """Ctrl-C can leave a lock of httpcore held. It is repeated, so that nothing waits for that lock."""
    lock, waits = Lock(), []
    lock.acquire()

    def stop(*_):
        os.kill(os.getpid(), signal.SIGINT)

    def close(client, *_):
        try:
            waits.append(lock.acquire(timeout=9))
        finally:
            client.close()

    with monkeypatch.context() as patch:
        patch.setattr(signals, "_AGAIN", 0.05)
        patch.setattr(rebuild, "list_conversations", stop)
        patch.setattr(httpx.Client, "__exit__", close)
        result = sync(calls)

    assert (1, []) == (result.exit_code, waits)
    assert "The file has everything up to here." in result.stderr
    assert 0 == sync(calls).exit_code
    assert undisturbed == content(calls)


def test_rows_of_another_version_are_made_anew(calls, undisturbed):
    """A later version reads the same events better."""
    assert 0 == sync(calls).exit_code
    with closing(sqlite3.connect(calls)) as connection, connection:
        connection.execute("UPDATE sync_state SET value = '0.0.1' WHERE name = 'rows_by'")
        connection.execute("UPDATE conversations SET status = 'misread'")

    assert 0 == sync(calls).exit_code
    assert undisturbed == content(calls)


@pytest.fixture
def second(feed, calls):
    """Give what starts another sync when the stack is asked for a path, and its outcome."""
    target = choose.UrlTarget(feed.url, dict(os.environ))
    outcomes: list[object] = []

    def start_at(part):
        def other_sync(path):
            if part in path:
                feed.disturb = lambda _: None
                try:
                    progress = Progress(lambda *_: None, lambda _: None)
                    outcomes.append(sync_file(target, calls, progress, with_simulated=False))
                except ClickException as error:
                    outcomes.append(error.message)

        feed.disturb = other_sync

    return start_at, outcomes


@pytest.mark.parametrize("disturbed", ["limit=1", "after=5", "/conversations?", "/recordings"])
def test_of_two_syncs_at_once_the_second_one_stops(disturbed, feed, calls, undisturbed, second):
    """It asks the stack for nothing, and the first one ends as if alone."""
    start_at, outcomes = second
    start_at(disturbed)

    assert 0 == sync(calls).exit_code
    [message] = outcomes
    assert "Another sync is writing" in message
    assert len(feed.asked) == len(set(feed.asked))
    assert undisturbed == content(calls)


@pytest.mark.parametrize("disturbed", ["after=5", "/conversations?", "/recordings"])
def test_of_two_users_syncs_at_once_one_stops(disturbed, calls, undisturbed, second, monkeypatch):
    """They do not see each other's lock. The one that finds the file changed stops; the other one ends."""
    start_at, outcomes = second
    start_at(disturbed)
    monkeypatch.setattr(file, "sole_sync", lambda _: nullcontext())

    assert "Another sync is writing" in refusal(calls)
    assert [15] == [outcome.events for outcome in outcomes]
    assert undisturbed == content(calls)


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize(("has_file", "code"), [(True, 0), (False, 1)])
def test_a_search_beside_a_sync_searches_what_is_there(has_file, code, calls):
    """It never ends a long first sync. Before there is a file, it says that another sync is writing it."""
    if has_file:
        assert 0 == sync(calls).exit_code
    with file.sole_sync(calls):
        result = CliRunner().invoke(main, ["search", "hello", "--db", str(calls)])

    assert code == result.exit_code
    assert "Another sync is writing" in result.stderr
    assert ("The search uses what the file has so far" in result.stderr) is has_file


def test_a_place_for_the_lock_is_needed(feed, calls, monkeypatch):
    """The error says how to name one."""
    monkeypatch.setattr(tempfile, "tempdir", str(calls))

    assert "Temporary files cannot be written" in refusal(calls)
    assert [] == feed.asked


def test_a_busy_stack_is_waited_for(feed, calls, undisturbed, waits):
    """429 and 503 half-way: as long as the answer says, or twice as long each time."""
    answers = {
        "after=5": [(429, {"retry-after": "7"}), (503, {}), (503, {})],
        "/conversations?": [(503, {})],
    }

    def busy(path):
        return next((several.pop() for part, several in answers.items() if part in path and several), None)

    feed.disturb = busy
    result = sync(calls)

    assert (0, [1, 2, 7, 1]) == (result.exit_code, waits)
    assert "503: Disturbed. Next attempt in 1 s." in result.stderr
    assert undisturbed == content(calls)


@pytest.mark.parametrize("disturbed", ["/events", "after=5", "/conversations?", "/recordings", "/erasures"])
def test_a_stack_that_stays_busy_ends_the_sync_and_the_next_one_continues(
    disturbed, feed, calls, undisturbed, waits
):
    """It gives up after five minutes; what was pulled is not pulled again."""
    feed.disturb = lambda path: (503, {}) if disturbed in path else None
    message = refusal(calls)
    feed.disturb, feed.asked = lambda _: None, []

    assert (243, [1, 2, 4, 8, 16, 32, 60, 60, 60]) == (sum(waits), waits)
    assert "Start the same command again later: it continues where it stopped." in message
    assert 0 == sync(calls).exit_code
    assert undisturbed == content(calls)
    if "/conversations" in disturbed:
        assert not any("after=5" in path or path.endswith("simulated=false") for path in feed.asked)


def test_a_longer_wait_than_anybody_has_ends_at_once(feed, calls, waits):
    """An hour of Retry-After is not waited for."""
    feed.disturb = lambda _: (429, {"retry-after": "3600"})

    assert "The API answered 429" in refusal(calls)
    assert [] == waits


def test_a_stack_that_never_answered_is_not_waited_for(calls, feed, monkeypatch, waits):
    """A wrong URL is an error at once."""
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", "http://127.0.0.1:9")

    assert "No answer" in refusal(calls)
    assert ([], []) == (waits, feed.asked)


def test_a_refused_cursor_is_replaced_by_a_time(feed, calls, undisturbed):
    """The sync continues at the time of the last event, and says so."""
    assert 0 == sync(calls).exit_code
    answers = [(400, {})]
    feed.disturb = lambda path: (
        answers.pop() if answers and "after=15" in path and "/events" in path else None
    )
    result = sync(calls)

    assert 0 == result.exit_code
    assert "The sync continues at the time of the last event instead." in result.stderr
    assert undisturbed == content(calls)


class Recent(Feed):
    """A stack whose last events have just arrived: the feed gives five of them until somebody has waited."""

    has_settled: Callable[[], bool]

    def _page(self, after, limit):
        if after == 0 or self.has_settled():
            return super()._page(after, limit)
        return f'{{"events": [], "cursor": "{after}", "looked_until": null}}'


def test_events_that_have_just_arrived_are_waited_for(calls, waits, monkeypatch):
    """The feed says that there are more, and then gives none until 15 s have passed."""
    monkeypatch.setattr(pull, "PAGE", "5")
    recent = Recent(3, began_at=datetime.now(UTC) - timedelta(seconds=12))
    recent.has_settled = lambda: bool(waits)
    with serving(recent) as feed:
        for name, value in feed_server.environment(feed).items():
            monkeypatch.setenv(name, value)
        result = sync(calls)

    [pause] = waits
    assert 2 < pause < 3
    assert "More events have just arrived. They are readable in 3 s." in result.stderr
    assert 15 == len(content(calls)["events"])
