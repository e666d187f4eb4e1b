"""Query parameters, each declared once: the declaration reads a parameter, and OpenAPI describes it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tavus_callbacks.domain.common import cursors, timestamps
from tavus_callbacks.domain.common.errors import BadRequest
from tavus_callbacks.domain.common.lenient_json import LONGEST_SECONDS

T = TypeVar("T")

BAD_CURSOR = "This cursor is not valid. Use the `cursor` of an answer unchanged."
OTHER_LIST = (
    "The cursor belongs to another list. Use it with the path and filters of the answer that contained it, "
    "or start again without it."
)
DEFAULT_LIMIT, MAX_LIMIT = 50, 200

# Parameters that name a place in a list, not the list.
_POSITIONS = ("limit", "cursor", "after", "before")

# As JSON writes numbers.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")

# A time and a digest; DynamoDB refuses to look up a key over a kilobyte.
LONGEST_PLACE = 100


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """One parameter: `read` takes its text and raises BadRequest; without it the value is `default`."""

    name: str
    description: str
    schema: Mapping[str, Any]
    read: Callable[[str], T]
    default: T


@dataclass(frozen=True, slots=True)
class Query:
    """The values of a route's parameters, and a short name of the list that they ask for."""

    values: Mapping[str, Any]
    list_name: str

    def __getitem__(self, parameter: Parameter[T]) -> T:
        """Return a parameter's value; raises KeyError if the route does not declare it."""
        value: T = self.values[parameter.name]
        return value

    def refuse_others(self, parameter: Parameter[Any], others: Iterable[Parameter[Any]]) -> None:
        """Raise BadRequest if one of the other parameters is given beside a parameter."""
        for other in others:
            if other is not parameter and self[other] != other.default:
                raise BadRequest(
                    f"{parameter.name} cannot be combined with {other.name}. Remove one of them."
                )

    def state(self, parameter: "Parameter[dict[str, Any]]") -> dict[str, Any]:
        """Return the state in a cursor, {} without one; raises BadRequest for the cursor of another list."""
        state = self[parameter]
        if state and state.get("of") != self.list_name:
            raise BadRequest(OTHER_LIST if "of" in state else BAD_CURSOR)
        return state

    def cursor(self, state: dict[str, Any]) -> str:
        """Return the cursor of this list that has a state."""
        return cursors.encode({**state, "of": self.list_name})


def query_of(event: APIGatewayProxyEventV2, parameters: Iterable[Parameter[Any]]) -> Query:
    """Read the parameters of a request; raises BadRequest."""
    sent, values, filters = event.query_string_parameters, {}, {}
    for parameter in parameters:
        name = parameter.name
        values[name] = parameter.read(sent[name]) if name in sent else parameter.default
        if name in sent and name not in _POSITIONS:
            filters[name] = sent[name]
    return Query(values, cursors.list_name(event.raw_path, filters))


def text(name: str, description: str) -> Parameter[str | None]:
    """Declare a parameter that takes anything."""
    return Parameter(name, description, {"type": "string"}, str, None)


def whole_number(name: str, description: str, *, most: int, default: T) -> "Parameter[int | T]":
    """Declare a parameter that takes a whole number from 1 to `most`."""

    def read(sent: str) -> int:
        is_short = sent.isascii() and sent.isdigit() and len(sent) <= len(str(most))
        if not (is_short and 1 <= int(sent) <= most):
            raise BadRequest(f"{name} must be a whole number from 1 to {most}.")
        return int(sent)

    schema = {"type": "integer", "minimum": 1, "maximum": most, **({"default": default} if default else {})}
    return Parameter(name, description, schema, read, default)


def seconds(name: str, description: str) -> Parameter[float | None]:
    """Declare a parameter that takes a number of seconds, positive or negative, within a day."""

    def read(sent: str) -> float:
        if not (_NUMBER.fullmatch(sent) and abs(float(sent)) <= LONGEST_SECONDS):
            raise BadRequest(f"{name} must be a number of seconds from -86400 to 86400, such as -7.5.")
        return float(sent)

    schema = {"type": "number", "minimum": -LONGEST_SECONDS, "maximum": LONGEST_SECONDS}
    return Parameter(name, description, schema, read, None)


def flag(name: str, description: str, *, default: T) -> "Parameter[bool | T]":
    """Declare a parameter that takes `true` or `false`."""
    words = one_of(name, description, ("true", "false"))
    return Parameter(name, description, {"type": "boolean"}, lambda sent: words.read(sent) == "true", default)


def one_of(name: str, description: str, values: tuple[str, ...]) -> Parameter[str | None]:
    """Declare a parameter that takes certain words."""

    def read(sent: str) -> str:
        if sent not in values:
            raise BadRequest(f"{name} must be {' or '.join(values)}.")
        return sent

    return Parameter(name, description, {"type": "string", "enum": list(values)}, read, None)


def names(name: str, description: str, *, most: int) -> Parameter[tuple[str, ...]]:
    """Declare a parameter that takes percent-encoded names with commas in between; each counts once."""

    def read(sent: str) -> tuple[str, ...]:
        several = tuple(dict.fromkeys(unquote(each) for each in sent.split(",") if each))
        if not 1 <= len(several) <= most:
            raise BadRequest(f"{name} must be 1 to {most} ids, separated by commas.")
        return several

    return Parameter(name, description, {"type": "string", "examples": ["c1,c2"]}, read, ())


def moment(name: str, description: str) -> Parameter[datetime | None]:
    """Declare a parameter that takes a time."""

    def read(sent: str) -> datetime:
        time = timestamps.parse(sent)
        if time is None:
            raise BadRequest(f"{name} must be a time such as 2026-01-31T12:00:00Z.")
        return time

    return Parameter(name, description, {"type": "string", "format": "date-time"}, read, None)


def read_cursor(text: str) -> dict[str, Any]:
    """Return the state in a cursor, {} for an empty one; raises BadRequest."""
    try:
        return cursors.decode(text) if text else {}
    except cursors.BadCursor:
        raise BadRequest(BAD_CURSOR) from None


def place_in(state: dict[str, Any], name: str) -> str | None:
    """Return the place in a cursor's state; raises BadRequest if it cannot be one of ours."""
    place = state.get(name)
    if not (place is None or (isinstance(place, str) and len(place) <= LONGEST_PLACE)):
        raise BadRequest(BAD_CURSOR)
    return place or None


def _read_tag(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise BadRequest("tag must be a name and a value, as in tag=user:4711.")
    return name, value


LIMIT = whole_number("limit", "The number of entries in a page.", most=MAX_LIMIT, default=DEFAULT_LIMIT)
CURSOR: Parameter[dict[str, Any]] = Parameter(
    "cursor", "Where to continue: the `cursor` of the previous page.", {"type": "string"}, read_cursor, {}
)
SIMULATED = flag("simulated", "`true`: only simulated data. `false`: only real data.", default=None)
TAG: Parameter[tuple[str, str] | None] = Parameter(
    "tag",
    "Only subjects with this tag.",
    {"type": "string", "pattern": ":", "examples": ["user:4711"]},
    _read_tag,
    None,
)
