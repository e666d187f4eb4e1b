"""The turns of a transcript as sent: which are readable, who speaks, and which is the system prompt.

Names differ: `role` or `speaker`; the replica is `assistant`, `replica`, `agent`, `ai`, or called by its
own name. `content` is text or a list of parts. Facts: docs/tavus.md, "Transcript turns".
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Literal

from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.digests import canonical
from tavus_callbacks.domain.common.view import Moment
from tavus_callbacks.domain.transcripts.tool_calls import AnsweredCall, read_tool_calls
from tavus_callbacks.domain.transcripts.turn_times import Origin, read_times

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
    """One turn: `text` is the speech, `scene` the scene that Raven saw, `speaker` a name that is not a role.

    `start` is in seconds from the start of the conversation, `duration` in seconds. `at` is the time of the
    start; only answers of the API have it.
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
    at: Moment | None = None


@dataclass(frozen=True, slots=True)
class Turns:
    """The readable turns in order of time, how many entries were not readable, and how many came twice.

    `origin` is the time of second 0, if the turns name it.
    """

    turns: tuple[SpokenTurn, ...]
    skipped: int
    repeated: int
    origin: Origin | None


def read_turns(transcript: object) -> Turns:
    """Read a `transcript` member: an array of turns, the same as JSON text, or lines of `role: text`."""
    entries = _entries(transcript)
    objects = [entry for entry in entries if isinstance(entry, dict)]
    starts, origin = read_times(objects)
    pairs = ((entry, _turn(entry, start)) for entry, start in zip(objects, starts, strict=True))
    readable = [(entry, turn) for entry, turn in pairs if turn]
    turns = _drop_repeats([turn for _, turn in readable])
    if turns and _is_prompt(readable[0][0], turns):
        turns[0] = replace(turns[0], role="system")
    skipped, repeated = len(entries) - len(readable), len(readable) - len(turns)
    return Turns(_sort_by_start(turns), skipped, repeated, origin)


def _drop_repeats(turns: list[SpokenTurn]) -> list[SpokenTurn]:
    """Return turns without those that came twice; every member of two equal turns is equal, times too.

    A turn with a start counts once, with turns without a start directly before it, such as a prompt. Without
    a start, somebody may have said the same again. Then a turn that equals the one before it counts once, and
    so does a block of two or more turns at the end that equals the block before it.
    """
    # Texts nearly always differ, and comparing them alone is quick.
    if len({turn.text for turn in turns}) == len(turns):
        return turns
    numbers: dict[Hashable, int] = {}
    numbered: list[tuple[int, SpokenTurn]] = []
    for turn in turns:
        number = numbers.setdefault(_identity(turn), len(numbers))
        if not numbered or numbered[-1][0] != number:
            numbered.append((number, turn))
    # As text, thousands of blocks compare in milliseconds.
    text = "".join(chr(number) for number, _ in numbered)
    while length := _repeated_tail(text):
        text = text[:-length]
    return [turn for _, turn in _first_copies(numbered[: len(text)])]


def _first_copies(numbered: list[tuple[int, SpokenTurn]]) -> list[tuple[int, SpokenTurn]]:
    """Return turns without later copies of those with a start, and of those directly before a copy."""
    places = {number: place for place, (number, _) in reversed(tuple(enumerate(numbered)))}
    copies: set[int] = set()
    for place in range(len(numbered) - 1, -1, -1):
        number, turn = numbered[place]
        first = places[number]
        if first < place and (
            turn.start is not None
            or (place + 1 in copies and numbered[first + 1][0] == numbered[place + 1][0])
        ):
            copies.add(place)
    return [each for place, each in enumerate(numbered) if place not in copies]


def _identity(turn: SpokenTurn) -> Hashable:
    calls = repr(turn.tool_calls) if turn.tool_calls else ""
    times, names = (turn.start, turn.duration), (turn.inference_id, turn.speaker, turn.tool_call_id)
    return turn.role, turn.text, turn.scene, times, names, calls


def _repeated_tail(text: str) -> int:
    """Return the length of the longest end, of two or more characters, that equals what stands before it."""
    lengths = (length for length in range(len(text) // 2, 1, -1) if text[-1 - length] == text[-1])
    return next((length for length in lengths if text[-length:] == text[-2 * length : -length]), 0)


def _sort_by_start(turns: Sequence[SpokenTurn]) -> tuple[SpokenTurn, ...]:
    """Return turns in order of their starts; a turn without one stays behind the turn before it."""
    start = 0.0
    keys = [start := start if turn.start is None else turn.start for turn in turns]
    if keys != sorted(keys):
        turns = [turn for _, turn in sorted(zip(keys, turns, strict=True), key=itemgetter(0))]
    return tuple(turns)


def _entries(transcript: object) -> Sequence[Any]:
    value = lenient_json.parse_embedded(transcript)
    if isinstance(value, str):
        matches = (_LINE.fullmatch(line) for line in value.splitlines() if line.strip())
        return [{"role": match[1], "content": match[2]} if match else None for match in matches]
    # An empty list is a talk in which nothing was said; anything else, or nothing, is a loss to be counted.
    return value if isinstance(value, list) else [None]


def _content(entry: Entry) -> str | None:
    """Return what was said, which can be nothing; a tool's answer can be an object or a list of anything."""
    content = entry.get("content", entry.get("text"))
    if isinstance(content, str):
        return content.strip()
    is_list, is_tool = isinstance(content, list), entry.get("role") == "tool"
    if is_list and (not is_tool or all("type" in lenient_json.mapping(part) for part in content)):
        texts = [text.strip() for text in map(_part_text, content) if text is not None]
        if texts:
            return " ".join(filter(None, texts))
    return canonical(content) if is_tool and (is_list or isinstance(content, dict)) else None


def _part_text(part: object) -> str | None:
    """Return the text of a part: a string, or an object with `text`, which can hold the text as `value`.

    A part of another type, such as a picture, has none.
    """
    if isinstance(part, dict):
        part = part.get("text") if str(part.get("type") or "text").endswith("text") else None
    if isinstance(part, dict):
        part = part.get("value")
    return part if isinstance(part, str) else None


def _turn(entry: Entry, start: float | None) -> SpokenTurn | None:
    """Read a turn; None if it has no speaker, or neither words nor tool calls."""
    speaker = lenient_json.text(entry.get("role")) or lenient_json.text(entry.get("speaker"))
    content, calls = _content(entry), read_tool_calls(entry) if "tool_calls" in entry else ()
    if speaker is None or (content is None and not calls):
        return None
    documented_role = _ROLES.get(speaker.lower())
    # A name that is not a role is the replica's own: seen in a receiver's fixtures.
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
