"""Commands printed for pasting execute nothing that a stranger wrote."""

import ast
import json
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from fake_target import FakeTarget, run
from folding import NOW

import tavus_callbacks_cli
from tavus_callbacks.domain.common.paths import fits_path
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import show
from tavus_callbacks_cli.erasure.receipt import beyond_reach
from tavus_callbacks_cli.main import COMMANDS, main
from tavus_callbacks_cli.operations.selection import Selection
from tavus_callbacks_cli.output import console, pages, shell
from tavus_callbacks_cli.targets import choose
from tavus_callbacks_cli.targets.aws_stack import Deployment
from tavus_callbacks_cli.targets.choose import StackTarget

PRINTABLE = (
    *("c1$(id>pwned)", "`id>pwned`", "a;b", "a|b", "a&b", "a'b", "'", 'a"b', "a b", "-x", "--help"),
    *("\\", "a\\'b", "~root", "=ls", "*", "!!", "#a", "{a,b}", "ü", "", "$HOME", "'$(id)\"`id`"),
)
UNPRINTABLE = ("a\nid", "\x1b[2Ja", "a\u202eb", "a\u00a0b", "a'\n$(id)\\!x", "\u20280", "\x1b7", "\x7f")
HOSTILE = (*PRINTABLE, *UNPRINTABLE)
BASH = shutil.which("bash")
PACKAGE = Path(tavus_callbacks_cli.__file__).parent


def arguments_of(text: str) -> list[str]:
    """Return the arguments that bash gives a command."""
    assert BASH, "bash is missing: this test needs it"
    script = f"set -- {text}\nprintf '%s\\0' \"$@\""
    done = subprocess.run([BASH, "-c", script], capture_output=True, check=True)  # noqa: S603 - that is the test
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def pasted(text: str) -> list[str]:
    """Return the arguments of the one command of ours in a printed text."""
    [line] = [line for line in text.splitlines() if "tavus-callbacks " in line]
    start = line.index("tavus-callbacks ")
    ticks = line[start - 1] == "`" if start else False
    command = line[start : line.rindex("`")] if ticks else line[start:]
    assert command.isprintable()
    return arguments_of(command)


@pytest.fixture
def target(monkeypatch):
    """Let every command work on a fake with a hostile name."""
    fake = FakeTarget(options=("--stack", "s$(id)", "--region", "r;id"))
    monkeypatch.setattr(choose, "choose", lambda *_, **__: fake)
    return fake


TARGET = ["--stack", "s$(id)", "--region", "r;id"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("quote", [shell.argument, shell.quote])
def test_a_pasted_argument_is_the_intended_one_and_runs_nothing(quote, text, tmp_path, monkeypatch):
    """In bash, and in shlex unless it is escaped, the text is one printable argument."""
    monkeypatch.chdir(tmp_path)

    written = quote(text)

    assert written.isprintable()
    assert [text] == arguments_of(written)
    assert text in UNPRINTABLE or [text] == shlex.split(written)
    assert [] == list(tmp_path.iterdir())


def test_a_file_name_that_is_no_text_is_pasted_as_its_bytes():
    """Python represents such a byte as a lone surrogate."""
    assert ["a\udcff"] == arguments_of(shell.argument("a\udcff"))


def test_a_nul_never_shortens_an_id_to_another_one():
    """No argument can carry a NUL, so the pasted command finds nothing."""
    assert ["a\N{REPLACEMENT CHARACTER}b"] == arguments_of(shell.argument("a\0b"))


@pytest.mark.parametrize("words", ["show", "recording", "replay", "token rotate", "quarantine show"])
@pytest.mark.parametrize("id_", HOSTILE)
def test_a_pasted_id_is_never_read_as_an_option(words, id_):
    """The real command parses the id as its argument and the target as its target."""
    _, *arguments = arguments_of(shell.command(words, id_, options=("--stack", "-s", "--region", "r")))
    command: Any = main
    for word in words.split():
        command = command.get_command(click.Context(command), word)
        arguments.remove(word)
    context = click.Context(command, info_name=words)

    values, _, _ = command.make_parser(context).parse_args(arguments)

    names = [each.name for each in command.params if isinstance(each, click.Argument)]
    assert (id_, "-s", "r") == (values[names[0]], values["stack"], values["region"])


def _built_by_hand(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    texts = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
        for node in strings
    ]
    ours = "|".join(COMMANDS)
    command = re.compile(rf"(tavus-callbacks ({ours})\b[^`:.\0]*|\bcurl [^`\0]*|`aws [^`\0]*)\0")
    imports = [
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (*node.names, ast.alias(getattr(node, "module", None) or ""))
    ]
    return [text for text in texts if command.search(text)] + [name for name in imports if name == "shlex"]


def test_no_module_but_one_builds_a_command():
    """Only `output.shell` builds a command with a value in it."""
    others = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "output/shell.py"]

    assert {} == {str(path): built for path in others if (built := _built_by_hand(path))}


@pytest.mark.parametrize("id_", HOSTILE)
def test_show_names_an_event_that_is_too_large(target, id_, capsys):
    """The printed command quotes an event id with a stranger's subject."""
    view = {"other_events": [{"event_id": id_, "event_type": "x", "body_url": "/b"}]}
    with target.open_api("read") as api, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "sections", lambda *_: [])
        show.show_page(api, "conversation", view, is_json=False)

    tail = [*TARGET, "--", id_] if id_.startswith("-") else [id_, *TARGET]
    assert ["tavus-callbacks", "show", *tail] == pasted(capsys.readouterr().err)


@pytest.mark.parametrize("id_", ["..", "c/$(id)", "c?`id`"])
@pytest.mark.usefixtures("target")
def test_an_id_without_a_page_is_answered_with_its_command(id_):
    """`transcript` and `recording` name the command that shows the events."""
    for command in ("transcript", "recording"):
        result = run(command, "--", id_)

        assert 0 != result.exit_code
        printed = pasted(result.stderr)
        assert ["tavus-callbacks", "show", id_, "--events", *TARGET] == printed


@pytest.mark.parametrize("id_", ["c1234567$(id)", "c1234567`id`", "c1234567 ;id", "c1234567\x1b[2J"])
def test_near_ids_are_quoted(target, id_):
    """Similar ids may be strangers', so they are quoted."""
    target.answers = [
        (404, {"detail": "No event of conversation c1234567 is stored."}),
        {"conversations": [{"conversation_id": id_}]},
    ]

    result = run("transcript", "c1234567")

    near = re.search(r"Did you mean (.*)\?", result.stderr)
    assert near, result.stderr
    assert [id_] == arguments_of(near[1])


@pytest.mark.parametrize("id_", [each for each in HOSTILE if each])
def test_problems_quotes_the_conversation_in_its_command(target, id_, monkeypatch):
    """The command names the conversation as one word; an id that no path can hold leads to its events."""
    monkeypatch.setattr("tavus_callbacks_cli.operations.problems.operator_problems", lambda _: [])
    row = {"recordings": 1, "recording_statuses": ["failed"], "simulated": False}
    row |= {"received_first_at": "2027-03-01T12:00:00Z", "received_last_at": "2027-03-01T12:05:00Z"}
    target.answers = [
        {"quarantine": [], "cursor": None},
        {"conversations": [{**row, "conversation_id": id_}], "cursor": None},
    ]

    result = run("problems", "--json")

    assert 1 == result.exit_code, result.output
    [printed] = json.loads(result.stdout)["problems"]
    assert printed["next"].isprintable()
    words = arguments_of(printed["next"])
    assert ("recording" if fits_path(id_) else "show") == words[1]
    assert id_ in words[2:]
    assert ("recordings failed", 1, "2027-03-01T12:05:00Z") == (
        printed["what"],
        printed["count"],
        printed["since"],
    )


def test_problems_fetches_overdue_transcripts_and_perceptions(target, monkeypatch):
    """One is fetched by its id, several by a time before the oldest; what may still come is not listed."""
    monkeypatch.setattr("tavus_callbacks_cli.operations.problems.operator_problems", lambda _: [])
    target.options = ("--stack", "s")

    def row(name, received_at, *missing, ended_at=None):
        times = {"received_first_at": received_at, "received_last_at": received_at, "ended_at": ended_at}
        return {"conversation_id": name, "recordings": 0, "simulated": False, "missing": missing, **times}

    just_now = datetime.now(UTC) - timedelta(seconds=70)
    target.answers = [
        {"quarantine": [], "cursor": None},
        {
            "conversations": [
                row("c3", iso(just_now), "transcript", "perception"),
                row("c2", "2025-03-01T12:00:00.000000Z", "transcript"),
                row("c1", "2025-03-01T11:00:00.000000Z", "shutdown", "perception"),
            ],
            "cursor": None,
        },
    ]

    printed = json.loads(run("problems", "--json").stdout)["problems"]

    assert [
        ("transcripts overdue", 2, "backfill --since 2025-02-28T12:00Z"),
        ("perceptions overdue", 1, "backfill c1"),
    ] == [
        (
            each["what"],
            each["count"],
            each["next"].removeprefix("tavus-callbacks ").removesuffix(" --stack s"),
        )
        for each in printed
    ]


def test_problems_counts_recordings_by_status(target, monkeypatch):
    """One request a page counts them all; the command names the oldest conversation that a path can hold."""
    monkeypatch.setattr("tavus_callbacks_cli.operations.problems.operator_problems", lambda _: [])

    def row(name, hour, *statuses, **members):
        times = {f"received_{which}_at": f"2027-03-01T{hour}:00:00Z" for which in ("first", "last")}
        about = {"conversation_id": name, "recordings": len(statuses), "simulated": False}
        return {**about, "recording_statuses": list(statuses), **times, **members}

    older = row("c5", 15)
    del older["recording_statuses"]
    target.answers = [
        {"quarantine": [], "cursor": None},
        {"conversations": [row("c1", 13, "failed", "available"), row("a/b", 11, "failed")], "cursor": "x"},
        {"conversations": [row("c2", 12, "failed", "failed", "missing"), row("c3", 10)], "cursor": "y"},
        {
            "conversations": [row("c4", 10, "missing", simulated=True), older | {"recordings": 2}],
            "cursor": None,
        },
    ]

    printed = json.loads(run("problems", "--json").stdout)["problems"]

    assert 4 == len(target.asked)
    assert [
        ("conversations with unchecked recordings: the stack is of an earlier version", 1, "list"),
        ("recordings missing", 1, "c2"),
        ("recordings missing (simulated)", 1, "c4"),
        ("recordings failed", 4, "c2"),
    ] == [
        (each["what"], each["count"], arguments_of(each["next"])[2 if "unchecked" not in each["what"] else 1])
        for each in printed
    ]


@pytest.mark.parametrize("name", [each for each in HOSTILE if each])
def test_a_stack_s_name_is_quoted_wherever_it_is_printed(name):
    """The stack's name and region are quoted as options of the next command."""
    target = StackTarget(name, SimpleNamespace(region_name=f"eu{name}"))  # type: ignore[arg-type]
    opened = Deployment(target.session, {}, target.options)

    printed = opened.command("failed redrive", options=["--all"])

    expected = ["tavus-callbacks", "failed", "redrive", "--all", "--stack", name, "--region", f"eu{name}"]
    assert expected == pasted(printed)


@pytest.mark.parametrize("name", [each for each in PRINTABLE if each])
def test_a_missing_target_prints_the_option_to_add(name, monkeypatch):
    """A default stack with an odd name is printed as one argument."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STACK", name)

    added = run("erase", "--tag=user:4711").stderr.partition("Add `")[2].rpartition("`: ")[0]

    assert ["--stack", name] == arguments_of(added)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_receipt_s_curl_asks_for_one_url(name):
    """The shell fills in the key and nothing else."""
    erasure: Any = SimpleNamespace(at=NOW, selection=Selection(frozenset({("video", name)})))

    deployment: Any = SimpleNamespace(state_folder=None, parameters={}, command=shell.command)

    *_, at_tavus = beyond_reach(erasure, deployment)

    curl, url, *others = arguments_of(at_tavus.do)
    assert ("curl", ["-H", "x-api-key: ", "-X", "DELETE"]) == (curl, others)
    assert url.startswith("https://tavusapi.com/v2/videos/")
    assert url.endswith("?hard=true")


@pytest.mark.usefixtures("narrow")
def test_a_command_is_in_one_piece_on_a_narrow_terminal(capsys):
    """This also holds if a stranger's id looks like another part of the row."""
    command = shell.command("recording", "c1 count 3 · " * 4)

    row = ("recordings failed", "3", "2027-03-01 12:00:00", command)
    console.print_table(("what", "count", "since", "next"), [row])

    assert command in capsys.readouterr().out
