"""Ids as people type them: whole, `latest`, or the short form that tables print.

Nothing is stored under the id `latest`: Tavus makes ids of letters and digits that are longer.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.callbacks.event import parse_event_id
from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks_cli.operations.events import row_id
from tavus_callbacks_cli.operations.subjects import id_member, list_rows, searched_kinds
from tavus_callbacks_cli.output.console import note
from tavus_callbacks_cli.output.shell import argument, quote
from tavus_callbacks_cli.output.text import Short

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient
    from tavus_callbacks_cli.targets.choose import Target

LATEST = "latest"

_SHORT_EVENT_ID = re.compile(r"(.+):[0-9a-f]{8}")
_DIGEST = re.compile(r"([0-9a-f]{8})[0-9a-f]{24}(?:-[0-9]{6})?$")
# A quarantine id has 32 digits; tables print the first eight.
_QUARANTINE_DIGITS = 8
QUARANTINE_ID = re.compile(r"[0-9a-f]{32}")
_QUARANTINE_PREFIX = re.compile(r"[0-9a-f]{8,31}")


def resolve_subject(api: "ApiClient", id_: str, kind: str | None, leave_out: Mapping[str, str]) -> str:
    """Return the id of a subject; for `latest`, find the newest subject of the kind and note its id.

    Without a kind, `latest` is the newest conversation. `leave_out` holds the parameters of lists that leave
    out simulated data. Raises NotFound if the list is empty.
    """
    if id_ != LATEST:
        return id_
    kind = kind or "conversation"
    subject = next(_newest_subjects(api, kind, leave_out), None)
    if subject is None:
        raise _nothing_there(api, kind, leave_out)
    note(f"latest is {kind} {subject}")
    return subject


def resolve_on(target: "Target", id_: str, kind: str | None) -> str:
    """Return the id as `resolve_subject` does, for a command whose only question to the API this is.

    Simulated subjects of a deployed stack are left out. Raises click.UsageError for the short id of an event,
    which would erase or fetch nothing.
    """
    event = _SHORT_EVENT_ID.fullmatch(id_)
    if id_ != LATEST and not event:
        return id_
    with target.open_api("read") as api:
        if event and resolve_event(api, id_, kind):
            raise click.UsageError(
                f"{quote(id_)} is the id of an event. Use the id of its subject: {argument(event[1])}"
            )
        return resolve_subject(api, id_, kind, {} if target.is_local else {"simulated": "false"})


def _newest_subjects(api: "ApiClient", kind: str, leave_out: Mapping[str, str]) -> Iterator[str]:
    if kind in LISTS:
        member, items = id_member(kind), api.items(f"/{LISTS[kind]}", {"limit": "1", **leave_out})
    else:
        member = "subject"
        items = api.items("/events", {"kind": kind, "order": "newest", "limit": "1", **leave_out})
    return (str(item[member]) for item in items)


def _nothing_there(api: "ApiClient", kind: str, leave_out: Mapping[str, str]) -> click.ClickException:
    from tavus_callbacks_cli.targets.api_client import NotFound

    uncounted = ", not counting simulated ones" if leave_out else ""
    return NotFound(
        f"No {kind} is stored there yet{uncounted}. "
        f"`{api.command('tail', options=['--since', '1d'])}` shows what was received."
    )


def resolve_event(api: "ApiClient", id_: str, kind: str | None = None) -> str | None:
    """Return the whole id of an event, given whole or short; None if it is neither.

    For a short id, the events of its subject are read. Raises click.ClickException if several events match.
    """
    if parse_event_id(id_):
        return id_
    short = _SHORT_EVENT_ID.fullmatch(id_)
    if short is None:
        return None
    for each in searched_kinds(kind):
        ids = map(row_id, list_rows(api, each, short[1]))
        matches = [event_id for event_id in ids if shorten_event_id(event_id).short == id_]
        if matches:
            return _only(matches, id_, "events")
    return None


def shorten_event_id(event_id: str) -> Short:
    """Return an event id with its subject and digest as its short form: c123456:a2592e11.

    Other text has no short form. A variant has the digest of its own content.
    """
    identity, digest = parse_event_id(event_id), _DIGEST.search(event_id)
    return Short(f"{identity[1]}:{digest[1]}" if identity and digest else event_id, event_id)


def shorten_quarantine_id(quarantine_id: str) -> Short:
    """Return a quarantine id with its first digits as its short form."""
    return Short(quarantine_id[:_QUARANTINE_DIGITS], quarantine_id)


def choose_quarantined(entries: Iterator[dict[str, Any]], id_: str, list_command: str) -> dict[str, Any]:
    """Return the entry with an id or with its first eight or more digits, or the newest one for `latest`.

    `entries` begin with the newest. Raises click.ClickException if none or several match.
    """
    from tavus_callbacks_cli.targets.api_client import NotFound

    is_prefix = _QUARANTINE_PREFIX.fullmatch(id_)

    def is_named(name: str) -> bool:
        return id_ in (LATEST, name) or bool(is_prefix and name.startswith(id_))

    matching = (entry for entry in entries if is_named(entry["quarantine_id"]))
    # A whole id has one entry, so the rest need not be read.
    matches = {entry["quarantine_id"]: entry for entry in (matching if is_prefix else islice(matching, 1))}
    if not matches and id_ == LATEST:
        raise NotFound("Nothing is in quarantine.")
    if not matches:
        raise NotFound(f"{quote(id_)} is not in quarantine. `{list_command}` lists the entries.")
    name = _only(list(matches), id_, "entries")
    if id_ == LATEST:
        note(f"latest is {name}")
    return matches[name]


def _only(matches: list[str], id_: str, what: str) -> str:
    """Return the one id that a short id means; raises click.ClickException if there are several."""
    if len(matches) > 1:
        ids = "".join(f"\n  {match}" for match in matches)
        raise click.ClickException(f"{quote(id_)} is short for {len(matches)} {what}. Use one of:{ids}")
    return matches[0]
