"""Bodies of a given size: transcripts with words of the licence, which deflate less than speech."""

import json
import random
from pathlib import Path
from typing import Any

KILOBYTE = 1024
SIZES = (300, 2 * KILOBYTE, 31 * KILOBYTE, 200 * KILOBYTE)
LARGEST = 4 * KILOBYTE * KILOBYTE

_LICENCE = Path(__file__).resolve().parents[2] / "LICENSE"


def transcript(conversation_id: str, size: int) -> dict[str, Any]:
    """Return a transcript of about `size` bytes of JSON, the same one for the same arguments."""
    words, chance = _LICENCE.read_text(encoding="utf-8").split(), random.Random(size)  # noqa: S311 - no secret
    turns: list[dict[str, str]] = []
    body = {
        "event_type": "application.transcription_ready",
        "message_type": "application",
        "conversation_id": conversation_id,
        "timestamp": "2026-11-20T10:00:00.000000Z",
        "properties": {"replica_id": "r4f9b2c1d8e7", "transcript": turns},
    }
    missing = size - len(json.dumps(body))
    while missing > 0:
        content = " ".join(chance.choices(words, k=12))[: max(1, missing - 32)]
        turns.append({"role": ("user", "assistant")[len(turns) % 2], "content": content})
        missing -= len(json.dumps(turns[-1])) + (2 if len(turns) > 1 else 0)
    return body


def name(size: int) -> str:
    """Return a size as people write it."""
    if size >= KILOBYTE * KILOBYTE:
        return f"{size // KILOBYTE // KILOBYTE} MB"
    return f"{size} B" if size < KILOBYTE else f"{size // KILOBYTE} KB"
