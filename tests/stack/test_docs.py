"""The documentation is true: its commands parse and run, and its tables are whole."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import click
import httpx
import pytest
from click.testing import CliRunner

from tavus_callbacks import domain
from tavus_callbacks.domain.callbacks.families import FAMILIES
from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.errors import CallbackError
from tavus_callbacks.domain.common.token import new_token
from tavus_callbacks_cli.local_stack.http.routes import routes_of
from tavus_callbacks_cli.local_stack.registry import RunningStack, register
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.local_stack.template.template import load_template
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations.shape import shape_json, shape_of
from tavus_callbacks_cli.simulator import scenario as simulator
from tavus_requests import request_of, validate

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "SUPPORT.md")
]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))
DOCUMENTS += [ROOT / "functions" / "tavus_callbacks" / "runbooks.md"]
SOURCES = [str(path) for name in ("functions", "infra", "tests") for path in (ROOT / name).rglob("*.py")]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Characters that only a shell understands.
SHELL = re.compile(r"[|&;<>()#`\n]")
QUOTED = re.compile(r'"\$\((.*?)\)"')
SEPARATORS = {"|", "||", "&&", ";", "(", ")", "&", ">"}
# Members that stand in some events only, or that the caller chose.
OCCASIONAL = {"occurred_at", "tags", "issues", "body", "body_url", "variants", "variant_id"}
# These end with 1 where they find something, and what cannot be filed is posted first.
FINDING = {"problems", "drift"}
FIGURES = re.compile(r"^\| (\d+ K?B) \| (\d+) B \| (\d+) \| (\d+) \| (\d+) B \| \$([\d.]+) \|$", re.MULTILINE)
# Blocks whose variables no shell reads, and how a shell uses and sets one.
OTHER_LANGUAGES = re.compile(r"^```(?!(?:sh|console|text)\n)\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
USED = re.compile(r"\$\{?([A-Z][A-Z0-9_]+)\b")
SET = re.compile(r"(?:^|[\s;(])(?:for )?([A-Z][A-Z0-9_]+)(?:=| in )", re.MULTILINE)
MOST_WORDS_OF_A_DECISION = 250
# Set by `env`.
OF_ENV = {"CALLBACK_URL", "API_URL", "READ_TOKEN", "QUARANTINE_TOKEN"}


@dataclass(frozen=True)
class Step:
    """A command line of a document, and what the document says it prints, if it does."""

    document: Path
    command: str
    output: str | None

    def __str__(self) -> str:
        return f"{self.document.name}: {self.command[:60]}"


def text_of(name: str) -> str:
    """Read a document."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(document: Path) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of each fenced block."""
    return ((found[1], found[2]) for found in FENCE.finditer(document.read_text(encoding="utf-8")))


def steps() -> Iterator[Step]:
    """Yield every command line of every document in order."""
    for document in DOCUMENTS:
        for language, text in blocks(document):
            if language == "sh":
                joined = text.replace("\\\n", " ")
                yield from (Step(document, line, None) for line in joined.splitlines() if line.strip())
            elif language == "console":
                parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
                yield from (Step(document, *part.split("\n", 1)) for part in parts)


def invocations(command: str, program: str) -> Iterator[list[str]]:
    """Yield the arguments of every call of a program in a command line, pipes and substitutions included."""
    lexer = shlex.shlex(QUOTED.sub(r"$(\1)", command), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    call: list[str] = []
    for word in [*lexer, ";"]:
        if word not in SEPARATORS:
            call.append(word)
            continue
        if call and Path(call[0]).name == program:
            yield call[1:]
        call = []


def is_for_a_stack(step: Step) -> bool:
    """Tell whether a command can be run on a local stack: it starts none, comes to an end, asks no Tavus."""
    calls = invocations(step.command, "tavus-callbacks")
    endless = any(call[0] in ("console", "forward", "local", "tail") for call in calls)
    wanted = any(mark in step.command for mark in ("--local", "$CALLBACK_URL", "$API_URL"))
    is_ours = not any(word in step.command for word in ("make ", "npx ", "tavusapi.com"))
    return wanted and not endless and is_ours


STEPS = list(steps())
OURS = [step for step in STEPS if "tavus-callbacks" in step.command or "make " in step.command]
TO_TAVUS = [step for step in STEPS if any(map(request_of, invocations(step.command, "curl")))]
WITH_A_STACK = sorted({step.document for step in STEPS if is_for_a_stack(step)})


def environment(**variables: str) -> dict[str, str]:
    """Return an environment in which our command is found, and nobody's AWS account."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "LANG": "C.UTF-8", "TZ": "UTC", "NO_PROXY": "*", "no_proxy": "*", **variables}


def bash(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script at the root of the repository."""
    return subprocess.run(  # noqa: S603 - the documents' own commands
        ["/bin/bash", "-c", script],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


def command_at(*path: str) -> click.Command:
    """Find a command of the tree."""
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"no command {' '.join(path)}"
        command = found
    return command


def leaves(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Walk the commands that do something."""
    for name in group.list_commands(click.Context(group)):
        command = command_at(*path, name)
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield (*path, name)


COMMANDS = list(leaves(main))
# Values for the documents' variables.
VARIABLES = {
    "$CONVERSATION_ID": "c123456",
    "$VIDEO_ID": "v123456",
    "$CALLBACK_URL": f"https://example.com/callbacks/{new_token()}",
}


def parse(arguments: list[str]) -> None:
    """Parse a command line as click does; raises click.UsageError."""
    arguments = [VARIABLES.get(argument, argument) for argument in arguments]
    path: list[str] = []
    while isinstance(command_at(*path), click.Group):
        assert len(path) < len(arguments), f"no command in {arguments}"
        path.append(arguments[len(path)])
    with command_at(*path).make_context(path[-1], list(arguments[len(path) :])):
        pass


def prove_command() -> click.Command:
    """Return the command behind `make prove`; its package is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "infra"))
        command = import_module("prove.__main__").prove
    assert isinstance(command, click.Command)
    return command


@pytest.mark.docs
@pytest.mark.parametrize("step", OURS, ids=str)
def test_every_command_of_the_documents_parses(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """No document names a command, an option, a value or a make target that does not exist."""
    monkeypatch.chdir(ROOT)
    targets = re.findall(r"^([a-z0-9-]+):", text_of("Makefile"), re.MULTILINE)

    for arguments in invocations(step.command, "tavus-callbacks"):
        parse(arguments)
    for target, *variables in invocations(step.command, "make"):
        assert target in targets
        for passed in variables:
            arguments = shlex.split(passed.removeprefix("ARGS="))
            if target == "prove":
                prove_command().make_context("make prove", arguments)
            else:
                parse(["local", *arguments])


@pytest.mark.parametrize("step", TO_TAVUS, ids=str)
def test_tavus_documents_every_request_in_the_documents(step: Step) -> None:
    """A body that a reader would paste has documented members with their current names."""
    command = step.command.replace("$CALLBACK_URL", VARIABLES["$CALLBACK_URL"])
    requests = filter(None, map(request_of, invocations(command, "curl")))

    for path, body in requests:
        validate(path, body)
        assert not {"replica_id", "persona_id", "replica_name"} & body.keys()


def test_the_readme_shows_a_request_to_tavus() -> None:
    """The first steps end with a conversation that calls back here."""
    assert "README.md" in {step.document.name for step in TO_TAVUS}


@pytest.mark.docs
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_python_of_the_documents_runs(document: Path) -> None:
    """A snippet that a consumer would paste works as it stands."""
    for language, text in blocks(document):
        if language == "python":
            result = subprocess.run(  # noqa: S603 - the document's own snippet
                [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert (0, "") == (result.returncode, result.stderr)


@pytest.fixture(scope="session")
def state(local_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let `--local` find the stack: by the folder that TAVUS_CALLBACKS_STATE names."""
    folder = tmp_path_factory.mktemp("docs")
    with register(open_state(folder, local_stack.port, fresh=False), local_stack):
        yield folder


@pytest.fixture(scope="session")
def subjects(state: Path) -> dict[str, str]:
    """Keep what the examples are about: by the name of a variable, a simulated conversation and a video."""
    scenarios = {"CONVERSATION_ID": "recording", "VIDEO_ID": "video"}
    return {name: simulated(scenario, state) for name, scenario in scenarios.items()}


def simulated(scenario: str, state: Path) -> str:
    """Send a scenario and return the subject of its first callback."""
    result = bash(f"tavus-callbacks simulate {scenario} --local --json", TAVUS_CALLBACKS_STATE=str(state))
    assert 0 == result.returncode, result.stderr
    return str(json.loads(result.stdout)["callbacks"][0]["answer"]["subject"])


@pytest.mark.docs
@pytest.mark.stack
@pytest.mark.parametrize("document", WITH_A_STACK, ids=lambda document: document.name)
def test_commands_for_a_stack_do_what_the_document_says(
    document: Path, local_stack: RunningStack, state: Path, subjects: dict[str, str], tmp_path: Path
) -> None:
    """Every curl line and every `--local` command works in the order it stands, and answers in that shape."""
    wanted = [step for step in STEPS if step.document == document and is_for_a_stack(step)]
    variables = {**variables_of(local_stack), **subjects, "TAVUS_CALLBACKS_STATE": str(state)}
    post_examples(local_stack)
    (tmp_path / "docs").symlink_to(ROOT / "docs")

    for step in wanted:
        done = outcome(step.command, tmp_path, {**variables, "BROWSER": "true"})
        assert exit_code(step) == done.returncode, (step, done.stdout, done.stderr)
        assert_answers_alike(step, done.stdout)


def outcome(command: str, folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder: in this process where no shell is needed, for each start takes a second.

    That the command starts as a process is what the offline commands show.
    """
    if SHELL.search(command) or not command.startswith("tavus-callbacks "):
        quiet = f'cd {shlex.quote(str(folder))}\ncurl() {{ command curl --silent --show-error "$@"; }}\n'
        return bash(quiet + command, **variables)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in [name for name in os.environ if name.startswith(("AWS_", "TAVUS_"))]:
            patch.delenv(name)
        for name, value in environment(**variables).items():
            patch.setenv(name, value)
        _, *arguments = shlex.split(os.path.expandvars(command))
        result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def post_examples(stack: RunningStack) -> None:
    """Post the bodies that the documents show, one more that cannot be filed, and one that drifts."""
    folder = ROOT / "docs" / "examples"
    names = ("shutdown", "transcript", "no-subject")
    # Without the last line break, as `curl -d @file` sends it: an id in quarantine is of every byte.
    examples = [(folder / f"{name}.json").read_bytes().rstrip() for name in names]
    drifting = b'{"replica_id": "r123", "status": "ready", "event_type": "replica.renamed"}'
    for content in (b"something else that cannot be filed", drifting, *examples):
        httpx.post(f"{stack.callback_url}?user=4711", content=content)


def exit_code(step: Step) -> int:
    """Return how a command ends."""
    called = {call[0] for call in invocations(step.command, "tavus-callbacks")}
    return 1 if FINDING & called else 0


def variables_of(stack: RunningStack) -> dict[str, str]:
    """Return what the documents call a stack's addresses and tokens."""
    return {
        "CALLBACK_URL": stack.callback_url,
        "API_URL": stack.api_url,
        "READ_TOKEN": stack.read_token,
        "QUARANTINE_TOKEN": stack.quarantine_token,
    }


def assert_answers_alike(step: Step, output: str) -> None:
    """Compare an answer's members and types with the document's, or see that it is not an error."""
    if step.output is not None:
        assert outline(json.loads(step.output)) == outline(json.loads(output)), step
    elif "/runbooks/" in step.command:
        assert output.startswith(step.command.rpartition("/")[2].rstrip('"')), output
    elif step.command.startswith("curl"):
        assert not {"title", "message"} & json.loads(output).keys(), output


def outline(value: object) -> object:
    """Return the shape of an answer without what is in some events only."""
    return shape_json(shape_of(without_occasional(value)))


def without_occasional(value: object) -> object:
    """Leave out members that differ from event to event."""
    if isinstance(value, dict):
        return {name: without_occasional(part) for name, part in value.items() if name not in OCCASIONAL}
    return [without_occasional(part) for part in value] if isinstance(value, list) else value


def section(text: str, heading: str) -> str:
    """Return the text below a heading of the second level."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_reference(path: tuple[str, ...]) -> None:
    """docs/cli.md has a row for each command; `--help` has its options."""
    assert f"\n| `{' '.join(path)}` |" in section(text_of("docs/cli.md"), "Commands")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_helps_with_an_example_of_its_own(path: tuple[str, ...]) -> None:
    """`--help` ends in examples that parse; a backslash continues a line."""
    command = command_at(*path)
    text = command.get_help(click.Context(command, info_name=path[-1], max_content_width=200))
    examples = [line.strip() for line in text.partition("Examples:\n")[2].replace("\\\n", " ").splitlines()]
    calls = [call for line in examples for call in invocations(line, "tavus-callbacks")]

    assert list(path) in [call[: len(path)] for call in calls]


def test_every_scenario_is_in_the_reference() -> None:
    """docs/cli.md names all that `simulate` can send."""
    documented = section(text_of("docs/cli.md"), "Scenarios")

    assert [] == [name for name in simulator.names() if f"`{name}`" not in documented]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    """A reader can open each Python file whose path a document gives, from the root or from its room."""
    named = set(re.findall(r"`([\w/]+/\w+\.py)`", document.read_text(encoding="utf-8")))

    assert set() == {name for name in named if not any(path.endswith(f"/{name}") for path in SOURCES)}


def test_every_issue_code_is_in_the_contract() -> None:
    """docs/api.md explains each code that an event can carry."""
    codes = {value for name, value in vars(issues).items() if name.isupper() and isinstance(value, str)}

    explained = re.findall(r"^\| `(\w+)[:`]", text_of("docs/api.md"), re.MULTILINE)

    assert set() == codes - set(explained)


def errors(kind: type[CallbackError] = CallbackError) -> Iterator[type[CallbackError]]:
    """Walk the tree of errors."""
    for child in kind.__subclasses__():
        yield child
        yield from errors(child)


for module in walk_packages(domain.__path__, f"{domain.__name__}."):
    import_module(module.name)


@pytest.mark.parametrize("error", list(errors()), ids=lambda error: error.__name__)
def test_every_problem_is_in_the_contract(error: type[CallbackError]) -> None:
    """docs/api.md has a row for each title with its status."""
    assert f"| {error.status} | {error.title} |" in text_of("docs/api.md")


def test_every_route_is_in_the_contract() -> None:
    """docs/api.md has a row for each route of the template."""
    routes = routes_of(load_template(ROOT / "template.yaml"))

    assert [] == [route.key for route in routes if f"| `{route.key}` |" not in text_of("docs/api.md")]


def test_the_families_stand_in_their_order() -> None:
    """docs/architecture.md lists the families as they are tried."""
    table = section(text_of("docs/architecture.md"), "Families")

    assert [family.name for family in FAMILIES] == re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_every_decision_is_in_the_index() -> None:
    """docs/decisions/0000-index.md names each decision by its own title."""
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(folder.glob("[0-9]*.md"))[1:]
    titles = [path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for path in decisions]
    links = [f"[{title}]({path.name})" for title, path in zip(titles, decisions, strict=True)]

    assert links == re.findall(r"^- (\[.*\]\(.*\))$", text_of("docs/decisions/0000-index.md"), re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_document_sets_the_variables_that_it_uses(document: Path) -> None:
    """Above each shell variable, an assignment or `env --local` sets it."""
    known, unknown = set(), set()
    for line in OTHER_LANGUAGES.sub("", document.read_text(encoding="utf-8")).splitlines():
        known |= OF_ENV if 'eval "$(tavus-callbacks env ' in line else set()
        known |= set(SET.findall(line))
        unknown |= set(USED.findall(line)) - known

    assert set() == unknown


def words_of(path: Path) -> int:
    """Count the words of a document, as wc does."""
    return len(path.read_text(encoding="utf-8").split())


def test_the_documents_are_short() -> None:
    """The README has at most 1,200 words, and the pages of docs/ 22,000 together."""
    assert 1_200 >= words_of(ROOT / "README.md")
    assert 22_000 >= sum(map(words_of, (ROOT / "docs").glob("*.md")))


def test_decisions_are_short() -> None:
    """A decision has at most 250 words; the index has no limit."""
    _, *decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [] == [path.name for path in decisions if words_of(path) > MOST_WORDS_OF_A_DECISION]


@pytest.mark.docs
@pytest.mark.stack
def test_sizes_and_prices_are_measured() -> None:
    """The table of docs/cost.md has what infra/checks/sizes.py measures, within a twentieth."""
    script = ROOT / "infra" / "checks" / "sizes.py"
    result = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(script)], env=environment(), capture_output=True, text=True, check=False
    )
    documented, measured = FIGURES.findall(text_of("docs/cost.md")), FIGURES.findall(result.stdout)

    assert 0 == result.returncode, result.stderr
    assert [row[0] for row in documented] == [row[0] for row in measured]
    for expected, actual in zip(documented, measured, strict=True):
        assert [float(each) for each in expected[1:]] == pytest.approx(
            [float(each) for each in actual[1:]], rel=0.05
        )
    assert result.stdout.splitlines()[-1] in text_of("docs/cost.md")
