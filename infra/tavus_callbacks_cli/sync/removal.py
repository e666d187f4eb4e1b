"""Removes subjects from a copy: erased ones, and with --mirror those that the stack no longer has."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from click import ClickException

from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.sync.pull import PAGE, subject_digest
from tavus_callbacks_cli.sync.rebuild import CONVERSATION, batches, list_conversations
from tavus_callbacks_cli.sync.rows import delete_subject, purge_indexes
from tavus_callbacks_cli.targets.api_client import BadRequest

if TYPE_CHECKING:
    from tavus_callbacks_cli.sync.file import Copy
    from tavus_callbacks_cli.sync.patience import PatientApi
    from tavus_callbacks_cli.sync.progress import Progress

Subject = tuple[str, str]


def follow_erasures(copy: "Copy", api: "PatientApi") -> int:
    """Remove the subjects that were erased since the last sync, and return how many.

    Their digests stay, so that no late event brings one back. Raises click.ClickException.
    """
    count = 0
    while True:
        cursor = copy.state("erasures_cursor")
        try:
            page = api.get("/erasures", {"limit": PAGE, **({"after": cursor} if cursor else {})})
        except BadRequest:
            if not cursor:
                raise
            page = api.get("/erasures", {"limit": PAGE})
        digests = {erasure["digest"] for erasure in page["erasures"]}
        subjects = _subjects(copy) if digests else []
        erased = [subject for subject in subjects if subject_digest(*subject) in digests]
        with copy.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO sync_erased VALUES (?)", ((each,) for each in digests)
            )
            _remove(copy, erased)
            copy.note("erasures_cursor", page["cursor"])
        count += len(erased)
        if not digests:
            return count


def remove_unlisted(copy: "Copy", api: "PatientApi", progress: "Progress") -> int:
    """Remove the subjects that the stack no longer has, and return how many; raises click.ClickException."""
    subjects = _subjects(copy)
    others = [subject for subject in subjects if subject[0] != CONVERSATION]
    done = 0
    unlisted = others
    for ids in batches([subject for kind, subject in subjects if kind == CONVERSATION]):
        listed = list_conversations(api, ids)
        unlisted += [(CONVERSATION, id_) for id_ in ids if id_ not in listed]
        done += len(ids)
        progress.step(f"{done} of {len(subjects)} compared", done, len(subjects))
    # Lists are a moment behind, so the events decide.
    gone = [subject for subject in unlisted if not _has_events(api, subject)]
    if subjects and len(gone) == len(subjects):
        raise ClickException(
            f"The stack has none of the subjects of {argument(str(copy.path))}: it is empty or "
            "new. Nothing was removed. Delete the file if you do not need it any more."
        )
    with copy.transaction():
        _remove(copy, gone)
    return len(gone)


def overwrite_traces(copy: "Copy") -> None:
    """Overwrite what removed subjects left in the file: words in the indexes, and parts of its pages.

    SQLite moves rows between pages, and its `secure_delete` overwrites only their last place: after 40 of 200
    subjects were deleted, 5 to 10 ids or texts could still be read. VACUUM writes the whole file again.
    """
    if copy.state("has_traces") != "1":
        return
    with copy.transaction() as connection:
        purge_indexes(connection)
    copy.connection.execute("VACUUM")
    # Somebody may have switched to a write-ahead log, which keeps the earlier pages next to the file.
    [(is_busy, *_)] = copy.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if is_busy:
        raise ClickException(
            f"Another program reads {argument(str(copy.path))}, so erased data stays in its log "
            f"{argument(f'{copy.path}-wal')}. Close that program, then start the same command again."
        )
    with copy.transaction():
        copy.note("has_traces", "0")


def _subjects(copy: "Copy") -> list[Subject]:
    return copy.connection.execute("SELECT DISTINCT kind, subject FROM events").fetchall()


def _remove(copy: "Copy", subjects: Iterable[Subject]) -> None:
    for kind, subject in subjects:
        delete_subject(copy.connection, kind, subject)
        copy.connection.execute("DELETE FROM sync_stale WHERE kind = ? AND subject = ?", (kind, subject))
        if kind == CONVERSATION:
            copy.connection.execute("DELETE FROM sync_unsettled WHERE conversation_id = ?", (subject,))
        copy.note("has_traces", "1")


def _has_events(api: "PatientApi", subject: Subject) -> bool:
    kind, name = subject
    return bool(api.get("/events", {"kind": kind, "subject": name, "limit": "1"})["events"])
