"""`tavus-callbacks simulate`: sends realistic callbacks without a conversation and checks each answer."""

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from tavus_callbacks.domain.callbacks.redaction import redact
from tavus_callbacks_cli.commands import completion
from tavus_callbacks_cli.commands.options import local_options
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_line, print_table
from tavus_callbacks_cli.output.text import escape, examples
from tavus_callbacks_cli.targets.choose import STACK, URL, LocalTarget, running_stack
from tavus_callbacks_cli.targets.urls import is_loopback, is_sendable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from tavus_callbacks_cli.local_stack.registry import RunningStack
    from tavus_callbacks_cli.simulator.scenario import Scenario
    from tavus_callbacks_cli.simulator.send import Outcome

CALLBACK_URL = "TAVUS_CALLBACKS_CALLBACK_URL"

# Seconds of a scenario that are announced.
_LONG = 2.0
# Where the details of an answer begin.
_INDENT = 15
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
@click.argument("scenario", required=False, shell_complete=completion.scenarios)
@local_options
@click.option("--url", metavar="CALLBACK_URL", help=f"Callback URL to send to. Default: {CALLBACK_URL}.")
@click.option(
    "--lose",
    shell_complete=completion.event_types,
    multiple=True,
    metavar="EVENT_TYPE",
    help="Do not send callbacks of this type. `backfill --local` can fetch them.",
)
@click.option(
    "--real-time", is_flag=True, help="Keep the scenario's delays. By default, they are ten times shorter."
)
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

    Without SCENARIO, the command lists the scenarios. Every event gets the tag simulated:true. The exit code
    is 1 if a response differs from the one that the scenario expects.
    """
    if scenario is None:
        _list(is_json=is_json)
        return
    from tavus_callbacks_cli.simulator.send import pace

    chosen = _load(scenario)
    _check_target(chosen, is_local=is_local, port=port, url=url, lose=lose)
    stack = running_stack(port) if is_local else None
    callback_url = _callback_url(stack, url)
    if (seconds := chosen.pause * pace(real_time=real_time)) >= _LONG:
        note(f"This takes {seconds:.0f} s, because the scenario pauses between callbacks.")
    outcomes = []
    for outcome in _send(chosen, callback_url, real_time=real_time, stack=stack, lost_types=lose):
        outcomes.append(outcome)
        if not is_json:
            print_line(_line(outcome), indent=_INDENT)
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
    target = _next_target(stack, port, callback_url)
    if not is_json:
        _print_next(outcomes, target)
    if stack and chosen.video:
        _print_link(stack, str(outcomes[0].answer["subject"]), target)


def _check_target(
    scenario: "Scenario", *, is_local: bool, port: int | None, url: str | None, lose: tuple[str, ...]
) -> None:
    """Raise click.UsageError if the options do not fit the scenario or each other."""
    if scenario.video and not is_local:
        raise click.UsageError(f"{scenario.name} puts a video into the stack's bucket. It needs --local.")
    if lose and not is_local:
        raise click.UsageError("--lose needs --local, because only a local stack stands in for Tavus's API.")
    if is_local and url is not None:
        raise click.UsageError("--local and --url name two targets. Use one of them.")
    if port is not None and not is_local:
        raise click.UsageError("--port goes with --local.")


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
    if url == "":
        # An unset shell variable gives an empty URL. The default must not replace it.
        raise click.UsageError("--url is empty. Write --url CALLBACK_URL.")
    if chosen and not is_sendable(chosen):
        raise click.UsageError("This is not a callback URL. Use https://HOST/callbacks/TOKEN.")
    if not chosen:
        raise click.UsageError(
            f"The target is missing. Use --local, or give the callback URL (https://…) with --url or "
            f"{CALLBACK_URL}."
        )
    note(f"on {LocalTarget(stack).name if stack else redact(chosen, {})}")
    return chosen


def _send(scenario: "Scenario", callback_url: str, **options: Any) -> "Iterator[Outcome]":
    import httpx

    from tavus_callbacks_cli.simulator.send import send_scenario

    try:
        yield from send_scenario(scenario, callback_url, **options)
    except httpx.TransportError as error:
        reason = escape(str(error)) or type(error).__name__
        raise click.ClickException(
            f"No answer ({reason}). Check the callback URL, and that its stack is running."
        ) from error


def _conclude(outcomes: "list[Outcome]") -> None:
    wrong = sum(not outcome.is_expected for outcome in outcomes)
    if wrong:
        note(f"{wrong} of {len(outcomes)} answers are not as expected.")
        click.get_current_context().exit(1)
    note(f"{len(outcomes)} of {len(outcomes)} responses are as expected.")


def _next_target(stack: "RunningStack | None", port: int | None, callback_url: str) -> tuple[str, ...]:
    """Return the options that name the target to the next command."""
    if stack:
        return LocalTarget(stack, has_port=port is not None).options
    if is_loopback(callback_url):
        return ("--local", "--port", str(urlsplit(callback_url).port or 80))
    return () if os.environ.get(STACK) or os.environ.get(URL) else ("--stack", "NAME")


def _print_next(outcomes: "list[Outcome]", target: tuple[str, ...]) -> None:
    """Say which command shows what was sent."""
    stored = next((outcome.answer for outcome in outcomes if outcome.status), None)
    if stored is None:
        command = shell.command("quarantine list", options=target)
    elif target[:1] == ("--local",) and stored["kind"] == "conversation":
        command = shell.command("show", "latest", options=target)
    else:
        command = shell.command("show", str(stored["subject"]), options=target)
    note(f"Next: {command}")


def _print_link(stack: "RunningStack", conversation_id: str, target: tuple[str, ...]) -> None:
    from tavus_callbacks_cli.simulator.recording import await_link

    note(f"Watch it: {shell.command('recording', 'latest', options=('--open', *target))}")
    subtitles = ("--format", "vtt", "--recording", "latest", *target)
    note(f"Subtitles: {shell.command('transcript', 'latest', options=subtitles)}")
    with LocalTarget(stack).open_api("read") as api:
        note(f"This link plays in a browser: {await_link(conversation_id, api)}")


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
