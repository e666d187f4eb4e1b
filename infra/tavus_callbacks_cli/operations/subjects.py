"""Conversations, videos and replicas by their ids: where the API has them, and which are near a wrong one."""

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

# By kind: the name of its list, and of the member that is its id.
LISTS = {
    "conversation": ("conversations", "conversation_id"),
    "video": ("videos", "id"),
    "replica": ("replicas", "id"),
}

# What a path carries as it is; anything else is read by /events alone.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")

# How many of the latest ids a wrong one is compared with, and how many are named.
_COMPARED, _NAMED = "200", 3


def has_page(id_: str) -> bool:
    """Tell whether a path can carry an id; HTTP APIs decode paths, so that some cannot be asked for."""
    return _PLAIN.fullmatch(id_) is not None and id_.strip(".") != ""


def path_of(kind: str, id_: str) -> str:
    """Return the path of a subject."""
    return f"/{LISTS[kind][0]}/{quote(id_, safe='')}"


def find(api: "ApiClient", kinds: Iterable[str], id_: str) -> tuple[str, dict[str, Any]] | None:
    """Return the first of the kinds that an id belongs to, and its view; None where it is of none."""
    from tavus_callbacks_cli.targets.api_client import NotFound

    for kind in kinds:
        try:
            return kind, api.get(path_of(kind, id_))
        except NotFound:
            continue
    return None


@contextmanager
def near_ids(api: "ApiClient", id_: str) -> Iterator[None]:
    """Name near ids where a conversation turns out to be unknown, or one that no path can carry."""
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
        raise unknown(api, "conversation", id_) from None


def unknown(api: "ApiClient", kind: str | None, id_: str) -> click.ClickException:
    """Say that nothing of an id is kept, and which of the latest of its kind, or of all, are near to it."""
    from tavus_callbacks_cli.targets.api_client import NotFound

    kinds = [one for one in LISTS if kind in (None, one)]
    near = get_close_matches(id_, [name for one in kinds for name in _latest(api, one)], _NAMED)
    advice = f"Did you mean {' or '.join(map(shell.argument, near))}?" if near else _advice(api, kinds)
    what = f"Nothing about {shell.quote(id_)}" if kind is None else f"No {kind} {shell.quote(id_)}"
    return NotFound(f"{what} is kept there. {advice}")


def _advice(api: "ApiClient", kinds: list[str]) -> str:
    if kinds:
        return f"`{api.command('list')}` shows what is there."
    return f"`{api.command('tail', options=['--since', '1d'])}` shows what came."


def _latest(api: "ApiClient", kind: str) -> list[str]:
    name, member = LISTS[kind]
    return [str(one[member]) for one in api.get(f"/{name}", {"limit": _COMPARED})[name]]
