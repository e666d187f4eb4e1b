"""`tavus-callbacks search`: what was said, by its words, in the copy that `sync` makes."""

from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.commands.options import optional_target
from tavus_callbacks_cli.output.console import note, note_more, print_json, print_line
from tavus_callbacks_cli.output.shell import argument, command
from tavus_callbacks_cli.output.text import clock, escape, examples, moment
from tavus_callbacks_cli.targets.choose import NO_TARGET, LocalTarget, Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.sync.search import Match

# Room for the time of a turn: 999 minutes and a gap.
_CLOCK = 8

_STYLES = {"user": "bold cyan", "replica": "bold green", "tool": "yellow", "analysis": "bold magenta"}


@click.command(
    epilog=examples(
        "tavus-callbacks search refund policy --local",
        "tavus-callbacks search '\"refund policy\"' --stack tavus-callbacks",
        "tavus-callbacks search 'pric*' --no-sync",
        "tavus-callbacks search refund --db support.db --json --local | jq -r .matches[].text",
    )
)
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--db",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default="calls.db",
    show_default=True,
    help="File that sync writes.",
)
@click.option("--no-sync", is_flag=True, help="Search the file as it is.")
@click.option(
    "--simulated",
    "with_simulated",
    is_flag=True,
    help="Also sync simulated data. A local stack always includes it.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Show at most N matches.",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@optional_target
def search(  # noqa: PLR0913 - one argument an option
    target: Target | None,
    words: tuple[str, ...],
    *,
    file: Path,
    no_sync: bool,
    with_simulated: bool,
    limit: int,
    is_json: bool,
) -> None:
    """Search what was said and what the camera showed.

    A turn or an analysis matches if it contains all WORDS. Words in double quotes are a phrase, and pric*
    matches price and pricing. Accents and case are ignored. The newest conversations come first.

    The command first syncs the file with the stack. While another sync is running, it searches the file as it
    is.
    """
    from tavus_callbacks_cli.sync.file import exists, open_copy
    from tavus_callbacks_cli.sync.search import match_expression
    from tavus_callbacks_cli.sync.search import search as search_copy

    text = " ".join(words)
    # A query without a word is refused before the sync, which can take long.
    match_expression(text)
    if not no_sync:
        _sync(target, file, with_simulated=with_simulated)
    elif not exists(file):
        raise click.ClickException(
            f"{argument(str(file))} is missing or empty. Leave out --no-sync to create it."
        )
    with open_copy(file) as copy:
        matches, has_more = search_copy(copy.connection, text, limit)
    if is_json:
        print_json({"matches": [_json(match, target) for match in matches]})
    else:
        _print_matches(matches, target)
    if not matches:
        note("No turn or analysis contains these words.")
    if has_more:
        note_more(limit)


def _json(match: "Match", target: Target | None) -> dict[str, object]:
    members = {name: value for name, value in asdict(match).items() if name != "excerpt"}
    return {**members, "console": _console(target, match)}


def _sync(target: Target | None, file: Path, *, with_simulated: bool) -> None:
    from tavus_callbacks_cli.commands.sync import sync_with_progress
    from tavus_callbacks_cli.sync.file import NoCopy, OtherSync, exists

    if target is None:
        raise click.UsageError(f"{NO_TARGET}\n  or add --no-sync to search {argument(str(file))} as it is.")
    note(f"on {target.name}")
    try:
        sync_with_progress(target, file, with_simulated=with_simulated or target.is_local)
    except NoCopy:
        raise
    except OtherSync:
        # The long one is the one to keep, and it may just have begun the file.
        if not exists(file):
            raise
        note(f"Another sync is writing {argument(str(file))}. The search uses what the file has so far.")
    except click.ClickException as error:
        if not exists(file):
            raise
        advice = f"--no-sync searches {argument(str(file))} as it is."
        raise click.ClickException(f"{error.message} {advice}") from error


def _print_matches(matches: "list[Match]", target: Target | None) -> None:
    for number, (_, group) in enumerate(groupby(matches, key=lambda match: match.conversation_id)):
        if number:
            click.echo()
        _print_conversation(list(group), target)


def _print_conversation(matches: "list[Match]", target: Target | None) -> None:
    from rich.text import Text

    first = matches[0]
    print_line(
        Text.assemble((escape(first.conversation_id), "bold"), f"  {moment(first.began_at, with_zone=True)}")
    )
    if link := _console(target, first):
        print_line(Text(link, "dim"))
    for match in matches:
        time = "" if match.start is None else clock(match.start).rjust(_CLOCK - 2)
        line = Text.assemble(
            (time.ljust(_CLOCK), "dim"), (f"{match.speaker.capitalize()}: ", _STYLES.get(match.speaker, ""))
        )
        for piece, is_word in match.excerpt:
            line.append(escape(piece), "bold yellow" if is_word else "")
        print_line(line, indent=_CLOCK)


def _console(target: Target | None, match: "Match") -> str | None:
    """Return where a match is shown: an address of a running console, or the command that opens one."""
    if target is None:
        return None
    if isinstance(target, LocalTarget) and target.stack.console_url:
        from tavus_callbacks_cli.console.links import conversation_address

        return conversation_address(target.stack.console_url, match.conversation_id, match.start)
    return command("console", match.conversation_id, options=target.options)
