"""What was said in a conversation, out of the transcripts that came for it.

Several can come: the record's copy, a second delivery, an empty one. The last by the sender's time that has
turns counts; of one time, the one with most turns, then most text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.digests import canonical, digest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.transcripts.tool_calls import AnsweredCall, ToolAnswer, answered_id
from tavus_callbacks.domain.transcripts.turns import SpokenTurn, read_turns

# In the place of a time, and before every time.
_UNTIMED = "0000-00-00T00:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Transcript:
    """Turns in order; `skipped` entries could not be read, `repeated` ones came twice in a row."""

    turns: tuple[SpokenTurn, ...]
    skipped: int
    repeated: int

    @property
    def has_times(self) -> bool:
        """Tell whether any turn that was spoken has a start."""
        return any(turn.text and turn.start is not None for turn in spoken(self))


def spoken(transcript: Transcript) -> Iterator[SpokenTurn]:
    """Return what user and replica said, turns without words left out."""
    return (turn for turn in transcript.turns if turn.text and turn.role in ("user", "assistant"))


def transcript_of(events: Iterable[StoredEvent], *, include_system: bool = False) -> Transcript | None:
    """Return the transcript of a conversation's events, or None where none has come.

    System turns, the prompt under the replica's name too, are left out unless asked for.
    """
    candidates = [
        (read_transcript(event.body), event.plausible_at, event.body)
        for event in events
        if event.event_type == event_types.TRANSCRIPT and event.body is not None
    ]
    if not candidates:
        return None
    transcript = candidates[0][0]
    # Writing bodies out takes time, and only a choice between several needs it.
    if len(candidates) > 1:
        transcript, _, _ = max(candidates, key=lambda each: (rank(*each[:2]), canonical(each[2])))
    return transcript if include_system else without_system(transcript)


def read_transcript(content: dict[str, Any]) -> Transcript:
    """Read one content of a transcript event, system turns included; what cannot be read is counted."""
    said = lenient_json.members(content)
    read = read_turns(lenient_json.first(said, "transcript", "transcription"))
    return Transcript(_answered(read.turns), read.skipped, read.repeated)


def without_system(transcript: Transcript) -> Transcript:
    """Leave the system's turns out."""
    turns = tuple(turn for turn in transcript.turns if turn.role != "system")
    return replace(transcript, turns=turns)


def _answered(turns: tuple[SpokenTurn, ...]) -> tuple[SpokenTurn, ...]:
    """Move answers to their calls; those of no call stay turns."""
    calls = {call.id for turn in turns for call in turn.tool_calls if call.id}
    if not calls:
        return turns
    owners = [answered_id(turn.tool_call_id, calls) if turn.role == "tool" else None for turn in turns]
    answers: dict[str, list[ToolAnswer]] = {}
    for turn, owner in zip(turns, owners, strict=True):
        if owner:
            answers.setdefault(owner, []).append(ToolAnswer(turn.text, turn.start))
    left = (turn for turn, owner in zip(turns, owners, strict=True) if not owner)
    return tuple(_with_answers(turn, answers) for turn in left)


def _with_answers(turn: SpokenTurn, answers: dict[str, list[ToolAnswer]]) -> SpokenTurn:
    if not turn.tool_calls:
        return turn
    return replace(turn, tool_calls=tuple(_with_answer(call, answers) for call in turn.tool_calls))


def _with_answer(call: AnsweredCall, answers: dict[str, list[ToolAnswer]]) -> AnsweredCall:
    return replace(call, answers=tuple(answers.get(call.id or "", ())))


def rank(transcript: Transcript, at: datetime | None) -> str:
    """Write as text, for comparison, which transcript of a conversation counts: the greatest.

    Has it turns, its time, how many, how much text, how many times, and a digest of it all, in which the
    system's turns do not count.
    """
    turns = list(spoken(transcript))
    size = sum(len(turn.text) for turn in turns)
    timed = sum(turn.start is not None for turn in turns)
    moment = iso(at) if at else _UNTIMED
    return f"{bool(turns):d}|{moment}|{len(turns):07}|{size:09}|{timed:07}|{_digest(transcript)}"


def _digest(transcript: Transcript) -> str:
    lines = (
        f"{turn.role}|{turn.text}|{turn.start}|{turn.duration}|{len(turn.tool_calls)}"
        for turn in transcript.turns
        if turn.role != "system"
    )
    counts = f"{transcript.skipped}|{transcript.repeated}"
    return digest("\n".join((counts, *lines)), 16)


@cache
def _adapter() -> TypeAdapter[Transcript]:
    return TypeAdapter(Transcript)


def transcript_view(transcript: Transcript) -> dict[str, Any]:
    """Write a transcript as JSON can hold it."""
    view: dict[str, Any] = _adapter().dump_python(transcript, mode="json")
    return view
