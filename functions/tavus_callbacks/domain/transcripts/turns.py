"""The turns of a transcript as sent: which are readable, who speaks, and which is the system prompt.

Names differ: `role` or `speaker`; the replica is `assistant`, `replica`, `agent`, `ai`, or called by its
own name. Facts: docs/tavus.md, "Transcript turns".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.digests import canonical
from tavus_callbacks.domain.transcripts.tool_calls import AnsweredCall, read_tool_calls
from tavus_callbacks.domain.transcripts.turn_times import start_times

Role = Literal["user", "assistant", "system", "tool"]

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("assistant", "replica", "face", "pal", "persona", "agent", "ai", "bot"), "assistant"),
    **dict.fromkeys(("user", "human", "participant", "customer"), "user"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function"), "tool"),
}

# How Raven of early 2025 put speech and picture into one text.
_SPEECH_AND_SCENE = re.compile(r"\s*USER[_ ]SPEECH:|\s*VISUAL[_ ]SCENE:")
_SCENE = re.compile(r"VISUAL[_ ]SCENE:")
_SPEECH = re.compile(r"USER[_ ]SPEECH:")

# See `_is_prompt`.
_PROMPT_SIZE, _PROMPT_RATIO = 600, 3
_SPEECH_MEMBERS = ("seconds_from_start", "duration", "inference_id", "tool_calls")

_LINE = re.compile(r"([^:]{1,40}):(.*)")

Entry = Mapping[str, Any]


# Not frozen: a long transcript has thousands, and a frozen one takes three times as long to make.
@dataclass(slots=True)
class SpokenTurn:
    """One turn: `text` is what was said, `scene` what Raven saw, `speaker` a name that is no role.

    `start` is in seconds from the start of the conversation, `duration` in seconds.
    """

    role: Role
    text: str
    start: float | None = None
    duration: float | None = None
    inference_id: str | None = None
    speaker: str | None = None
    scene: str | None = None
    tool_call_id: str | None = None
    tool_calls: tuple[AnsweredCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Turns:
    """The readable turns in order, how many entries were not readable, and how many came twice in a row."""

    turns: tuple[SpokenTurn, ...]
    skipped: int
    repeated: int


def read_turns(transcript: object) -> Turns:
    """Read a `transcript` member: an array of turns, the same as JSON text, or lines of `role: text`."""
    entries = _entries(transcript)
    objects = [entry for entry in entries if isinstance(entry, dict)]
    pairs = ((entry, _turn(entry, start)) for entry, start in zip(objects, start_times(objects), strict=True))
    readable = [(entry, turn) for entry, turn in pairs if turn]
    turns = [
        turn
        for previous, turn in pairwise((None, *(turn for _, turn in readable)))
        # Texts nearly always differ, and comparing them alone is quick.
        if turn and (previous is None or turn.text != previous.text or turn != previous)
    ]
    if turns and _is_prompt(readable[0][0], turns):
        turns[0] = replace(turns[0], role="system")
    return Turns(tuple(turns), len(entries) - len(readable), len(readable) - len(turns))


def _entries(transcript: object) -> Sequence[Any]:
    value = lenient_json.parse_embedded(transcript)
    if isinstance(value, str):
        matches = (_LINE.fullmatch(line) for line in value.splitlines() if line.strip())
        return [{"role": match[1], "content": match[2]} if match else None for match in matches]
    # An empty list is a talk in which nothing was said; anything else, or nothing, is a loss to be counted.
    return value if isinstance(value, list) else [None]


def _content(entry: Entry) -> str | None:
    """Return what was said, which can be nothing; a tool's answer can be an object."""
    content = entry.get("content", entry.get("text"))
    if isinstance(content, str):
        return content.strip()
    is_answer = isinstance(content, dict | list) and entry.get("role") == "tool"
    return canonical(content) if is_answer else None


def _turn(entry: Entry, start: float | None) -> SpokenTurn | None:
    """Read a turn; None if it has no speaker, or neither words nor tool calls."""
    speaker = lenient_json.text(entry.get("role")) or lenient_json.text(entry.get("speaker"))
    content, calls = _content(entry), read_tool_calls(entry) if "tool_calls" in entry else ()
    if speaker is None or (content is None and not calls):
        return None
    documented_role = _ROLES.get(speaker.lower())
    # A name that is no role is the replica's own: seen in a receiver's fixtures.
    role = documented_role or "assistant"
    text, scene = content or "", None
    if role == "user" and _SPEECH_AND_SCENE.match(text):
        speech, *scenes = _SCENE.split(text, maxsplit=1)
        text, scene = _SPEECH.sub("", speech, count=1).strip(), lenient_json.text("".join(scenes))
    return SpokenTurn(
        role,
        text,
        start,
        lenient_json.seconds(entry.get("duration")),
        lenient_json.text(entry.get("inference_id")),
        None if documented_role else speaker,
        scene,
        lenient_json.text(entry["tool_call_id"]) if "tool_call_id" in entry else None,
        calls,
    )


def _is_prompt(first: Entry, turns: Sequence[SpokenTurn]) -> bool:
    """Return whether a transcript's first turn is the system prompt under the replica's name.

    A prompt has at least 600 characters and three times the replica's longest later turn. It has nothing that
    only speech has: seconds from the start, duration, inference id, tool calls. A `timestamp` shows nothing,
    because prompts have one too.
    """
    if turns[0].role != "assistant" or any(first.get(name) is not None for name in _SPEECH_MEMBERS):
        return False
    longest = max((len(turn.text) for turn in turns[1:] if turn.role == "assistant"), default=0)
    return len(turns[0].text) >= max(_PROMPT_SIZE, _PROMPT_RATIO * longest)
