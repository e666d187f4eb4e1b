"""One sync: a copy of a stack's events in an SQLite file catches up with the stack."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from click import ClickException

from tavus_callbacks import VERSION
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.sync import file
from tavus_callbacks_cli.sync.patience import PatientApi
from tavus_callbacks_cli.sync.pull import pull_events
from tavus_callbacks_cli.sync.rebuild import rebuild_stale, refresh_unsettled
from tavus_callbacks_cli.sync.removal import follow_erasures, overwrite_traces, remove_unlisted

if TYPE_CHECKING:
    from tavus_callbacks_cli.sync.progress import Progress
    from tavus_callbacks_cli.targets.choose import Target

# An erasure is listed for 15 days at least (docs/api.md).
_ERASURES_LISTED = timedelta(days=15)


class Synced(NamedTuple):
    """How many events are new, and how many subjects were updated, erased, and removed by --mirror.

    `events` and `conversations` are how many the file has now.
    """

    new_events: int
    updated: int
    erased: int
    removed: int
    events: int
    conversations: int


def sync(
    target: "Target", path: Path, progress: "Progress", *, with_simulated: bool, is_mirror: bool = False
) -> Synced:
    """Bring the copy in a file up to date with a target; create the file if it is missing.

    It can be stopped at any moment, and the next sync continues there. Raises click.ClickException.
    """
    state = {"api_url": target.api_url, "simulated": str(int(with_simulated))}
    is_new = not file.exists(path)
    if not is_new:
        with file.open_copy(path) as copy:
            _refuse_other_source(copy, state)
    with file.sole_sync(path), target.open_api("read") as client:
        api = PatientApi(client, progress.note)
        if is_new:
            # If the target refuses or is not a stack, no file is created.
            if not isinstance(api.get("/events", {"limit": "1"}).get("events"), list):
                raise ClickException(
                    f"It does not answer as a tavus-callbacks API does. {client.if_unreachable}"
                )
            file.create(path, state)
        with file.open_copy(path) as copy:
            # Another user's first sync may have made it.
            _refuse_other_source(copy, state)
            return _catch_up(copy, api, progress, is_mirror=is_mirror)


def _refuse_other_source(copy: file.Copy, state: dict[str, str]) -> None:
    """Raise ClickException if the file is a copy of another stack, or leaves out what is asked for."""
    name, api_url = argument(str(copy.path)), copy.state("api_url")
    if api_url != state["api_url"]:
        raise ClickException(f"{name} is a copy of {api_url}, not of {state['api_url']}. Name another file.")
    if state["simulated"] > (copy.state("simulated") or ""):
        raise ClickException(
            f"{name} leaves out simulated data since its first sync. Name another file to include it."
        )


def _catch_up(copy: file.Copy, api: PatientApi, progress: "Progress", *, is_mirror: bool) -> Synced:
    began_at = timestamps.now()
    if not is_mirror:
        _warn_of_missed_erasures(copy, progress, began_at)
    # First, because it does not depend on the rest; and again for what was erased meanwhile.
    erased = follow_erasures(copy, api)
    new_events = pull_events(copy, api, progress)
    _rebuild_for_version(copy)
    updated = rebuild_stale(copy, api, progress) + refresh_unsettled(copy, api, began_at)
    removed = remove_unlisted(copy, api, progress) if is_mirror else 0
    erased += follow_erasures(copy, api)
    overwrite_traces(copy)
    with copy.transaction() as connection:
        copy.note("synced_at", iso(began_at))
        [(events,)] = connection.execute("SELECT count(*) FROM events")
        [(conversations,)] = connection.execute("SELECT count(*) FROM conversations")
    return Synced(new_events, updated, erased, removed, events, conversations)


def _rebuild_for_version(copy: file.Copy) -> None:
    """Mark all subjects as stale if another version made their rows: a later one reads events better."""
    if copy.state("rows_by") != VERSION:
        with copy.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO sync_stale SELECT DISTINCT kind, subject FROM events")
            copy.note("rows_by", VERSION)


def _warn_of_missed_erasures(copy: file.Copy, progress: "Progress", now: datetime) -> None:
    synced_at = copy.state("synced_at")
    if synced_at and now - datetime.fromisoformat(synced_at) > _ERASURES_LISTED:
        progress.note(
            f"The last sync was on {synced_at[:10]}, and a stack lists an erasure for at least "
            f"{_ERASURES_LISTED.days} days. --mirror also removes what was erased before that."
        )
