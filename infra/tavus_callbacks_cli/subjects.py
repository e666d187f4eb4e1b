"""Conversations, videos and replicas by their ids: where the API has them, and which are near a wrong one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

if TYPE_CHECKING:
    from tavus_callbacks_cli.reader import Reader

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


def find(reader: "Reader", kinds: tuple[str, ...], id_: str) -> tuple[str, dict[str, Any]]:
    """Return the first of the kinds that an id belongs to, and its view; raises Missing naming near ids."""
    from tavus_callbacks_cli.reader import Missing

    for kind in kinds:
        try:
            return kind, reader.get(path_of(kind, id_))
        except Missing:
            continue
    raise unknown(reader, kinds, id_)


@contextmanager
def near_ids(reader: "Reader", id_: str) -> Iterator[None]:
    """Name near ids where a conversation turns out to be unknown, or one that no path can carry."""
    from tavus_callbacks_cli.reader import Missing

    if not has_page(id_):
        raise click.ClickException(
            f"{id_!r} has characters that no path carries: `tavus-callbacks show --events` has its events."
        )
    try:
        yield
    except Missing as error:
        if "No event of conversation" not in error.message:
            raise
        raise unknown(reader, ("conversation",), id_) from None


def unknown(reader: "Reader", kinds: tuple[str, ...], id_: str) -> click.ClickException:
    """Say that nothing of an id is kept, and which of the latest ids are near to it."""
    from tavus_callbacks_cli.reader import Missing

    near = get_close_matches(id_, [name for kind in kinds for name in _latest(reader, kind)], _NAMED)
    advice = f"Did you mean {' or '.join(near)}?" if near else "`tavus-callbacks list` shows what is there."
    *others, last = kinds
    named = f"{', '.join(others)} or {last}" if others else last
    return Missing(f"No {named} {id_!r} is kept there. {advice}")


def _latest(reader: "Reader", kind: str) -> list[str]:
    name, member = LISTS[kind]
    return [str(one[member]) for one in reader.get(f"/{name}", {"limit": _COMPARED})[name]]
