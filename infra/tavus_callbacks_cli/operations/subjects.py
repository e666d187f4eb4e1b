"""Subjects by their ids: their events, and ids close to a mistyped one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common.paths import LISTS, fits_path
from tavus_callbacks_cli.output import shell

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient

# How many of the latest ids a mistyped one is compared with, and how many are named.
_COMPARED, _NAMED = "200", 3


def subject_events(api: "ApiClient", kind: str, subject: str) -> Iterator[dict[str, Any]]:
    """Yield a subject's events, each with its variants in a member.

    Not /conversations/{id}/events, because no path can hold some ids.
    """
    return api.items("/events", {"kind": kind, "subject": subject})


def list_rows(api: "ApiClient", kind: str, subject: str) -> list[dict[str, Any]]:
    """Return a subject's events, each followed by its variants."""
    events = subject_events(api, kind, subject)
    return [each for event in events for each in (event, *event.pop("variants", ()))]


def searched_kinds(kind: str | None) -> Iterable[str]:
    """Return the kinds in which an id may be found: the given one, or those with a list and then the rest."""
    return (kind,) if kind else dict.fromkeys((*LISTS, *KINDS))


def id_member(kind: str) -> str:
    """Return the name of the member that holds the id in the list of a kind."""
    return "conversation_id" if kind == "conversation" else "id"


def require_path(api: "ApiClient", id_: str) -> None:
    """Raise click.ClickException for an id that no path of the API can hold."""
    if not fits_path(id_):
        raise click.ClickException(
            f"No path of the API can hold {shell.quote(id_)}. "
            f"`{api.command('show', id_, options=['--events'])}` shows its events."
        )


@contextmanager
def suggest_ids(api: "ApiClient", id_: str) -> Iterator[None]:
    """Name similar ids if the block finds a conversation unknown; refuse an id that no path can hold."""
    from tavus_callbacks_cli.targets.api_client import NotFound

    require_path(api, id_)
    try:
        yield
    except NotFound as error:
        if "No event of conversation" not in error.message:
            raise
        raise unknown_id(api, "conversation", id_) from None


def unknown_id(api: "ApiClient", kind: str | None, id_: str) -> click.ClickException:
    """Return an error that names the latest ids similar to an unknown one, of its kind or of all kinds."""
    from tavus_callbacks_cli.targets.api_client import NoSuchPath, NotFound

    kinds = [each for each in LISTS if kind in (None, each)]
    latest = []
    for each in kinds:
        name, member = LISTS[each], id_member(each)
        # A stack of an earlier version has fewer lists.
        with suppress(NoSuchPath):
            latest += [str(item[member]) for item in api.get(f"/{name}", {"limit": _COMPARED})[name]]
    if similar := get_close_matches(id_, latest, _NAMED):
        advice = f"Did you mean {' or '.join(map(shell.argument, similar))}?"
    elif kinds:
        advice = f"`{api.command('list')}` shows what is stored."
    else:
        advice = f"`{api.command('tail', options=['--since', '1d'])}` shows what was received."
    what = f"Nothing about {shell.quote(id_)}" if kind is None else f"No {kind} {shell.quote(id_)}"
    return NotFound(f"{what} is stored there. {advice}")
