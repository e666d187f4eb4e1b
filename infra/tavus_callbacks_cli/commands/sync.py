"""`tavus-callbacks sync`: a copy of everything in one SQLite file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.commands.options import require_folder, simulated_option, target_options
from tavus_callbacks_cli.commands.signals import ctrl_c_repeats
from tavus_callbacks_cli.output.console import note, print_json, progress_bar
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.sync.run import Synced


@click.command(
    epilog=examples(
        "tavus-callbacks sync --stack tavus-callbacks",
        "tavus-callbacks sync calls.db --local",
        "tavus-callbacks sync archive.db --mirror --json --stack tavus-callbacks",
    )
)
@click.argument("file", metavar="[FILE]", default="calls.db", type=click.Path(path_type=Path), required=False)
@click.option("--mirror", "is_mirror", is_flag=True, help="Also remove what the stack no longer has.")
@click.option("--json", "is_json", is_flag=True, help="Print the counts as JSON.")
@target_options
@simulated_option
def sync(target: Target, file: Path, *, is_mirror: bool, is_json: bool, leave_out: dict[str, str]) -> None:
    """Copy everything new into an SQLite file.

    The first run copies everything, and later runs copy what is new. Erased subjects are removed, and their
    bytes are overwritten. Expired subjects stay in the file, unless you add --mirror. If you stop a run, the
    next one continues where it stopped. A file belongs to one stack. The first run decides whether the file
    contains simulated data.
    """
    synced = sync_with_progress(target, file, with_simulated=not leave_out, is_mirror=is_mirror)
    if is_json:
        print_json({"file": str(file), **synced._asdict()})
    else:
        removed = f", {synced.erased} erased" if synced.erased else ""
        removed += f", {synced.removed} no longer on the stack" if synced.removed else ""
        note(
            f"{argument(str(file))} has {synced.events} events of {synced.conversations} conversations: "
            f"{synced.new_events} events are new, {synced.updated} subjects were updated{removed}."
        )


def sync_with_progress(
    target: Target, file: Path, *, with_simulated: bool, is_mirror: bool = False
) -> "Synced":
    """Sync a file, and show a bar on standard error meanwhile."""
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn

    from tavus_callbacks_cli.sync.progress import Progress
    from tavus_callbacks_cli.sync.run import sync as sync_file

    require_folder(file)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn()
    with ctrl_c_repeats(), progress_bar(*columns, transient=True) as bar:
        task = bar.add_task("events", total=None)

        def step(text: str, done: float, whole: float) -> None:
            bar.update(task, description=text, completed=done, total=whole)

        progress = Progress(step, note)
        try:
            return sync_file(target, file, progress, with_simulated=with_simulated, is_mirror=is_mirror)
        except KeyboardInterrupt:
            note("The file has everything up to here. The same command continues from there.")
            raise
