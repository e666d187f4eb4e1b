"""The transcript of a conversation, chosen from all that were received for it.

Several transcripts can arrive: a copy from Tavus's record, a second delivery, an empty one. The latest by the
sender's time that has turns counts; at the same time, the one with most turns, then with most text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.digests import canonical, digest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.transcripts.tool_calls import ToolAnswer, matching_call_id
from tavus_callbacks.domain.transcripts.turn_times import Origin, origin_rank
from tavus_callbacks.domain.transcripts.turns import SpokenTurn, read_turns

# Replaces a missing time, and sorts before every time.
_UNTIMED = "0000-00-00T00:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Transcript:
    """Turns in order of time; `skipped` entries could not be read, `repeated` ones came twice.

    `origin` is the time of second 0: as the turns name it, or after `align` if it is plausible.
    """

    turns: tuple[SpokenTurn, ...]
    skipped: int
    repeated: int
    origin: Origin | None = None

    @property
    def has_times(self) -> bool:
        """Return whether any turn of user or replica has a start."""
        return any(turn.start is not None for turn in speech_turns(self))


def speech_turns(transcript: Transcript) -> Iterator[SpokenTurn]:
    """Return the turns of user and replica that have words."""
    return (turn for turn in transcript.turns if turn.text and turn.role in ("user", "assistant"))


def read_transcripts(events: Iterable[StoredEvent]) -> list[tuple[StoredEvent, Transcript | None]]:
    """Return each event with its transcript, system turns included; None for an event of another type."""
    return [
        (
            event,
            read_transcript(event.body)
            if event.event_type == event_types.TRANSCRIPT and event.body is not None
            else None,
        )
        for event in events
    ]


def best_transcript(pairs: Iterable[tuple[StoredEvent, Transcript | None]]) -> Transcript | None:
    """Return the transcript that counts among those of a conversation, or None without any."""
    candidates = [(event, transcript) for event, transcript in pairs if transcript is not None]
    # Writing bodies out takes time, and only a choice between several needs it.
    if len(candidates) < 2:  # noqa: PLR2004
        return candidates[0][1] if candidates else None

    def preference(candidate: tuple[StoredEvent, Transcript]) -> tuple[str, str, str]:
        event, transcript = candidate
        return rank(transcript, event.plausible_at), origin_rank(transcript.origin), canonical(event.body)

    return max(candidates, key=preference)[1]


def choose_transcript(events: Iterable[StoredEvent], *, include_system: bool = False) -> Transcript | None:
    """Return the transcript that counts among a conversation's events, or None if none has arrived.

    Turns of the system, and a prompt under the replica's name, are left out unless asked for.
    """
    transcript = best_transcript(read_transcripts(events))
    return transcript if transcript is None or include_system else drop_system_turns(transcript)


def read_transcript(body: dict[str, Any]) -> Transcript:
    """Read the body of a transcript event, system turns included; entries that cannot be read are counted."""
    properties = lenient_json.members(body)
    turns = read_turns(lenient_json.first(properties, "transcript", "transcription"))
    return Transcript(_attach_answers(turns.turns), turns.skipped, turns.repeated, turns.origin)


def drop_system_turns(transcript: Transcript) -> Transcript:
    """Return the transcript without the turns of the system."""
    return replace(transcript, turns=tuple(turn for turn in transcript.turns if turn.role != "system"))


def _attach_answers(turns: tuple[SpokenTurn, ...]) -> tuple[SpokenTurn, ...]:
    """Move answers to their calls; answers without a call stay turns."""
    call_ids = {call.id for turn in turns for call in turn.tool_calls if call.id}
    if not call_ids:
        return turns
    answers: dict[str, list[ToolAnswer]] = {}
    others: list[SpokenTurn] = []
    for turn in turns:
        call_id = matching_call_id(turn.tool_call_id, call_ids) if turn.role == "tool" else None
        if call_id:
            answers.setdefault(call_id, []).append(ToolAnswer(turn.text, turn.start))
        else:
            others.append(turn)
    return tuple(
        replace(
            turn,
            tool_calls=tuple(
                replace(call, answers=tuple(answers.get(call.id or "", ()))) for call in turn.tool_calls
            ),
        )
        if turn.tool_calls
        else turn
        for turn in others
    )


def rank(transcript: Transcript, at: datetime | None) -> str:
    """Return a text by which the transcripts of a conversation compare: the greatest counts.

    It names whether there are turns, the time, the number of turns, the length of their text, the number of
    times, and a digest of it all, in which the system's turns do not count.
    """
    turns = list(speech_turns(transcript))
    size = sum(len(turn.text) for turn in turns)
    timed = sum(turn.start is not None for turn in turns)
    moment = iso(at) if at else _UNTIMED
    lines = (
        f"{turn.role}|{turn.text}|{turn.start}|{turn.duration}|{len(turn.tool_calls)}"
        for turn in transcript.turns
        if turn.role != "system"
    )
    counts = f"{transcript.skipped}|{transcript.repeated}"
    text_digest = digest("\n".join((counts, *lines)), 16)
    return f"{bool(turns):d}|{moment}|{len(turns):07}|{size:09}|{timed:07}|{text_digest}"


@cache
def _adapter() -> TypeAdapter[Transcript]:
    return TypeAdapter(Transcript)


def transcript_view(transcript: Transcript) -> dict[str, Any]:
    """Return a transcript in JSON's own types, with the time of each turn that has a start."""
    view: dict[str, Any] = _adapter().dump_python(transcript, mode="json")
    if transcript.origin:
        # UTC, and without saying so: that takes half as long to write.
        zero = transcript.origin.at.astimezone(UTC).replace(tzinfo=None)
        for turn in view["turns"]:
            if turn["start"] is not None:
                at = zero + timedelta(seconds=turn["start"])
                turn["at"] = at.isoformat("T", "microseconds") + "Z"
    return view
