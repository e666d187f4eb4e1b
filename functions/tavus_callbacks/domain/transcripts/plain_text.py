"""A transcript as people read it: one line a turn."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tavus_callbacks.domain.transcripts.transcript import Transcript
    from tavus_callbacks.domain.transcripts.turns import Role

NAMES: "dict[Role, str]" = {"user": "User", "assistant": "Replica", "system": "System", "tool": "Tool"}


def to_plain_text(transcript: "Transcript") -> str:
    """Write a transcript as lines of `[m:ss] Name: text`; no text can look like a turn of its own."""
    lines: list[str] = []
    for turn in transcript.turns:
        minutes, seconds = divmod(int(turn.start or 0), 60)
        time = "" if turn.start is None else f"[{minutes}:{seconds:02}] "
        if turn.text:
            lines.append(f"{time}{NAMES[turn.role]}: {to_one_line(turn.text)}\n")
        for call in turn.tool_calls:
            answers = "".join(f" -> {to_one_line(answer.text)}" for answer in call.answers)
            lines.append(f"{time}(Tool {to_one_line(call.name or 'without a name')}{answers})\n")
    return "".join(lines)


def to_one_line(text: str) -> str:
    """Put a text on one line."""
    return " ".join(text.split())
