"""Conversations, videos and replicas by their ids: paths in the API, and ids close to a mistyped one."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from tavus_callbacks_cli.output import shell

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient

# By kind: the name of its list, and the member that holds its id.
LISTS = {
    "conversation": ("conversations", "conversation_id"),
    "video": ("videos", "id"),
    "replica": ("replicas", "id"),
}

# Characters that a path carries as they are. Any other id can only be read by /events.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")

# How many of the latest ids a mistyped one is compared with, and how many are named.
_COMPARED, _NAMED = "200", 3


def has_page(id_: str) -> bool:
    """Tell whether a path can carry an id: HTTP APIs decode paths, so some ids cannot be asked for."""
    return _PLAIN.fullmatch(id_) is not None and id_.strip(".") != ""


def path_of(kind: str, id_: str) -> str:
    """Return the path of a subject."""
    return f"/{LISTS[kind][0]}/{quote(id_, safe='')}"


def find_view(api: "ApiClient", kinds: Iterable[str], id_: str) -> tuple[str, dict[str, Any]] | None:
    """Return the first of the kinds that has a subject of this id, and its view; or None."""
    from tavus_callbacks_cli.targets.api_client import NotFound

    for kind in kinds:
        try:
            return kind, api.get(path_of(kind, id_))
        except NotFound:
            continue
    return None


def subject_events(api: "ApiClient", kind: str, subject: str) -> Iterator[dict[str, Any]]:
    """Yield a subject's events, each with its variants in a member.

    Not /conversations/{id}/events: an id with unusual characters can only be read by /events.
    """
    return api.items("/events", {"kind": kind, "subject": subject})


@contextmanager
def suggest_ids(api: "ApiClient", id_: str) -> Iterator[None]:
    """Name similar ids if the block finds a conversation unknown; refuse an id that no path carries."""
    from tavus_callbacks_cli.targets.api_client import NotFound

    if not has_page(id_):
        raise click.ClickException(
            f"{shell.quote(id_)} has characters that no path carries: "
            f"`{api.command('show', id_, options=['--events'])}` has its events."
        )
    try:
        yield
    except NotFound as error:
        if "No event of conversation" not in error.message:
            raise
        raise unknown_id(api, "conversation", id_) from None


def unknown_id(api: "ApiClient", kind: str | None, id_: str) -> click.ClickException:
    """Return an error that names the latest ids similar to an unknown one, of its kind or of all kinds."""
    from tavus_callbacks_cli.targets.api_client import NotFound

    kinds = [each for each in LISTS if kind in (None, each)]
    latest = []
    for name, member in (LISTS[each] for each in kinds):
        latest += [str(item[member]) for item in api.get(f"/{name}", {"limit": _COMPARED})[name]]
    if similar := get_close_matches(id_, latest, _NAMED):
        advice = f"Did you mean {' or '.join(map(shell.argument, similar))}?"
    elif kinds:
        advice = f"`{api.command('list')}` shows what is there."
    else:
        advice = f"`{api.command('tail', options=['--since', '1d'])}` shows what came."
    what = f"Nothing about {shell.quote(id_)}" if kind is None else f"No {kind} {shell.quote(id_)}"
    return NotFound(f"{what} is kept there. {advice}")
