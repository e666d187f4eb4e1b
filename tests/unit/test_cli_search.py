"""`search` prints where something was said, syncs first, and says how to open it in the console."""

import json

import pytest
from copies import add_events
from fake_target import FakeTarget, run
from folding import CONVERSATION, said, transcript

from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.sync.file import create, open_copy
from tavus_callbacks_cli.targets import choose

TURN = {"role": "user", "content": "What is the \x1b[2J refund policy?", "seconds_from_start": 65.25}
LINK = "http://127.0.0.1:9000/#key=k/conversations/c123?t=65.3"


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path):
    """Return a copy of a conversation, the calls.db of the working directory; no target is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(choose.URL, raising=False)
    path = tmp_path / "calls.db"
    create(path, {"api_url": "https://a.fake", "simulated": "0"})
    with open_copy(path) as copy:
        analysis = said("application.perception_analysis", 70, analysis="A *refund* made them smile.")
        add_events(copy.connection, [said("system.replica_joined"), transcript(TURN, seconds=70), analysis])
    return path


@pytest.fixture
def target(monkeypatch):
    """Let every command work on a fake stack."""
    fake = FakeTarget(options=("--stack", "calls"))
    fake.api_url = "https://a.fake"
    monkeypatch.setattr(choose, "choose", lambda *_, **__: fake)
    return fake


def test_matches_stand_below_their_conversation():
    """A person sees conversation and time, who said it when, and the text with control characters escaped."""
    result = run("search", "refund", "--no-sync")

    lines = result.stdout.splitlines()
    assert (0, "") == (result.exit_code, result.stderr)
    assert lines[0].startswith(f"{CONVERSATION}  2027-03-01 ")
    assert lines[1:] == [
        r"  1:05  User: What is the \x1b[2J refund policy?",
        "        Analysis: A *refund* made them smile.",
    ]


def test_a_terminal_highlights_the_words(monkeypatch):
    """The words of the query stand out, and what is around them does not."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")

    lines = run("search", "refund", "--no-sync").stdout.splitlines()

    assert "\x1b[1;33mrefund\x1b[0m policy?" in lines[1]


def test_a_stack_is_opened_by_a_command(target):
    """Without a running console, the link is the command that opens the conversation in one."""
    result = run("search", "refund", "--no-sync", "--stack", "calls")

    assert result.stdout.splitlines()[1] == f"tavus-callbacks console {CONVERSATION} --stack calls"
    assert target.asked == []


def test_a_local_stack_has_a_link_to_the_moment(monkeypatch):
    """The console of a local stack opens at the turn."""
    values = dict.fromkeys(RunningStack.__dataclass_fields__, "")
    values |= {"pid": 1, "port": 9000, "api_url": "http://127.0.0.1:9000", "console_key": "k", "outputs": {}}
    local = choose.LocalTarget(RunningStack(**values))
    monkeypatch.setattr(choose, "choose", lambda *_, **__: local)

    result = run("search", "refund policy", "--no-sync", "--local", "--json")

    [match] = json.loads(result.stdout)["matches"]
    assert match == {
        "conversation_id": CONVERSATION,
        "began_at": "2027-03-01T11:30:15.250000Z",
        "speaker": "user",
        "text": TURN["content"],
        "start": 65.25,
        "at": "2027-03-01T11:31:20.500000Z",
        "console": LINK,
    }


def test_without_a_target_both_ways_are_named():
    """Somebody who names no target learns how to name one, and that none is needed."""
    result = run("search", "refund")

    assert 2 == result.exit_code
    assert "--stack NAME" in result.stderr
    assert "add --no-sync to search calls.db as it is" in result.stderr


def test_a_sync_that_cannot_begin_leaves_the_search(target, monkeypatch):
    """Somebody without a network learns that the file can be searched without it."""
    monkeypatch.setattr("tavus_callbacks_cli.operations.events.time.sleep", lambda _: None)
    target.answers = [(503, {"detail": "down"})] * 100

    result = run("search", "refund", "--stack", "calls")

    assert 1 == result.exit_code
    assert "--no-sync searches calls.db as it is." in result.stderr


def test_only_a_file_that_can_be_searched_is_offered(target, file):
    """A sync that cannot write the copy offers to search it; without a copy there is nothing to offer."""
    target.api_url = "https://b.fake"
    other = run("search", "refund", "--stack", "calls")
    target.answers = [(401, {"detail": "no"})]
    none = run("search", "refund", "--stack", "calls", "--db", "none.db")
    file.write_text("no copy", encoding="utf-8")
    no_copy = run("search", "refund", "--stack", "calls")

    assert [1, 1, 1] == [result.exit_code for result in (other, none, no_copy)]
    assert other.stderr.endswith("Name another file. --no-sync searches calls.db as it is.\n")
    assert "--no-sync" not in none.stderr + no_copy.stderr


def test_a_file_that_is_missing_is_named():
    """Without a file there is nothing to search, and nothing is made."""
    result = run("search", "refund", "--no-sync", "--db", "other.db")

    assert 1 == result.exit_code
    assert result.stderr == "Error: other.db is missing or empty. Leave out --no-sync to create it.\n"


def test_a_query_without_a_word_does_not_wait_for_a_sync(target):
    """A mistake in the query shows at once."""
    result = run("search", "🙂", "--stack", "calls")

    assert 2 == result.exit_code
    assert "'🙂' has no word or number. Type a word to search for." in result.stderr
    assert target.asked == []


def test_more_matches_are_announced():
    """A list that ends early says how to see the rest, and an empty one says that it is empty."""
    more = run("search", "refund", "--no-sync", "--limit", "1")
    more_json = run("search", "refund", "--no-sync", "--limit", "1", "--json")
    none = run("search", "absent", "--no-sync")

    assert more.stderr == more_json.stderr == "There are more. --limit 10 shows up to 10.\n"
    assert (0, "", "No turn or analysis contains these words.\n") == (
        none.exit_code,
        none.stdout,
        none.stderr,
    )
