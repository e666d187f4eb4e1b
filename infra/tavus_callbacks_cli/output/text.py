"""Values as text for people: strangers' text escaped, local times, sizes, durations and tags."""

import json
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

_KILOBYTE = 1024
# click indents the lines of an epilog by four, and a terminal has 80 columns.
_EXAMPLE_WIDTH = 76
_OPTION = re.compile(r" (?=--|[|>])")
_MINUTE = 60

_SUSPECT = re.compile(r"[^ -~]")
_SUSPECT_IN_JSON = re.compile(r"[^ -~\n]")


class Prose(str):
    """A text of several lines that somebody may have written in Markdown."""

    __slots__ = ()


class Short(NamedTuple):
    """A cell of a table with a short form for terminals."""

    short: str
    whole: str


def examples(*lines: str) -> str:
    r"""Return the end of a command's help. The leading \b keeps click from joining the lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {_continue_line(line)}" for line in lines)


def _continue_line(line: str) -> str:
    r"""Return a command on lines of 76 characters; a shell reads a \ at the end as "goes on"."""
    if len(line) <= _EXAMPLE_WIDTH:
        return line
    # At an option, a pipe or a redirection.
    places = [match.start() for match in _OPTION.finditer(line) if match.start() <= _EXAMPLE_WIDTH - 2]
    if not places:
        return line
    return f"{line[: places[-1]]} \\\n      {_continue_line(line[places[-1] + 1 :])}"


def escape(text: str) -> str:
    """Return one line in which every control, format and unassigned character is written as its escape."""
    return _SUSPECT.sub(
        lambda match: match[0] if _is_harmless(match[0]) else repr(match[0])[1:-1],
        text,
    )


def json_text(value: object, *, indent: int | None = 2) -> str:
    """Return JSON that a terminal can show: letters as they are, everything unprintable escaped."""
    return _SUSPECT_IN_JSON.sub(
        lambda match: match[0] if _is_harmless(match[0]) else json.dumps(match[0])[1:-1],
        json.dumps(value, indent=indent, ensure_ascii=False),
    )


def _is_harmless(character: str) -> bool:
    # Wide and unbreakable spaces are not "printable", but harmless and common in Japanese and French.
    return character.isprintable() or unicodedata.category(character) == "Zs"


def moment(text: str | None, *, with_zone: bool = False) -> str:
    """Return an ISO 8601 time in this machine's zone, to the second, or `-` for None.

    The zone is the one that is valid at that time: CEST in July, CET in December. Other text is returned as
    it is.
    """
    time = _local_time(text)
    return (text or "-") if time is None else f"{time:%Y-%m-%d %H:%M:%S}{f' {time:%Z}' * with_zone}"


@dataclass(frozen=True, slots=True)
class Times:
    """The times of one answer. Their zone is named once; a time in another zone names its own."""

    zone: str | None

    @classmethod
    def of(cls, texts: Iterable[str | None]) -> "Times":
        """Return the times of an answer (ISO 8601)."""
        zones = {f"{time:%Z}" for time in map(_local_time, texts) if time}
        if len(zones) > 1:
            return cls(None)
        return cls(zones.pop() if zones else f"{datetime.now().astimezone():%Z}")

    def head(self, name: str) -> str:
        """Return the name of a column, with the zone if all times share it."""
        return f"{name} ({self.zone})" if self.zone else name

    def show(self, text: str | None) -> str:
        """Return a time as `moment` does, with its zone unless that is the shared one."""
        time = _local_time(text)
        return moment(text, with_zone=time is not None and f"{time:%Z}" != self.zone)

    def cell(self, text: str | None) -> Short:
        """Return a time for a table; its short form lacks the current year."""
        whole = self.show(text)
        return Short(whole.removeprefix(f"{datetime.now().astimezone():%Y}-"), whole)


def _local_time(text: str | None) -> datetime | None:
    # The first and the last days of the calendar have no time in other zones.
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text).astimezone() if text else None
    return None


def duration(seconds: float | None) -> str:
    """Return a number of seconds as text for people, empty if it is None."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return str(timedelta(seconds=round(seconds)))


def amount(count: int, one: str, several: str) -> str:
    """Return how many there are: 1 entry, 2 entries."""
    return f"{count} {one if count == 1 else several}"


def clock(seconds: float) -> str:
    """Return a number of seconds as a player shows it: 1:05, or 1:01:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: int) -> str:
    """Return a number of bytes as text for people."""
    if count < _KILOBYTE:
        return f"{count} B"
    if count < _KILOBYTE**2:
        return f"{count / _KILOBYTE:.1f} KB"
    return f"{count / _KILOBYTE**2:.1f} MB"


def tags(values: dict[str, Any]) -> str:
    """Return tags as `--tag` takes them; a tag with several values stands once for each value."""
    lists = ((name, value if isinstance(value, list) else [value]) for name, value in values.items())
    return ", ".join(f"{name}:{value}" for name, several in lists for value in several)
