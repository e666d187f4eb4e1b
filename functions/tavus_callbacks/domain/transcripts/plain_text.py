"""A transcript as people read it: one line a turn."""

from collections.abc import Iterator

from tavus_callbacks.domain.transcripts.tool_calls import AnsweredCall
from tavus_callbacks.domain.transcripts.transcript import Transcript
from tavus_callbacks.domain.transcripts.turns import Role, SpokenTurn

NAMES: dict[Role, str] = {"user": "User", "assistant": "Replica", "system": "System", "tool": "Tool"}


def dialogue(transcript: Transcript) -> str:
    """Write a transcript as lines of `[m:ss] Name: text`; no text can look like a turn of its own."""
    return "".join(f"{line}\n" for turn in transcript.turns for line in _lines(turn))


def one_line(text: str) -> str:
    """Put a text on one line."""
    return " ".join(text.split())


def _lines(turn: SpokenTurn) -> Iterator[str]:
    moment = "" if turn.start is None else f"[{_clock(turn.start)}] "
    if turn.text:
        yield f"{moment}{NAMES[turn.role]}: {one_line(turn.text)}"
    for call in turn.tool_calls:
        yield f"{moment}({_called(call)})"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _called(call: AnsweredCall) -> str:
    answers = "".join(f" -> {one_line(answer.text)}" for answer in call.answers)
    return f"Tool {one_line(call.name or 'without a name')}{answers}"
