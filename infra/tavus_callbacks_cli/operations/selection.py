"""The subjects that an erasure or an export works on: by id, or by a tag that they belong to."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from tavus_callbacks.domain.common.compression import contents
from tavus_callbacks.domain.common.tags import is_tagged
from tavus_callbacks.domain.events.tag_scope import TagCount, TaggedCallback, count_tagged
from tavus_callbacks.domain.pushes.push import ERASED
from tavus_callbacks_cli.output.shell import line

Subject = tuple[str, str]

CONVERSATION = "conversation"

# An event of this age may be in no summary yet. Usually that takes seconds; a retried batch takes longer.
SUMMARY_DELAY = timedelta(minutes=10)

LEFT_OUT = "left out, because not all of their callbacks carry the tag:"

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/]))")
# Characters that an id may continue with: `c12`, `c1-2` and `c1.2` do not name `c1`.
_BEFORE, _AFTER = r"(?<![\w~-])(?<!\w\.)", r"(?![\w~-]|\.\w)"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A subject with the tag on some callback that does not belong to the tag, and the deciding count."""

    kind: str
    subject: str
    count: TagCount

    @property
    def reason(self) -> str:
        """Return how many callbacks carry the tag, and since when."""
        if self.count.since is None:
            return "no callback that is still stored carries the tag"
        deciding = f"{self.count.tagged} of {self.count.deciding} relevant callbacks carry the tag"
        return f"{deciding}, the first at {self.count.since}"


@dataclass(frozen=True)
class Selection:
    """The subjects to erase or export.

    With a tag, `left_out` are the subjects that have a callback with the tag and do not belong to it.
    """

    subjects: frozenset[Subject]
    tag: tuple[str, str] | None = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def conversations(self) -> list[str]:
        """Return the ids of the conversations."""
        return sorted(subject for kind, subject in self.subjects if kind == CONVERSATION)

    def has_tag(self, tags: Mapping[str, Any]) -> bool:
        """Tell whether the tag is among some tags; False without a tag."""
        return self.tag is not None and is_tagged(tags, self.tag)

    def takes(self, subject: Subject, tags: Mapping[str, Any]) -> bool:
        """Tell whether a subject is selected, or its data has the tag and the subject is not left out."""
        if subject in self.subjects:
            return True
        return self.has_tag(tags) and subject not in {(each.kind, each.subject) for each in self.left_out}

    def takes_push(self, event: Mapping[str, Any]) -> bool:
        """Tell whether an event of the bus is a push about a selected subject."""
        push = event.get("detail", {})
        # Consumers wait for the push that announces the erasure.
        if not isinstance(push, Mapping) or "push_id" not in push or push.get("type") == ERASED:
            return False
        subject = (str(push.get("kind")), str(push.get("subject")))
        return self.takes(subject, push.get("tags", {}))

    def takes_text(self, raw: bytes) -> bool:
        """Tell whether a body without an event is selected because it contains one of the ids.

        Never with a tag: anybody with a callback URL can forge a subject with the tag, and its id may be a
        word in the bodies of others.
        """
        return self.tag is None and self.is_named_in(raw)

    def is_named_in(self, raw: bytes) -> bool:
        """Tell whether a body contains one of the ids as a whole word, after JSON's escapes and gzip."""
        texts = [data.decode(errors="replace") for data in (raw, contents(raw))]
        for text in tuple(texts):
            plain = _ESCAPE.sub(lambda match: match[2] or chr(int(match[1], 16)), text)
            # JSON writes characters beyond the first 65,536 as a pair.
            texts.append(plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        return bool(self.subjects) and any(map(self._names.search, texts))

    @cached_property
    def _names(self) -> re.Pattern[str]:
        ids = "|".join(re.escape(subject) for _, subject in sorted(self.subjects))
        return re.compile(f"{_BEFORE}(?:{ids}){_AFTER}")

    def left_out_json(self, command: Callable[[str, str], str]) -> list[dict[str, str]]:
        """Return what the tag leaves out; `command` gives the command that takes one subject."""
        return [
            {
                "kind": each.kind,
                "subject": each.subject,
                "reason": each.reason,
                "command": command(each.kind, each.subject),
            }
            for each in self.left_out
        ]


def left_out_lines(left_out: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield what was left out for people; nothing if that is nothing."""
    for number, each in enumerate(left_out):
        if not number:
            yield LEFT_OUT
        yield f"  {line(each['kind'], each['subject'])}: {each['reason']}"
        yield f"      {each['command']}"


def select_by_tag(
    tag: tuple[str, str],
    candidates: Mapping[Subject, Collection[TaggedCallback]],
    erased: Collection[Subject] = (),
) -> Selection:
    """Return which candidates belong to a tag and which are left out.

    `candidates` are subjects with the tag, and all their callbacks; one without callbacks is neither. An
    interrupted erasure has removed some callbacks of the `erased` ones, so they belong without a count.
    """
    counts = {each: count_tagged(each[0], candidates[each], tag) for each in candidates if each not in erased}
    belongs = {subject for subject, count in counts.items() if count.belongs}
    left_out = [LeftOut(*each, counts[each]) for each in sorted(counts) if counts[each].deciding]
    return Selection(
        frozenset(belongs | set(erased)),
        tag,
        tuple(each for each in left_out if not each.count.belongs),
    )
