"""`sync` in a process of its own: killed at any moment it ends the same, and it stays within its limits.

`SYNC_CONVERSATIONS=4000` measures the size that the limits are for.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from shutil import copyfile

import pytest

from feed_server import EVENTS_EACH, Feed, environment, serving
from tavus_callbacks.domain.common.digests import digest

pytestmark = [pytest.mark.more, pytest.mark.slow]

CONVERSATIONS = int(os.environ.get("SYNC_CONVERSATIONS", "200"))
# With 4,000 conversations: seconds of CPU and MiB of the first sync, seconds of one that finds nothing new.
CPU, MEMORY, NOTHING_NEW = 60, 150, 2
KILLS = 10

MEASURED = """
import json, resource, sys
from tavus_callbacks_cli.main import main
try:
    main(["sync", sys.argv[1], "--json"])
finally:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # `ru_maxrss` would count the process that started this one.
    [peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(json.dumps([usage.ru_utime + usage.ru_stime, int(peak) / 1024]))
"""
# A process that starts a sync of the file that each line names. To import it all takes a second, once. Some
# builds of SQLite overwrite what is deleted, so that is turned off.
FORKING = """
import os, sys
from tavus_callbacks_cli.main import main
import tavus_callbacks_cli.sync.run
import tavus_callbacks_cli.commands.sync
from tavus_callbacks_cli.sync import file
connect = file._connect
def forgetful(path):
    connection = connect(path)
    connection.execute("PRAGMA secure_delete = OFF")
    return connection
file._connect = forgetful
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        main(["sync", line.strip()])
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture
def calls(tmp_path):
    """Name a file."""
    return tmp_path / "calls.db"


def measure(feed, calls):
    """Sync, and return the counts, the seconds of CPU, the MiB of memory and the seconds that passed."""
    began = time.monotonic()
    result = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", MEASURED, str(calls)], env=environment(feed), capture_output=True, check=True
    )
    counts, _, usage = result.stdout.decode().rpartition("\n[")
    cpu, memory = json.loads(f"[{usage}")
    return json.loads(counts), cpu, memory, time.monotonic() - began


def test_a_sync_stays_within_its_limits(calls):
    """The first sync has its share of 60 s of CPU, and all of 150 MiB; one without news takes 2 s at most."""
    with serving(Feed(CONVERSATIONS)) as feed:
        counts, cpu, memory, seconds = measure(feed, calls)
        _, again, _, seconds_again = measure(feed, calls)

    size = calls.stat().st_size / 2**20
    events = counts["events"]
    figures = f"{events} events: {cpu:.1f} s of CPU, {seconds:.1f} s, {memory:.0f} MiB, file {size:.0f} MiB"
    print(f"\n{figures}; nothing new: {again:.2f} s of CPU, {seconds_again:.2f} s")  # noqa: T201 - `-s` shows it
    assert (CONVERSATIONS * EVENTS_EACH, CONVERSATIONS) == (counts["new_events"], counts["conversations"])
    # A second to start, and the rest by the number of conversations.
    assert cpu <= 1 + (CPU - 1) * CONVERSATIONS / 4000
    assert memory <= MEMORY
    assert again <= NOTHING_NEW


@contextmanager
def forking(feed):
    """Give what starts a sync of a file and returns its process id, and what waits for its exit code."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", FORKING],
        env=environment(feed),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def start(path):
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    try:
        yield start, lambda: int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def content(calls):
    """Return every row that a person reads, but for the ids that turns and analyses have in the file."""
    with closing(sqlite3.connect(calls)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        for index in ("turns_fts", "perception_fts"):
            connection.execute(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")  # noqa: S608
        statement = (
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%\\_fts%' ESCAPE '\\'"
        )
        tables = {name for (name,) in connection.execute(statement)} - {"sync_state", "sync_unsettled"}
        connection.row_factory = sqlite3.Row
        return {
            table: sorted(repr({**row, "id": None}) for row in connection.execute(f"SELECT * FROM {table}"))  # noqa: S608
            for table in tables
        }


def kill_soon(start, wait, path, seconds):
    """Start a sync, kill it after some seconds, and return whether that was before its end."""
    pid = start(path)
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return wait() != 0


def test_a_sync_that_was_killed_ten_times_ends_as_one_that_was_not(tmp_path, calls):
    """Each kill is at a random moment, and the next sync continues: the content is the same."""
    chance, kills, undisturbed = random.Random(17), 0, tmp_path / "undisturbed.db"  # noqa: S311 - repeatable
    with serving(Feed(100)) as feed, forking(feed) as (start, wait):
        start(undisturbed)
        began = time.monotonic()
        assert 0 == wait()
        seconds = time.monotonic() - began
        while kills < KILLS:
            if kill_soon(start, wait, calls, chance.uniform(0, seconds / 5)):
                kills += 1
            else:
                # It was faster: begin with another file.
                assert content(undisturbed) == content(calls)
                calls.unlink()
        start(calls)
        assert 0 == wait()

    assert content(undisturbed) == content(calls)
    assert ["calls.db", "undisturbed.db"] == sorted(path.name for path in tmp_path.iterdir())


def test_an_erasure_that_was_killed_leaves_no_byte_in_the_end(tmp_path, calls):
    """Kills meet copies of the same file while subjects are removed and their bytes overwritten."""
    chance, before = random.Random(17), tmp_path / "before.db"  # noqa: S311 - repeatable
    with serving(Feed(60)) as feed, forking(feed) as (start, wait):
        start(before)
        assert 0 == wait()
        erased = [f"c{number:06}" for number in range(0, 60, 3)]
        feed.erased = [digest(f"conversation#{id_}") for id_ in erased]
        for _ in range(KILLS // 2):
            copyfile(before, calls)
            kill_soon(start, wait, calls, chance.uniform(0, 0.15))
            start(calls)
            assert 0 == wait()
            assert [] == [id_ for id_ in erased if id_.encode() in calls.read_bytes()]
            assert 40 == len(content(calls)["conversations"])
