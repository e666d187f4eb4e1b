"""What erasing works on: a stack's stores, who is to be erased, and the pieces that are found of them."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.common.compression import contents
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.tags import is_tagged
from tavus_callbacks.domain.events.tag_scope import TagCount, TaggedCallback, count_tagged
from tavus_callbacks.domain.pushes.push import ERASED

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment
    from tavus_callbacks_cli.targets.store import Store

Subject = tuple[str, str]

CONVERSATION = "conversation"

# An event of this age may be in no summary yet: `SummaryWindow` is at most 300 seconds.
UNSUMMED = timedelta(minutes=10)

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/]))")
# What an id may go on with: `c1` is not named by `c12`, nor by `c1-2` or `c1.2`.
_BEFORE, _AFTER = r"(?<![\w~-])(?<!\w\.)", r"(?![\w~-]|\.\w)"


@dataclass(frozen=True, slots=True)
class Place:
    """A stack: its outputs and clients, and its store as `redrive` and `reindex` take it."""

    deployment: "Deployment"
    store: "Store"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A subject with the tag on some callback that does not belong to the tag, and the count that says so."""

    kind: str
    subject: str
    count: TagCount

    @property
    def reason(self) -> str:
        """Say how many callbacks carry the tag, and since when it is there."""
        if self.count.since is None:
            return "no callback that is still stored carries the tag"
        deciding = f"{self.count.tagged} of {self.count.deciding} callbacks that decide carry the tag"
        return f"{deciding}; the first with the tag was received at {self.count.since}"

    def described(self, command: Callable[..., str]) -> dict[str, str]:
        """Return it as JSON; `command` writes the command that takes this one subject."""
        written = command(self.kind, self.subject)
        return {"kind": self.kind, "subject": self.subject, "reason": self.reason, "command": written}


@dataclass(frozen=True)
class Wanted:
    """Who is to be erased or exported.

    With a tag, `left_out` are the subjects that have a callback with the tag and do not belong to it.
    """

    subjects: frozenset[Subject]
    tag: tuple[str, str] | None = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def conversations(self) -> list[str]:
        """Return the ids of conversations among them."""
        return sorted(subject for kind, subject in self.subjects if kind == CONVERSATION)

    @property
    def partitions(self) -> set[str]:
        """Return the partition keys of the subjects."""
        return {f"{kind}#{subject}" for kind, subject in self.subjects}

    def has_tag(self, tags: Mapping[str, Any]) -> bool:
        """Tell whether the tag is among some; never without a tag."""
        return self.tag is not None and is_tagged(tags, self.tag)

    def takes(self, subject: Subject, tags: Mapping[str, Any]) -> bool:
        """Tell whether something goes: by its subject, or by its tag if its subject is not left out."""
        if subject in self.subjects:
            return True
        return self.has_tag(tags) and subject not in {(each.kind, each.subject) for each in self.left_out}

    def is_told_of(self, event: Mapping[str, Any]) -> bool:
        """Tell whether an event of the bus is a push about somebody."""
        push = event.get("detail", {})
        # One that tells of the erasure itself is what consumers wait for.
        if not isinstance(push, Mapping) or "push_id" not in push or push.get("type") == ERASED:
            return False
        subject = (str(push.get("kind")), str(push.get("subject")))
        return self.takes(subject, push.get("tags", {}))

    def is_named_in(self, raw: bytes) -> bool:
        """Tell whether a body that is no event goes because it holds one of the ids.

        Never with a tag: anybody with a callback URL can forge a subject with the tag, and its id may be a
        word that stands in the bodies of others.
        """
        return self.tag is None and self._is_in(raw)

    def left_by_name(self, store: str, name: str, raw: bytes) -> "Iterator[Left]":
        """Yield what a tag leaves although it holds one of the ids."""
        if self.tag is not None and self._is_in(raw):
            yield Left(store, name, "It contains an id and does not carry the tag: erase it by the id.")

    def _is_in(self, raw: bytes) -> bool:
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


def sort_by_tag(
    tag: tuple[str, str],
    candidates: Mapping[Subject, Collection[TaggedCallback]],
    erased: Collection[Subject] = (),
) -> Wanted:
    """Return which candidates belong to a tag and which are left out.

    `candidates` are subjects with the tag, and all their callbacks; one without callbacks is neither. An
    erasure that stopped has removed some callbacks of the `erased` ones, so they belong without counting.
    """
    counts = {each: count_tagged(each[0], candidates[each], tag) for each in candidates if each not in erased}
    belongs = {subject for subject, count in counts.items() if count.belongs}
    left_out = [LeftOut(*each, counts[each]) for each in sorted(counts) if counts[each].deciding]
    return Wanted(
        frozenset(belongs | set(erased)),
        tag,
        tuple(each for each in left_out if not each.count.belongs),
    )


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
