"""Which subjects belong to a tag: one rule for `export --tag` and `erase --tag`.

Anybody with a callback URL can send a forged callback with any tag about any subject. One callback with the
tag is therefore not enough.

conversation    Every `system.*` and `application.*` callback must carry the tag. All of them come by the
                conversation's own `callback_url`. Objectives, guardrails and other event types may lack it:
                an objective or a guardrail has a `callback_url` of its own (docs/tavus.md). A backfilled
                event without tags may lack it too, for Tavus's record may show no URL. Without any such
                callback, every stored event must carry the tag.
other kinds     Every callback must carry the tag.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tavus_callbacks.domain.common.tags import is_tagged

_CONVERSATION = "conversation"
_DECIDING_TYPES = ("system.", "application.")


class TaggedCallback(NamedTuple):
    """An event or a variant, as far as the rule needs it; `received_at` is ISO 8601 in UTC."""

    family: str
    event_type: str
    source: str
    tags: Mapping[str, str]
    received_at: str


class TagCount(NamedTuple):
    """How many of a subject's deciding callbacks carry a tag.

    `since` is when the first callback with the tag was received, of any type; None without such a callback.
    """

    tagged: int
    deciding: int
    since: str | None

    @property
    def belongs(self) -> bool:
        """Tell whether the subject belongs to the tag."""
        return 0 < self.tagged == self.deciding


def count_tagged(kind: str, callbacks: Iterable[TaggedCallback], tag: tuple[str, str]) -> TagCount:
    """Count the callbacks of one subject that decide whether it belongs to a tag."""
    everything = list(callbacks)
    deciding = [
        each
        for each in everything
        if kind != _CONVERSATION
        or (
            (each.family == _CONVERSATION and each.event_type.startswith(_DECIDING_TYPES))
            and (each.source == "callback" or each.tags)
        )
    ] or everything
    received = [each.received_at for each in everything if is_tagged(each.tags, tag)]
    tagged = sum(is_tagged(each.tags, tag) for each in deciding)
    return TagCount(tagged, len(deciding), min(received, default=None))
