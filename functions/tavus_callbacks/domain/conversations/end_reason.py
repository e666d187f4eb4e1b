"""How a conversation ended, in plain words.

Tavus documents eight reasons; it sends them with and without ` reached`, so a prefix identifies them
(docs/tavus.md, "Shutdown reasons"). An undocumented reason stays as sent.
"""

import re

from pydantic import Field

from tavus_callbacks.domain.common.view import View

ABSENT = "participant_absent_timeout"
COULD_NOT_JOIN = "bot_could_not_join_meeting_it_was_probably_ended"
STARTUP_FAILED = "exception_encountered_during_conversation_startup"
INTERNAL_ERROR = "internal_error"

# With these reasons nobody has talked, so nothing else arrives.
NOBODY_JOINED = frozenset((ABSENT, COULD_NOT_JOIN, STARTUP_FAILED))

_PLAIN = {
    "max_call_duration": "The conversation reached its maximum duration.",
    "participant_left_timeout": "The participant left and did not return in time.",
    ABSENT: "No participant joined in time.",
    COULD_NOT_JOIN: "The replica could not join the meeting, which had probably ended.",
    "daily_room_has_been_deleted": "The room was deleted.",
    STARTUP_FAILED: "Tavus could not start the conversation because of an error.",
    "end_conversation_endpoint_hit": "The conversation was ended through the API.",
    INTERNAL_ERROR: "Tavus had an internal error.",
}
_STEP = re.compile(r"internal error occurred at step\s+(.+)", re.IGNORECASE | re.DOTALL)
_SEPARATORS = re.compile(r"[\s_-]+")


class Ending(View):
    """How and why it ended."""

    plain: str = Field(description="The reason in one sentence.")
    code: str | None = Field(description="The documented reason without suffix, or an unknown one as sent.")
    reason: str | None = Field(description="The reason as Tavus sent it.")
    step: str | None = Field(None, description="The step at which an internal error occurred.")


def end_reason(reason: str | None) -> Ending:
    """Explain a shutdown's reason as Tavus sent it; None if it sent none."""
    code, match = reason_code(reason), _STEP.match(reason or "")
    step = match[1].removesuffix(" reached") if match else None
    if code is None:
        plain = "The conversation ended; no reason was given."
    elif step:
        plain = f"Tavus had an internal error at step {step}."
    else:
        plain = _PLAIN.get(code, f"The conversation ended for an undocumented reason: {code}")
    return Ending(plain=plain, code=code, reason=reason, step=step)


def reason_code(reason: str | None) -> str | None:
    """Return the documented reason that this one begins with, else the reason itself."""
    if reason is None:
        return None
    normalized = _SEPARATORS.sub("_", reason.strip().lower())
    return next((code for code in _PLAIN if normalized.startswith(code)), reason)
