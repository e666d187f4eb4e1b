"""`tavus-callbacks transcript`: what was said, as a dialogue that can be read."""

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.operations.subjects import near_ids, path_of
from tavus_callbacks_cli.output.console import note, print_block, print_file, print_json, print_wrapped
from tavus_callbacks_cli.output.text import escape, examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

# The room of a turn's time, 999 minutes and a gap.
_CLOCK = 8

_STYLES = {"user": "bold cyan", "assistant": "bold green", "system": "dim", "tool": "yellow"}


@click.command(
    epilog=examples(
        "tavus-callbacks transcript c123456 --local",
        "tavus-callbacks transcript c123456 --format vtt --stack tavus-callbacks > subtitles.vtt",
        "tavus-callbacks transcript c123456 --format json --include-system | jq .turns",
    )
)
@click.argument("id_", metavar="ID")
@click.option(
    "--format", "form", type=click.Choice(["text", "vtt", "json"]), help="As a file instead: text, vtt, json."
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON, as --format json does.")
@click.option("--include-system", is_flag=True, help="With the system's turns, the prompt among them.")
@target_options
def transcript(target: Target, id_: str, *, form: str | None, is_json: bool, include_system: bool) -> None:
    """Show what was said in a conversation.

    The system prompt is left out unless asked for.
    """
    if is_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} are two forms: name one.")
    path = f"{path_of('conversation', id_)}/transcript"
    params = {"include": "system"} if include_system else {}
    with target.open_api("read") as api, near_ids(api, id_), _own_words():
        if form in ("text", "vtt"):
            _print_file(api.text(path, {**params, "format": form}))
        elif is_json or form == "json":
            print_json(api.get(path, params))
        else:
            _print_dialogue(api.get(path, params))


@contextmanager
def _own_words() -> "Iterator[None]":
    """Let the API's advice name the option, not the parameter of a query."""
    from tavus_callbacks_cli.targets.api_client import Conflict

    try:
        yield
    except Conflict as error:
        raise Conflict(error.message.replace("format=text", "--format text")) from None


def _print_file(written: str) -> None:
    """Print as it came but for what steers a terminal, on which a file may be shown one day."""
    if sys.stdout.isatty():
        print_block(written.removesuffix("\n"))
    else:
        print_file(written)


def _print_dialogue(found: dict[str, Any]) -> None:
    for turn in found["turns"]:
        for line in _lines(turn):
            print_wrapped(line, _CLOCK)
    skipped = found["skipped"]
    if not (found["turns"] or skipped):
        note("Nothing was said.")
    if skipped:
        note(f"{skipped} {'entry' if skipped == 1 else 'entries'} of the transcript could not be read.")


def _lines(turn: dict[str, Any]) -> "Iterator[Text]":
    from rich.text import Text

    from tavus_callbacks.domain.transcripts.plain_text import NAMES, one_line

    role = turn["role"]
    time = Text(_clock(turn["start"]), "dim")
    if turn["text"]:
        name = Text(f"{NAMES[role]}: ", _STYLES[role])
        yield Text.assemble(time, name, escape(one_line(turn["text"])))
    for call in turn["tool_calls"]:
        answers = "".join(f" -> {one_line(answer['text'])}" for answer in call["answers"])
        called = f"(Tool {one_line(call['name'] or 'without a name')}{answers})"
        yield Text.assemble(time, Text(escape(called), _STYLES["tool"]))


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:>3}:{rest:02}".ljust(_CLOCK)
