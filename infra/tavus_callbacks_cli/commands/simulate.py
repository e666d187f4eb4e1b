"""`tavus-callbacks simulate`: realistic callbacks without a conversation, each answer checked."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.callbacks.redaction import redact
from tavus_callbacks_cli.commands.options import local_options
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_line, print_table
from tavus_callbacks_cli.output.text import escape, examples
from tavus_callbacks_cli.targets.choose import LocalTarget, running_stack
from tavus_callbacks_cli.targets.urls import is_sendable

if TYPE_CHECKING:
    from rich.text import Text

    from tavus_callbacks_cli.local_stack.registry import RunningStack
    from tavus_callbacks_cli.simulator.scenario import Expectation, Rendered, Scenario
    from tavus_callbacks_cli.simulator.send import Sent

CALLBACK_URL = "TAVUS_CALLBACKS_CALLBACK_URL"

# Of the delays in a scenario's file: the order stays, the waiting goes.
_COMPRESSION = 0.1

_STYLES = {"stored": "green", "accepted": "yellow", "duplicate": "dim yellow", "erased": "dim"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was expected of a callback and what was answered."""

    expected: "Expectation"
    sent: "Sent"

    @property
    def answer(self) -> dict[str, Any]:
        """Return the answer's JSON, or nothing where it is none."""
        return self.sent.answer if isinstance(self.sent.answer, dict) else {}

    @property
    def status(self) -> str | None:
        """Return what became of the callback; a problem's `status` is but its HTTP status."""
        status = self.answer.get("status")
        return status if isinstance(status, str) else None

    @property
    def is_expected(self) -> bool:
        """Tell whether the answer is the scenario's."""
        return (self.expected.status_code, self.expected.status) == (self.sent.status_code, self.status)


@click.command(
    epilog=examples(
        "tavus-callbacks simulate",
        "tavus-callbacks simulate conversation --local",
        "tavus-callbacks simulate recording --local",
        "tavus-callbacks simulate conversation --local --lose application.transcription_ready",
        'tavus-callbacks simulate malformed --url "$CALLBACK_URL"',
    )
)
@click.argument("scenario", required=False)
@local_options
@click.option("--url", metavar="CALLBACK_URL", help=f"Where to send to; otherwise {CALLBACK_URL}.")
@click.option(
    "--lose",
    multiple=True,
    metavar="EVENT_TYPE",
    help="Do not send what is of this type: only the local stand-in for Tavus's API knows of it.",
)
@click.option("--real-time", is_flag=True, help="Wait between callbacks as long as the scenario says.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
def simulate(  # noqa: PLR0913 - one argument an option
    scenario: str | None,
    *,
    is_local: bool,
    port: int | None,
    url: str | None,
    lose: tuple[str, ...],
    real_time: bool,
    is_json: bool,
) -> None:
    """Send realistic callbacks; without SCENARIO list them.

    Everything sent has the tag simulated:true. Ends with 1 when an answer is not the one that the scenario
    expects.
    """
    if scenario is None:
        _list(is_json=is_json)
        return
    chosen = _load(scenario)
    if chosen.video and not is_local:
        raise click.UsageError(f"{scenario} puts a video into the stack's bucket: it works with --local.")
    if lose and not is_local:
        raise click.UsageError("--lose works with --local: only there is a stand-in for Tavus's API.")
    callback_url = _callback_url(is_local=is_local, port=port, url=url)
    stack = running_stack(port) if is_local else None
    outcomes = _outcomes(chosen, callback_url, pace=1 if real_time else _COMPRESSION, stack=stack, lose=lose)
    kept = [_shown(outcome, is_json=is_json) for outcome in outcomes]
    if is_json:
        print_json({"scenario": chosen.name, "callbacks": [_as_json(outcome) for outcome in kept]})
    _conclude(kept)
    if stack and chosen.video:
        _show_link(stack, str(kept[0].answer["subject"]), port)


def _list(*, is_json: bool) -> None:
    from tavus_callbacks_cli.simulator import scenario as simulator

    scenarios = [simulator.load(name) for name in simulator.names()]
    if is_json:
        print_json(
            {"scenarios": [{"name": each.name, "description": each.description} for each in scenarios]}
        )
        return
    print_table(("scenario", "what it sends"), ((each.name, each.description) for each in scenarios))


def _load(name: str) -> "Scenario":
    from tavus_callbacks_cli.simulator.scenario import ScenarioError, load

    try:
        return load(name)
    except ScenarioError as error:
        raise click.UsageError(str(error)) from None


def _callback_url(*, is_local: bool, port: int | None, url: str | None) -> str:
    if is_local and url is not None:
        raise click.UsageError("--local and --url are two targets: name one.")
    if port is not None and not is_local:
        raise click.UsageError("--port goes with --local.")
    named = os.environ.get(CALLBACK_URL, "") if url is None else url
    chosen = _local_url(port) if is_local else named
    if not is_sendable(chosen):
        raise click.UsageError(
            f"Say where to send: --local, or the callback_url (https://…) with --url or {CALLBACK_URL}."
        )
    note(f"on {redact(chosen, {})}")
    return chosen


def _local_url(port: int | None) -> str:
    stack = running_stack(port)
    # Not through a tunnel, which may lead to another machine by now.
    return f"{stack.api_url}/callbacks/{stack.callback_url.rpartition('/')[2]}"


def _outcomes(
    scenario: "Scenario",
    callback_url: str,
    *,
    pace: float,
    stack: "RunningStack | None",
    lose: tuple[str, ...],
) -> Iterator[Outcome]:
    from tavus_callbacks_cli.simulator.scenario import fresh_ids, render

    rendered = [
        replace(callback, delay=callback.delay * pace)
        for callback in render(scenario, callback_url=callback_url, now=datetime.now(UTC), ids=fresh_ids())
    ]
    if stack and scenario.video:
        rendered = _with_video(rendered, stack)
    if stack:
        _tell_stand_in(rendered, stack)
        rendered = [one for one in rendered if _event_type(one) not in lose]
    for callback, sent in zip(rendered, _sent(rendered, callback_url), strict=True):
        yield Outcome(callback.expect, sent)


def _with_video(rendered: "list[Rendered]", stack: "RunningStack") -> "list[Rendered]":
    from tavus_callbacks_cli.simulator.recording import recordings_of

    return list(recordings_of(stack).with_video(rendered))


def _tell_stand_in(rendered: "list[Rendered]", stack: "RunningStack") -> None:
    """Let the stand-in for Tavus's API know what it would have sent."""
    from tavus_callbacks_cli.local_stack.stack import TAVUS_OUTPUT
    from tavus_callbacks_cli.local_stack.tavus_api import CALLBACKS_PATH, KEY, KEY_HEADER
    from tavus_callbacks_cli.targets.api_client import http_client

    with http_client(stack.outputs[TAVUS_OUTPUT]) as client:
        for one in rendered:
            if _event_type(one):
                client.post(CALLBACKS_PATH, content=one.body, headers={KEY_HEADER: KEY}).raise_for_status()


def _event_type(callback: "Rendered") -> str | None:
    try:
        body = json.loads(callback.body)
    except ValueError:
        return None
    return body.get("event_type") if isinstance(body, dict) else None


def _show_link(stack: "RunningStack", conversation_id: str, port: int | None) -> None:
    from tavus_callbacks_cli.simulator.recording import link_to

    with LocalTarget(stack).open_api("read") as api:
        note(f"The recording plays in a browser: {link_to(conversation_id, api)}")
    options = ("--local",) if port is None else ("--local", "--port", str(port))
    note(f"A fresh link: {shell.command('recording', conversation_id, options=options)}")


def _sent(rendered: "list[Rendered]", callback_url: str) -> "Iterator[Sent]":
    import httpx

    from tavus_callbacks_cli.simulator.send import send
    from tavus_callbacks_cli.targets.api_client import http_client

    try:
        with http_client(callback_url) as client:
            yield from send(rendered, callback_url, client)
    except httpx.TransportError as error:
        reason = escape(str(error)) or type(error).__name__
        raise click.ClickException(
            f"No answer ({reason}). Is the callback_url right, and its stack up?"
        ) from error


def _shown(outcome: Outcome, *, is_json: bool) -> Outcome:
    if not is_json:
        print_line(_line(outcome))
    return outcome


def _line(outcome: Outcome) -> "Text":
    from rich.text import Text

    status = outcome.status or "refused"
    style = _STYLES.get(status, "") if outcome.is_expected else "bold red"
    line = Text.assemble((f"{outcome.sent.status_code} {escape(status):<10}", style))
    line.append(escape(f" {_what(outcome)}"))
    if not outcome.is_expected:
        expected = outcome.expected
        line.append(f"  expected {expected.status_code} {expected.status or 'refused'}", "red")
    return line


def _what(outcome: Outcome) -> str:
    answer = outcome.answer
    if outcome.status is None:
        return str(answer.get("detail") or answer.get("message") or outcome.sent.answer)[:200]
    about = f"{answer.get('kind')} {answer.get('subject')} {answer.get('event_type')}"
    return "  ".join([about, *map(str, answer.get("issues", []))])


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "expected": outcome.expected.model_dump(),
        **asdict(outcome.sent),
        "is_expected": outcome.is_expected,
    }


def _conclude(outcomes: list[Outcome]) -> None:
    wrong = sum(not outcome.is_expected for outcome in outcomes)
    if wrong:
        note(f"{wrong} of {len(outcomes)} answers are not as expected.")
        click.get_current_context().exit(1)
    note(f"{len(outcomes)} of {len(outcomes)} answers are as expected.")
