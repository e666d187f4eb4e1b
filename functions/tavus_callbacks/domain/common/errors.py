"""The errors of requests, each with its HTTP status.

CallbackError
├── Refused        401  no live token of the right scope; nothing is stored
├── NotAnObject    400  the body is not a JSON object; it goes to quarantine
├── BadRequest     400  a reader's parameter is wrong
├── NotFound       404  nothing of that name is stored
├── NotPlayable    409  a recording that cannot be watched now
├── NoTimes        409  a transcript without times, so without subtitles
├── NoOffset       409  subtitles for a recording whose place in the talk is unknown
├── TooLarge       409  an answer over Lambda's limit
├── Unfileable     422  the body names no valid subject or event type; it goes to quarantine
└── StoreDown      503  neither stored nor refused: the sender may try again
"""

import traceback
from typing import ClassVar, Literal, NamedTuple

# Why a token is refused. Metrics say it, answers do not.
Refusal = Literal["malformed", "unknown", "scope", "revoked", "expired"]


RECORDINGS_OFF = "This stack was deployed with Recordings=off."


class CallbackError(Exception):
    """A request that fails; the text is for the person who sent it."""

    status: ClassVar[int]
    title: ClassVar[str]


class Refused(CallbackError):
    """The token is missing, unknown, revoked, expired or of another scope; the answer does not say which."""

    status = 401
    title = "Unauthorized"

    def __init__(self, detail: str, refusal: Refusal) -> None:
        super().__init__(detail)
        self.refusal = refusal


class NotAnObject(CallbackError):
    """The body is not a JSON object that can be read and written again."""

    status = 400
    title = "Not a JSON object"


class FieldError(NamedTuple):
    """A field, and what is wrong with it."""

    field: str
    detail: str


class Unfileable(CallbackError):
    """A JSON object that does not name its subject or event type."""

    status = 422
    title = "Cannot be filed"

    def __init__(self, detail: str, *errors: FieldError) -> None:
        super().__init__(detail)
        self.errors = errors


class BadRequest(CallbackError):
    """A reader's query parameter is wrong; the text says which one and what it accepts."""

    status = 400
    title = "Bad request"


class NotFound(CallbackError):
    """Nothing of that name is stored."""

    status = 404
    title = "Not found"


class NotPlayable(CallbackError):
    """A recording that cannot be watched now, with its status."""

    status = 409
    title = "Cannot be played"

    def __init__(self, detail: str, recording_status: str) -> None:
        super().__init__(detail)
        self.recording_status = recording_status


class NoTimes(CallbackError):
    """No turn of the transcript has a time, so that subtitles cannot be placed."""

    status = 409
    title = "No times"


class NoOffset(CallbackError):
    """Subtitles cannot be placed on a recording; the text says which time is unknown."""

    status = 409
    title = "No offset"


class TooLarge(CallbackError):
    """The answer is over Lambda's limit; the text says how to ask for less."""

    status = 409
    title = "Too large to answer"


class StoreDown(CallbackError):
    """The store did not answer in time, or refused; `may_pass` says whether another attempt can help.

    `is_outage` is False if only this request fails: it names an object that is missing, or its values are
    not allowed.
    """

    status = 503
    title = "Store unavailable"

    def __init__(self, detail: str, *, may_pass: bool = True, is_outage: bool = True) -> None:
        super().__init__(detail)
        self.may_pass, self.is_outage = may_pass, is_outage
        # The failure that led to this attempt: of the store, if the spill failed after it.
        self.earlier: str | None = None


def is_outage(fault: BaseException) -> bool:
    """Return whether a store is down for every request, so that the same work can succeed later."""
    return isinstance(fault, StoreDown) and fault.is_outage


def describe_fault(fault: BaseException) -> str:
    """Return the type and the place of an error. Its text may hold a body, so only AWS's codes are added."""
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    aws_code = f" {fault}" if isinstance(fault, StoreDown) else ""
    return f"{type(fault).__name__}{aws_code} at {frame.name}:{frame.lineno}"
