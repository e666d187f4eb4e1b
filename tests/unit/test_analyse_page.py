"""docs/analyse.md is true: the file has its tables, answers its questions, and opens in its tools."""

import csv
import json
import os
import re
import socket
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from copies import add_events
from folding import NOW, recording, stored_event

from tavus_callbacks_cli.sync.file import create, open_copy

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "analyse.md").read_text(encoding="utf-8")
TOOLS = ROOT / ".venv-analyse"
# Tools come from the locked environment, not from a package index; the arguments stay as written.
UVX = 'uvx() { [ "$1" != --from ] || shift 2; "$@"; }\n'


def blocks(language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]
QUESTIONS = dict(re.findall(r"^([^\n]+\?)\n\n```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def call(  # noqa: PLR0913 - one argument a fact
    conversation_id, replica_id, *, hours, reason, tag="user=1", turns=()
):
    """Return the events of a conversation of ten minutes that began some hours after a fixed moment."""
    began_at = NOW + timedelta(hours=hours)
    parts = [
        ("system.replica_joined", {"replica_id": replica_id}),
        ("system.shutdown", {"shutdown_reason": reason}),
        ("application.transcription_ready", {"transcript": list(turns)}),
    ]
    bodies = [
        {
            "event_type": event_type,
            "conversation_id": conversation_id,
            "timestamp": (began_at + timedelta(minutes=min(number, 1) * 10)).isoformat(),
            "properties": properties,
        }
        for number, (event_type, properties) in enumerate(parts)
    ]
    return [stored_event(body, received_at=began_at, query=tag) for body in bodies]


def dialogue(question, answer, seconds):
    """Return the turns of a question that is answered after some seconds."""
    asked = {"role": "user", "content": question, "seconds_from_start": 1.0, "duration": 2.0}
    return asked, {"role": "assistant", "content": answer, "seconds_from_start": 3.0 + seconds, "duration": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a calls.db of six conversations: two replicas, two recordings, one user twice.

    One began on New Year's Day, one is active, and the end of one never arrived.
    """
    folder = tmp_path_factory.mktemp("analyse")
    path = folder / "calls.db"
    create(path, {})
    known = recording("r1", "available", key=None, conversation_id="c1").model_dump(mode="json")
    left, slow = "participant_left_timeout", dialogue("What are your PRICES?", "Ten euros.", 3.5)
    with open_copy(path) as copy:
        file = copy.connection
        events = call("c1", "r1", hours=0, reason=left, turns=dialogue("Hello!", "Hi!", 0.5))
        add_events(file, events, recordings=[known])
        add_events(file, call("c2", "r2", hours=1, reason=left, tag="user=4711", turns=slow))
        add_events(file, call("c3", "r1", hours=170, reason="max_call_duration", tag="user=4711"))
        elsewhere = recording("r2", "other_provider", key=None, conversation_id="c4").model_dump(mode="json")
        add_events(file, call("c4", "r1", hours=-1428, reason=left), recordings=[elsewhere])
        [joining, *_] = call("c5", "r1", hours=0, reason=left)
        add_events(file, [joining])
        [joining, *_] = call("c6", "r1", hours=-24, reason=left)
        failed = recording("r3", "failed", key=None, conversation_id="c6").model_dump(mode="json")
        add_events(file, [joining], recordings=[failed])
    return folder


ANSWERS = {
    "Who talks about prices?": [("2027-03-01T13:30:16.250000Z", "c2", "user", "What are your PRICES?")],
    "How fast does each replica respond?": [("r1", 1, 0.5, 0.5), ("r2", 1, 3.5, 3.5)],
    "How do calls end, week by week?": [
        ("2027-03-08", "max_call_duration", 1, 10.0),
        ("2027-03-01", "participant_left_timeout", 2, 10.0),
        ("2026-12-28", "participant_left_timeout", 1, 10.0),
    ],
    "Which calls have no recording?": [
        ("c3", "2027-03-08T14:30:15.250000Z", 600.0),
        ("c2", "2027-03-01T13:30:15.250000Z", 600.0),
        ("c6", "2027-02-28T12:30:15.250000Z", None),
    ],
    "Which calls did a user have?": [
        ("c3", "2027-03-08T14:30:15.250000Z", 600.0, "max_call_duration", 0),
        ("c2", "2027-03-01T13:30:15.250000Z", 600.0, "participant_left_timeout", 2),
    ],
}


@pytest.mark.parametrize("question", ANSWERS)
def test_a_question_is_answered(folder, question):
    """Each query of the page gives the answer that its question asks for."""
    with open_copy(folder / "calls.db") as copy:
        assert copy.connection.execute(QUESTIONS[question]).fetchall() == ANSWERS[question]


def test_every_question_has_a_test():
    """No query of the page is left out."""
    assert QUESTIONS.keys() == ANSWERS.keys()
    assert len(blocks("sql")) == len(ANSWERS)


def test_the_tables_are_those_of_the_file(folder):
    """The page names every table that people read, and only columns that it has."""
    rows = re.findall(r"^\| (`.*?) \| (`.*?) \|$", PAGE, re.MULTILINE)
    named = {table: re.findall(r"`(\w+)`", columns) for names, columns in rows for table in _names(names)}
    with open_copy(folder / "calls.db") as copy:
        query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
        tables = {name for (name,) in copy.connection.execute(query)}
        shadows = {table for table in tables if re.search(r"_fts_", table)}
        columns = {
            table: {column[1] for column in copy.connection.execute(f"PRAGMA table_xinfo({table})")}
            for table in tables
        }

    assert {table for table in tables - shadows if not table.startswith("sync_")} == named.keys()
    for table, names in named.items():
        values = {"user", "replica", "tool", "transcript", "perception", "action", "rowid", "id"}
        assert set(names) - columns[table] <= values, table


def _names(cell):
    return re.findall(r"`(\w+)`", cell)


@pytest.fixture(scope="module")
def tools(folder):
    """Return the environment of the page's commands: locked tools, and a home that has DuckDB's extension."""
    subprocess.run([ROOT / "infra" / "checks" / "venv", "analyse"], check=True)  # noqa: S603 - our own script
    environment = {"HOME": str(folder), "PATH": f"{TOOLS / 'bin'}:{os.environ['PATH']}"}
    [extension] = TOOLS.rglob("sqlite_scanner.duckdb_extension")
    bash(f"duckdb -c \"INSTALL '{extension}'\"", folder, environment)
    return environment


def bash(command, folder, environment):
    """Run a command line of the page, and return what it prints."""
    done = subprocess.run(  # noqa: S603 - commands of the documentation
        ["bash", "-euo", "pipefail", "-c", UVX + command],  # noqa: S607
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr), command
    return done.stdout


@pytest.mark.more
def test_the_tools_write_every_format(folder, tools):
    """CSV, JSONL and Parquet have each turn, DuckDB reads times, and sqlite-utils finds the index."""
    commands = [line for line in COMMANDS if re.match(r"uvx (--from duckdb-cli|sqlite-utils)", line)]
    printed = [bash(command, folder, tools) for command in commands]
    table = (folder / "turns.csv").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in (folder / "turns.jsonl").read_text("utf-8").splitlines()]
    parquet = bash("duckdb -json -c \"SELECT text FROM 'turns.parquet'\"", folder, tools)
    matches = bash("sqlite-utils search calls.db turns prices -c text", folder, tools)

    assert len(commands) == 4
    assert [row["text"] for row in csv.DictReader(table)] == texts
    assert "2027-03-01 13:30:21.75" in printed[-1]
    assert texts == ["Hello!", "Hi!", "What are your PRICES?", "Ten euros."]
    assert [row["text"] for row in json.loads(parquet)] == texts
    assert [row["text"] for row in json.loads(matches)] == ["What are your PRICES?"]


@pytest.mark.more
def test_pandas_reads_the_turns(folder, tools):
    """The page's lines for pandas run as they stand, and describe both speakers."""
    [lines] = blocks("py")
    (folder / "lines.py").write_text(lines, encoding="utf-8")

    printed = bash("python -W error lines.py", folder, tools)

    assert re.search(r"^replica +2\.0 ", printed, re.MULTILINE)


@pytest.mark.more
def test_datasette_shows_and_searches_the_file(folder, tools):
    """Datasette answers a page, and the search box that it finds for the turns."""
    [command] = [line for line in COMMANDS if "datasette" in line]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ["datasette", *command.removeprefix("uvx datasette ").split(), "--port", str(port)]
    process = subprocess.Popen(  # noqa: S603 - a command of the documentation
        arguments, executable=TOOLS / "bin" / "datasette", cwd=folder, env={**tools, "BROWSER": "true"}
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            page = answer_of(client, "/calls/turns?_search=prices")
            found = client.get("/calls/turns.json?_search=prices&_shape=array").json()
    finally:
        process.terminate()
        process.wait(10)

    assert 'name="_search"' in page
    assert [row["text"] for row in found] == ["What are your PRICES?"]


def answer_of(client, path):
    """Return a page as soon as its server answers; raises httpx.TransportError after 30 seconds."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return client.get(path).raise_for_status().text
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
