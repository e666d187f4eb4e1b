"""The issues of an event: each names a part of the body that is not as documented.

An issue is a code, or `code:path` if a path helps. Consumers may match on the code; the list grows.
"""

import re
from collections.abc import Iterable
from typing import Literal

VARIANT = "variant"  # other content for an event that is already stored
REPEATED_KEY = "repeated_key"  # an object has a key twice; the last one counts
BYTE_ORDER_MARK = "byte_order_mark"
UNPAIRED_SURROGATE = "unpaired_surrogate"  # a cut emoji; read as U+FFFD
UNUSABLE_TIME = "unusable_time"  # a timestamp that cannot be read
TAG_DROPPED = "tag_dropped"  # a query parameter over the limits
OTHER_CONVERSATION: Literal["other_conversation"] = "other_conversation"  # a key in another's folder
UNKNOWN_EVENT_TYPE = "unknown_event_type"
UNKNOWN_PROPERTY = "unknown_property"  # :path
UNEXPECTED_TYPE = "unexpected_type"  # :path
TOO_MANY_PARTS = "too_many_parts"  # more objects and lists than are typed; stored all the same
MORE_ISSUES = "more_issues"

# Issues of one event, before `more_issues` stands for the rest.
LIMIT = 20

_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def at(code: str, path: Iterable[str | int]) -> str:
    """Join code and path. An item of a list is `items`; an unusual name, which the sender chose, is `*`."""
    steps = ("items" if isinstance(step, int) else step if _PLAIN.fullmatch(step) else "*" for step in path)
    return f"{code}:{'.'.join(steps)}"
