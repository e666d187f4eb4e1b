"""What erasing works on: a stack's stores, who is to be erased, and the pieces that are found of them."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.body import contents
from tavus_callbacks.domain.errors import StoreDown
from tavus_callbacks.domain.pushes import ERASED

if TYPE_CHECKING:
    from tavus_callbacks_cli.deployment import Deployment
    from tavus_callbacks_cli.reindex import Store

Subject = tuple[str, str]

CONVERSATION = "conversation"

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/]))")
# What an id may go on with: `c1` is not named by `c12`, nor by `c1-2` or `c1.2`.
_BEFORE, _AFTER = r"(?<![\w~-])(?<!\w\.)", r"(?![\w~-]|\.\w)"


@dataclass(frozen=True, slots=True)
class Place:
    """A stack: its outputs and clients, and its store as `redrive` and `reindex` take it."""

    deployment: "Deployment"
    store: "Store"


@dataclass(frozen=True)
class Wanted:
    """Who is to be erased: subjects, and the tag by which they were found, if any."""

    subjects: frozenset[Subject]
    tag: tuple[str, str] | None = None

    @property
    def conversations(self) -> list[str]:
        """Return the ids of conversations among them."""
        return sorted(subject for kind, subject in self.subjects if kind == CONVERSATION)

    @property
    def partitions(self) -> set[str]:
        """Return the partition keys of the subjects."""
        return {f"{kind}#{subject}" for kind, subject in self.subjects}

    def has_tag(self, tags: Mapping[str, Any]) -> bool:
        """Tell whether the tag by which is erased stands among some."""
        return self.tag is not None and tags.get(self.tag[0]) == self.tag[1]

    def is_told_of(self, event: Mapping[str, Any]) -> bool:
        """Tell whether an event of the bus is a push about somebody."""
        push = event.get("detail", {})
        # One that tells of the erasure itself is what consumers wait for.
        if not isinstance(push, Mapping) or "push_id" not in push or push.get("type") == ERASED:
            return False
        # Of a subject with several values of a tag a push has a list.
        tags = push.get("tags", {})
        has_tag = self.tag is not None and self.tag[1] in _listed(tags.get(self.tag[0]))
        return (push.get("kind"), push.get("subject")) in self.subjects or has_tag

    def is_named_in(self, raw: bytes) -> bool:
        """Tell whether a body holds one of the ids as a whole word, JSON's escapes and gzip resolved."""
        texts = [each.decode(errors="replace") for each in (raw, contents(raw))]
        texts += [_unescaped(text) for text in texts]
        return bool(self.subjects) and any(map(self._names.search, texts))

    @cached_property
    def _names(self) -> re.Pattern[str]:
        ids = "|".join(re.escape(subject) for _, subject in sorted(self.subjects))
        return re.compile(f"{_BEFORE}(?:{ids}){_AFTER}")


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(lambda found: found[2] or chr(int(found[1], 16)), text)
    # JSON writes what lies beyond the first 65,536 characters as a pair.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that is to go: the store it lies in, what the receipt calls it, and how it is removed."""

    store: str
    name: str
    remove: Callable[[], object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Left:
    """Something that is not removed, or could not be looked at, and why."""

    store: str
    name: str
    reason: str


def gone(error: StoreDown) -> bool:
    """Tell whether an object is not there any more; all else may pass and is to be raised."""
    return str(error) == "NoSuchKey"


def described(pieces: Collection[Piece]) -> dict[str, list[str]]:
    """Return the names of pieces by their store."""
    found: dict[str, list[str]] = {}
    for piece in pieces:
        found.setdefault(piece.store, []).append(piece.name)
    return found
