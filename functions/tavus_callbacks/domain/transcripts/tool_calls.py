"""The tools that a transcript's turns called, joined to their answers.

Calls come as `{id, name, arguments}` or `{id, function: {name, arguments}}`; `arguments` is JSON text, not
always valid. Asynchronous tools answer twice, the second time under the id plus `_result`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tavus_callbacks.domain.common import lenient_json

_LATER = "_result"


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool answered, and when, in seconds from the start."""

    text: str
    start: float | None


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """A call; `arguments` is parsed where `arguments_are_json`, else the text as it came."""

    id: str | None
    name: str | None
    arguments: Any
    arguments_are_json: bool
    answers: tuple[ToolAnswer, ...] = ()


def tool_calls(turn: Mapping[str, Any]) -> tuple[AnsweredCall, ...]:
    """Read a turn's calls; what is no object is none."""
    calls = turn.get("tool_calls")
    if not isinstance(calls, list):
        return ()
    return tuple(_tool_call(call) for call in calls if isinstance(call, dict))


def _tool_call(call: Mapping[str, Any]) -> AnsweredCall:
    both = {**call, **lenient_json.mapping(call.get("function"))}
    arguments = lenient_json.structured(lenient_json.first(both, "arguments", "args"))
    empty = arguments is None or arguments == ""
    return AnsweredCall(
        id=lenient_json.first_text(call, "id", "tool_call_id"),
        name=lenient_json.first_text(both, "name"),
        arguments={} if empty else arguments,
        arguments_are_json=empty or not isinstance(arguments, str),
    )


def answered_id(tool_call_id: str | None, calls: Iterable[str]) -> str | None:
    """Return which of the calls an answer's id belongs to."""
    known = set(calls)
    candidates = (tool_call_id, (tool_call_id or "").removesuffix(_LATER))
    return next((one for one in candidates if one in known), None)
