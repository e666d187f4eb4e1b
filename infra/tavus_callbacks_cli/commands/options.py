"""What people type, parsed once: durations, times, labels, tags. Each is a click type."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.token import find_tokens

_DURATION = re.compile(r"([0-9]{1,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Renamed(click.Choice[str]):
    """A choice that also takes other names: Tavus renamed replica to face in June 2026."""

    def __init__(self, choices: Iterable[str], names: Mapping[str, str]) -> None:
        super().__init__([*choices, *names])
        self.names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the choice that the word means."""
        chosen = super().convert(value, param, ctx)
        return self.names.get(chosen, chosen)


KIND = Renamed(KINDS, {"face": "replica"})


def duration(text: str) -> timedelta:
    """Read a span such as `30m`, `12h` or `7d`."""
    span = _span(text)
    if span is None:
        raise click.BadParameter(f"{text!r} is no duration: write it as 30s, 30m, 12h or 7d.")
    return span


def moment(text: str) -> datetime:
    """Read a time (ISO 8601, UTC unless it names a zone), or how long ago, such as `2h`."""
    ago, read = _span(text), timestamps.parse(text)
    if ago is not None:
        return datetime.now(UTC) - ago
    if read is None:
        raise click.BadParameter(f"{text!r} is no time: write 2027-03-01T12:00:00Z, or 2h for two hours ago.")
    return read


def _span(text: str) -> timedelta | None:
    found = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def label(text: str) -> str:
    """Read a label for a token: a short plain name, because events, logs and answers show it."""
    if find_tokens(text):
        raise click.BadParameter("This looks like a token, and a label is shown. Use the token's label.")
    if not _LABEL.fullmatch(text):
        raise click.BadParameter(
            f"{text!r} is no label: use 1 to 64 letters, digits, dots, dashes and underscores."
        )
    return text


def tag(text: str) -> tuple[str, str]:
    """Read a tag as name and value, as in `user:4711`."""
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise click.BadParameter(f"{text!r} is no tag: write name:value, as in user:4711.")
    return name, value
