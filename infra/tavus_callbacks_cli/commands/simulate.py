"""`tavus-callbacks simulate`: sends realistic callbacks without a conversation and checks each answer."""

import os
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
    from collections.abc import Iterator

    from rich.text import Text

    from tavus_callbacks_cli.local_stack.registry import RunningStack
    from tavus_callbacks_cli.simulator.scenario import Scenario
    from tavus_callbacks_cli.simulator.send import Outcome

CALLBACK_URL = "TAVUS_CALLBACKS_CALLBACK_URL"

_STYLES = {"stored": "green", "accepted": "yellow", "duplicate": "dim yellow", "erased": "dim"}


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
    """Send realistic callbacks, or list the scenarios.

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
    if is_local and url is not None:
        raise click.UsageError("--local and --url are two targets: name one.")
    if port is not None and not is_local:
        raise click.UsageError("--port goes with --local.")
    stack = running_stack(port) if is_local else None
    callback_url = _callback_url(stack, url)
    outcomes = []
    for outcome in _send(chosen, callback_url, real_time=real_time, stack=stack, lost_types=lose):
        outcomes.append(outcome)
        if not is_json:
            print_line(_line(outcome))
    if is_json:
        callbacks = [
            {
                "expected": outcome.expected.model_dump(),
                "status_code": outcome.status_code,
                "answer": outcome.content,
                "is_expected": outcome.is_expected,
            }
            for outcome in outcomes
        ]
        print_json({"scenario": chosen.name, "callbacks": callbacks})
    _conclude(outcomes)
    if stack and chosen.video:
        _print_link(stack, str(outcomes[0].answer["subject"]), port)


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


def _callback_url(stack: "RunningStack | None", url: str | None) -> str:
    chosen = os.environ.get(CALLBACK_URL, "") if url is None else url
    if stack:
        chosen = stack.own_callback_url
    if not is_sendable(chosen):
        raise click.UsageError(
            f"Say where to send: --local, or the callback_url (https://…) with --url or {CALLBACK_URL}."
        )
    note(f"on {redact(chosen, {})}")
    return chosen


def _send(scenario: "Scenario", callback_url: str, **options: Any) -> "Iterator[Outcome]":
    import httpx

    from tavus_callbacks_cli.simulator.send import send_scenario

    try:
        yield from send_scenario(scenario, callback_url, **options)
    except httpx.TransportError as error:
        reason = escape(str(error)) or type(error).__name__
        raise click.ClickException(
            f"No answer ({reason}). Is the callback_url right, and its stack up?"
        ) from error


def _conclude(outcomes: "list[Outcome]") -> None:
    wrong = sum(not outcome.is_expected for outcome in outcomes)
    if wrong:
        note(f"{wrong} of {len(outcomes)} answers are not as expected.")
        click.get_current_context().exit(1)
    note(f"{len(outcomes)} of {len(outcomes)} answers are as expected.")


def _print_link(stack: "RunningStack", conversation_id: str, port: int | None) -> None:
    from tavus_callbacks_cli.simulator.recording import await_link
    from tavus_callbacks_cli.simulator.video import SECONDS

    with LocalTarget(stack).open_api("read") as api:
        link = await_link(conversation_id, api)
    note(f"Stored a recording of {SECONDS} s that shows its own clock. It plays in a browser: {link}")
    options = ("--local",) if port is None else ("--local", "--port", str(port))
    note(f"A fresh link: {shell.command('recording', conversation_id, options=options)}")
    subtitles = ("--format", "vtt", "--recording", "latest", *options)
    note(f"Its subtitles: {shell.command('transcript', conversation_id, options=subtitles)}")


def _line(outcome: "Outcome") -> "Text":
    from rich.text import Text

    status, answer = outcome.status or "refused", outcome.answer
    if outcome.status is None:
        details = str(answer.get("detail") or answer.get("message") or outcome.content)[:200]
    else:
        about = f"{answer.get('kind')} {answer.get('subject')} {answer.get('event_type')}"
        details = "  ".join([about, *map(str, answer.get("issues", []))])
    style = _STYLES.get(status, "") if outcome.is_expected else "bold red"
    line = Text.assemble((f"{outcome.status_code} {escape(status):<10}", style))
    line.append(escape(f" {details}"))
    if not outcome.is_expected:
        expected = outcome.expected
        line.append(f"  expected {expected.status_code} {expected.status or 'refused'}", "red")
    return line
