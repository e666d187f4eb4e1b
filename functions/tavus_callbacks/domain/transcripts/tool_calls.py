"""The tools that a transcript's turns called.

Calls come as `{id, name, arguments}` or `{id, function: {name, arguments}}`; `arguments` is JSON text,
but not always valid. Asynchronous tools answer twice, the second time under the id plus `_result`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tavus_callbacks.domain.common import lenient_json

_LATER = "_result"


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """The answer of a tool, and its time in seconds from the start."""

    text: str
    start: float | None


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """A tool call. `arguments` is parsed if `arguments_are_json`, otherwise the text as sent."""

    id: str | None
    name: str | None
    arguments: Any
    arguments_are_json: bool
    answers: tuple[ToolAnswer, ...] = ()


def read_tool_calls(turn: Mapping[str, Any]) -> tuple[AnsweredCall, ...]:
    """Read a turn's calls; entries that are not objects are left out."""
    calls = turn.get("tool_calls")
    if not isinstance(calls, list):
        return ()
    return tuple(_tool_call(call) for call in calls if isinstance(call, dict))


def _tool_call(call: Mapping[str, Any]) -> AnsweredCall:
    members = {**call, **lenient_json.mapping(call.get("function"))}
    arguments = lenient_json.parse_embedded(lenient_json.first(members, "arguments", "args"))
    is_empty = arguments is None or arguments == ""
    return AnsweredCall(
        id=lenient_json.first_text(call, "id", "tool_call_id"),
        name=lenient_json.first_text(members, "name"),
        arguments={} if is_empty else arguments,
        arguments_are_json=is_empty or not isinstance(arguments, str),
    )


def matching_call_id(tool_call_id: str | None, call_ids: Collection[str]) -> str | None:
    """Return the id of the call that an answer belongs to, or None."""
    candidates = (tool_call_id, (tool_call_id or "").removesuffix(_LATER))
    return next((candidate for candidate in candidates if candidate in call_ids), None)
