"""`tavus-callbacks transcript`: the words of a conversation, as a dialogue to read."""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.paths import subject_path
from tavus_callbacks_cli.commands import completion
from tavus_callbacks_cli.commands.options import id_argument, simulated_option, target_options
from tavus_callbacks_cli.operations.subjects import suggest_ids
from tavus_callbacks_cli.output.console import note, print_block, print_file, print_json, print_line
from tavus_callbacks_cli.output.text import amount, escape, examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

# Room for a turn's time: 999 minutes and a gap.
_CLOCK = 8

_STYLES = {"user": "bold cyan", "assistant": "bold green", "system": "dim", "tool": "yellow"}


@click.command(
    epilog=examples(
        "tavus-callbacks transcript latest --local",
        "tavus-callbacks transcript c123456 --format vtt --recording latest --local > subtitles.vtt",
        "tavus-callbacks transcript c123456 --format json --include-system | jq .turns",
    )
)
@id_argument()
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "vtt", "json"]),
    help="Print plain text, WebVTT subtitles or JSON.",
)
@click.option(
    "--recording",
    metavar="R|latest",
    shell_complete=completion.recordings,
    help="With --format vtt: fit the times to the recording with this id, or to `latest`.",
)
@click.option(
    "--offset",
    type=float,
    metavar="S",
    help="With --format vtt: shift by S seconds instead of the known offset.",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON, as --format json does.")
@click.option("--include-system", is_flag=True, help="Include the turns of the system, such as the prompt.")
@target_options
@simulated_option
def transcript(  # noqa: PLR0913 - one argument an option
    target: Target,
    id_: str,
    *,
    form: str | None,
    recording: str | None,
    offset: float | None,
    is_json: bool,
    include_system: bool,
    leave_out: dict[str, str],
) -> None:
    """Show what was said in a conversation.

    `latest` is the newest conversation. The system prompt is left out unless you add --include-system.
    """
    from tavus_callbacks_cli.operations.ids import resolve_subject
    from tavus_callbacks_cli.targets.api_client import Conflict

    if is_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} cannot be combined. Use one of them.")
    if form != "vtt" and not (recording is None and offset is None):
        raise click.UsageError("--recording and --offset require --format vtt.")
    options = {"include": "system" if include_system else None, "recording": recording, "offset": offset}
    params = {name: str(value) for name, value in options.items() if value is not None}
    with ExitStack() as stack:
        api = stack.enter_context(target.open_api("read"))
        id_ = resolve_subject(api, id_, "conversation", leave_out)
        stack.enter_context(suggest_ids(api, id_))
        path = subject_path("conversation", id_, "transcript")
        if is_json or form == "json":
            print_json(api.get(path, params))
        elif form is None:
            _print_dialogue(api.get(path, params))
        else:
            try:
                text = api.text(path, {**params, "format": form})
            except Conflict as error:
                # The API's advice names query parameters, not the options.
                advice = error.message.replace("format=text", "--format text").replace("offset=", "--offset")
                raise Conflict(advice) from None
            # A terminal gets everything that could steer it escaped.
            if sys.stdout.isatty():
                print_block(text.removesuffix("\n"))
            else:
                print_file(text)


def _print_dialogue(content: dict[str, Any]) -> None:
    for turn in content["turns"]:
        for line in turn_lines(turn):
            print_line(line, indent=_CLOCK)
    skipped = content["skipped"]
    if not (content["turns"] or skipped):
        note("Nothing was said.")
    if skipped:
        note(f"{amount(skipped, 'entry', 'entries')} of the transcript could not be read.")


def turn_lines(turn: dict[str, Any]) -> "Iterator[Text]":
    """Yield the text of a turn, and each of its tool calls."""
    from rich.text import Text

    from tavus_callbacks.domain.transcripts.plain_text import NAMES, to_one_line

    role, clock = turn["role"], ""
    if turn["start"] is not None:
        minutes, seconds = divmod(int(turn["start"]), 60)
        clock = f"{minutes:>3}:{seconds:02}".ljust(_CLOCK)
    time = Text(clock, "dim")
    if turn["text"]:
        name = Text(f"{NAMES[role]}: ", _STYLES[role])
        yield Text.assemble(time, name, escape(to_one_line(turn["text"])))
    for call in turn["tool_calls"]:
        answers = "".join(f" -> {to_one_line(answer['text'])}" for answer in call["answers"])
        text = f"(Tool {to_one_line(call['name'] or 'without a name')}{answers})"
        yield Text.assemble(time, Text(escape(text), _STYLES["tool"]))
