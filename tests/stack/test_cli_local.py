"""The command line on a running local stack, over HTTP, as a person uses it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner, Result

from snapshot import wait_until
from tavus_callbacks_cli.local_stack.registry import RunningStack, register
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.simulator import scenario as simulator

pytestmark = [pytest.mark.stack, pytest.mark.slow]

COMMAND = Path(sys.executable).with_name("tavus-callbacks")


@pytest.fixture(autouse=True)
def _found(local_stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `--local` find only this stack."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with register(open_state(tmp_path, local_stack.port, fresh=False), local_stack):
        yield


def run(*arguments: str, **options) -> Result:
    """Run a command on the local stack."""
    return CliRunner().invoke(main, [*arguments, "--local"], **options)


def answered(result: Result) -> dict[str, object]:
    """Return the JSON that a command printed."""
    assert 0 == result.exit_code, result.output
    content: dict[str, object] = json.loads(result.stdout)
    return content


def shutdown(subject: str) -> dict[str, str]:
    """Make a callback about a conversation."""
    return {"conversation_id": subject, "event_type": "system.shutdown", "timestamp": "2027-03-01T12:00:00Z"}


@pytest.mark.parametrize("name", simulator.names())
def test_every_scenario_gets_the_answers_it_expects(name: str) -> None:
    """The receiver answers as the simulator's files expect."""
    result = run("simulate", name)

    assert 0 == result.exit_code, result.output


def test_a_command_that_reads_loads_no_heavy_package() -> None:
    """It answers within 0.6 s: boto3, pydantic and pygments take 0.1 to 0.3 s each to import."""
    sent = answered(run("simulate", "conversation", "--json"))["callbacks"]
    subject = sent[0]["answer"]["subject"]  # type: ignore[index]  # JSON
    reading = [["list"], ["show", subject], ["transcript", subject], ["recording", subject], ["stats"]]
    program = """if True:
        import json, sys
        from tavus_callbacks_cli.entry_point import main
        try:
            main()
        finally:
            heavy = {"boto3", "moto", "pydantic", "pygments"}
            print(json.dumps(sorted(heavy & sys.modules.keys())))
    """

    loaded = {}
    for words in [*reading, ["quarantine", "list"]]:
        command = [sys.executable, "-c", program, *words, "--local"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - a literal
        loaded[words[0]] = json.loads(done.stdout.splitlines()[-1])

    assert {name: [] for name in loaded} == loaded


def test_a_token_works_from_create_to_revoke() -> None:
    """A new token posts, its use is listed, a rotated one posts too, and a revoked one is listed as such."""
    url = run("token", "create", "--label", "lifecycle").stdout.strip()
    assert 200 == httpx.post(url, json=shutdown("clifecycle")).status_code

    rotated = run("token", "rotate", "lifecycle", "--grace", "1h").stdout.strip()
    assert [200, 200] == [httpx.get(each).status_code for each in (url, rotated)]

    assert 0 == run("token", "revoke", "lifecycle", "--yes").exit_code
    tokens = answered(run("token", "list", "--json"))["tokens"]
    used, unused = (token for token in tokens if token["label"] == "lifecycle")
    assert used["last_used_at"] is not None
    assert unused["last_used_at"] is None
    assert ("revoked", "revoked") == (used["status"], unused["status"])


def test_a_token_expires_by_itself() -> None:
    """It is refused from then on and listed as expired."""
    url = run("token", "create", "--label", "short", "--expires", "1s").stdout.strip()
    [row] = (row for row in answered(run("token", "list", "--json"))["tokens"] if row["label"] == "short")
    time.sleep(max(0, (datetime.fromisoformat(row["expires_at"]) - datetime.now(UTC)).total_seconds()))

    assert 401 == httpx.get(url).status_code
    tokens = answered(run("token", "list", "--json"))["tokens"]
    assert ["expired"] == [row["status"] for row in tokens if row["label"] == "short"]


def test_a_token_revoked_before_its_first_use_never_posts() -> None:
    """Nothing remembers a token that was never used."""
    url = run("token", "create", "--label", "unused").stdout.strip()
    run("token", "revoke", "unused", "--yes")

    assert 401 == httpx.post(url, json=shutdown("cunused")).status_code


def test_what_was_posted_is_shown(local_stack: RunningStack) -> None:
    """The event of a subject is listed, and its body is printed as it was sent."""
    httpx.post(f"{local_stack.callback_url}?user=4711", json=shutdown("cshown")).raise_for_status()

    (event,) = answered(run("show", "cshown", "--events", "--json"))["events"]
    body = answered(run("show", event["event_id"]))

    assert ("system.shutdown", {"user": "4711"}) == (event["event_type"], event["tags"])
    assert shutdown("cshown") == body
    assert "system.shutdown" in run("show", "cshown", "--events").stdout
    assert "status        ended" in run("show", "cshown").stdout


def listed(subject: str) -> dict[str, object]:
    """Wait until a conversation is in the list: the stream summarises it a moment after the answer."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        conversations = answered(run("list", "--json", "--limit", "1000"))["conversations"]
        if matches := [each for each in conversations if each["conversation_id"] == subject]:
            return matches[0]
        time.sleep(0.3)
    raise AssertionError(f"{subject} was not listed")


def test_a_conversation_is_listed_shown_and_summed_up(local_stack: RunningStack, tmp_path: Path) -> None:
    """Callbacks lead to a list, a page, a dialogue and a report."""
    ids = simulator.fresh_ids()
    rendered = simulator.render(
        simulator.load("conversation"),
        callback_url=local_stack.callback_url,
        now=datetime.now(UTC),
        ids=ids,
    )
    for each in rendered:
        httpx.post(f"{local_stack.callback_url}?case=whole", content=each.body).raise_for_status()
    conversation, report = ids["conversation_id"], tmp_path / "report.html"

    assert "ended" == listed(conversation)["status"]
    assert "Perception" in run("show", conversation).stdout
    assert "Replica: Lovely. Is Bruno a dog?" in run("transcript", conversation).stdout
    assert run("transcript", conversation, "--format", "vtt").stdout.startswith("WEBVTT\n")
    sums = answered(run("stats", "--tag", "case:whole", "--json"))
    assert 1 == sums["total"]["conversations"]
    assert 0 == run("stats", "--html", str(report)).exit_code
    assert '"durations": {"bounds"' in report.read_text()
    near = run("show", conversation + "x")
    assert (1, True) == (near.exit_code, f"Did you mean {conversation}" in near.stderr)


def test_summaries_are_made_anew(local_stack: RunningStack) -> None:
    """Summaries are rebuilt from the events alone."""
    httpx.post(local_stack.callback_url, json=shutdown("canew")).raise_for_status()
    listed("canew")

    made = answered(run("reindex", "--json"))

    assert made["summaries"] >= 1
    assert "ended" == listed("canew")["status"]


def test_an_unusual_subject_is_shown(local_stack: RunningStack) -> None:
    """Any id has a page, and one that no path can hold has its events."""
    decomposed = "Jose\u0301 \U0001f600 50%41+#"
    httpx.post(local_stack.callback_url, json=shutdown(decomposed)).raise_for_status()
    assert decomposed == answered(run("show", decomposed, "--json"))["conversation_id"]

    httpx.post(local_stack.callback_url, json=shutdown("c/1?x=[red]&é")).raise_for_status()

    (event,) = answered(run("show", "c/1?x=[red]&é", "--json"))["events"]

    assert "c/1?x=[red]&é" == event["subject"]
    assert shutdown("c/1?x=[red]&é") == answered(run("show", event["event_id"]))


def test_a_large_answer_travels_as_gzip(local_stack: RunningStack) -> None:
    """The command line and httpx accept gzip by default, and inflate it."""
    turns = [{"role": "user", "content": f"{number} Certainly."} for number in range(400)]
    members = {"event_type": "application.transcription_ready", "properties": {"transcript": turns}}
    httpx.post(local_stack.callback_url, json={"conversation_id": "cgzip", **members}).raise_for_status()

    answer = httpx.get(
        f"{local_stack.api_url}/conversations/cgzip/transcript",
        headers={"authorization": f"Bearer {local_stack.read_token}"},
    )

    assert "gzip" == answer.headers["content-encoding"]
    assert int(answer.headers["content-length"]) < len(answer.content)
    assert answer.json() == answered(run("transcript", "cgzip", "--json"))


def test_what_could_not_be_filed_is_shown(local_stack: RunningStack) -> None:
    """The refused body is printed with its reason, and control characters are escaped."""
    refused = httpx.post(local_stack.callback_url, content=b"no\x1bsense").json()

    listed = answered(run("quarantine", "list", "--json"))["quarantine"]
    shown = run("quarantine", "show", refused["quarantine_id"])

    assert refused["quarantine_id"] in [entry["quarantine_id"] for entry in listed]
    assert refused["detail"] in shown.stdout
    assert "no\\x1bsense" in shown.stdout


def test_a_url_and_a_read_token_are_enough(
    local_stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment gives the same events without --local and without AWS."""
    httpx.post(local_stack.callback_url, json=shutdown("cbyurl")).raise_for_status()
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", local_stack.api_url)
    monkeypatch.setenv("TAVUS_CALLBACKS_READ_TOKEN", local_stack.read_token)

    result = CliRunner().invoke(main, ["show", "cbyurl", "--events", "--json"])

    assert ["cbyurl"] == [event["subject"] for event in answered(result)["events"]]
    assert f"on {local_stack.api_url}\n" == result.stderr


def test_a_token_of_another_scope_is_refused_with_what_to_do(
    local_stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read token cannot read quarantine; the error names the variable and how to create the right token."""
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", local_stack.api_url)
    monkeypatch.setenv("TAVUS_CALLBACKS_QUARANTINE_TOKEN", local_stack.read_token)

    result = CliRunner().invoke(main, ["quarantine", "list"])

    assert 1 == result.exit_code
    assert "The token in TAVUS_CALLBACKS_QUARANTINE_TOKEN is revoked" in result.stderr
    assert "--scope quarantine" in result.stderr


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Let children end on SIGINT, which a test run in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_tail_shows_an_event_as_it_comes_and_ends_quietly(local_stack: RunningStack) -> None:
    """A process prints lines at once and filters them, and ends without an error after Ctrl-C."""
    arguments = [COMMAND, "tail", "--local", "--since", "1m", "--tag", "case:tail", "--json"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:  # noqa: S603 - our own command
        try:
            httpx.post(local_stack.callback_url, json=shutdown("cother")).raise_for_status()
            httpx.post(f"{local_stack.callback_url}?case=tail", json=shutdown("ctail")).raise_for_status()
            line = tail.stdout.readline()
            tail.send_signal(signal.SIGINT)
            rest, said = tail.communicate(timeout=10)
        finally:
            tail.kill()

    assert "ctail" == json.loads(line)["subject"]
    assert (0, b"") == (tail.returncode, rest)
    waiting = b"waiting for events, Ctrl-C to stop\n"
    assert f"on the local stack on port {local_stack.port}\n".encode() + waiting == said


def test_tab_completes_ids_of_the_local_stack(local_stack: RunningStack, monkeypatch) -> None:
    """Before `--local` is typed, too; but not if another target is named, on the line or as the default."""
    sent = answered(run("simulate", "recording", "--json"))["callbacks"]
    subject = sent[0]["answer"]["subject"]  # type: ignore[index]  # JSON
    run("simulate", "malformed")
    httpx.post(local_stack.own_callback_url, json=shutdown("csim;touch x"), trust_env=False)
    wait_until(lambda: "csim;touch x" in run("list", "--json").stdout)

    assert subject in complete("show", "--local", "")
    assert [subject] == complete("transcript", subject[:-1])
    assert complete("recording", subject, "")
    assert 32 == len(complete("quarantine", "show", "")[1])
    assert "local-read" in complete("token", "rotate", "local")
    assert [str(local_stack.port)] == complete("list", "--local", "--port", "")
    assert ["latest"] == complete("show", "--stack", "production", "")
    monkeypatch.setenv("TAVUS_CALLBACKS_STACK", "production")
    assert ["latest"] == complete("show", "")
    assert subject in complete("show", "--local", "")
    assert "csim;touch x" not in complete("show", "--local", "csim")


def complete(*words: str) -> list[str]:
    """Return what TAB offers for the last word."""
    shell = BashComplete(main, {}, "tavus-callbacks", "_TAVUS_CALLBACKS_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]
