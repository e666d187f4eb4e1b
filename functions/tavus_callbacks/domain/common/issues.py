"""The issues an event can carry: each names a part of the body that does not fit its model.

An issue is a code, or `code:path` where a path helps. Consumers may match on the code; the list grows.
"""

import re
from collections.abc import Iterable
from typing import Literal

VARIANT = "variant"  # other content for an event that is already kept
REPEATED_KEY = "repeated_key"  # an object names a key twice; the last one counts
BYTE_ORDER_MARK = "byte_order_mark"
UNPAIRED_SURROGATE = "unpaired_surrogate"  # a cut emoji; read as U+FFFD
UNUSABLE_TIME = "unusable_time"  # a timestamp that is no time
TAG_DROPPED = "tag_dropped"  # a query parameter over the limits
OTHER_CONVERSATION: Literal["other_conversation"] = "other_conversation"  # a key in another's folder
UNKNOWN_EVENT_TYPE = "unknown_event_type"
UNKNOWN_PROPERTY = "unknown_property"  # :path
UNEXPECTED_TYPE = "unexpected_type"  # :path
TOO_MANY_PARTS = "too_many_parts"  # more objects and lists than are typed; kept all the same
MORE_ISSUES = "more_issues"

LIMIT = 20

_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def at(code: str, path: Iterable[str | int]) -> str:
    """Join code and path; a name that is not plain is written `*`, for it is the sender's text.

    Whatever its place, an item of a list is written `items`.
    """
    return f"{code}:{'.'.join(_step(step) for step in path)}"


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return "items"
    return step if _PLAIN.fullmatch(step) else "*"


def limited(issues: Iterable[str]) -> tuple[str, ...]:
    """Return each issue once, in order, at most LIMIT and then `more_issues`; reads no further than that."""
    unique: dict[str, None] = {}
    for issue in issues:
        if issue not in unique and len(unique) == LIMIT:
            return (*unique, MORE_ISSUES)
        unique[issue] = None
    return tuple(unique)
