"""Reads the clock that the simulator's video shows."""

import io
from itertools import takewhile
from typing import TYPE_CHECKING

import av

from tavus_callbacks_cli.simulator.video import BARS, DIGITS_LEFT, LIT, TOP, UNIT

if TYPE_CHECKING:
    from av import VideoFrame

# Halfway between black and white.
_BRIGHT = 128


def read_clock(frame: "VideoFrame") -> float:
    """Return the seconds that a decoded frame shows."""
    plane = frame.planes[0]
    pixels = bytes(plane)

    def is_lit(left: int, bar: tuple[int, int, int, int]) -> bool:
        # The middle of a bar, where no other bar is.
        column, row, width, height = bar
        x, y = left + (2 * column + width) * UNIT // 2, TOP + (2 * row + height) * UNIT // 2
        return pixels[y * plane.line_size + x] > _BRIGHT

    lit = ("".join(str(int(is_lit(left, bar))) for bar in BARS) for left in DIGITS_LEFT)
    seconds, unit, tenth = map(LIT.index, lit)
    return seconds * 10 + unit + tenth / 10


def clock_at(video: bytes, seconds: float) -> float:
    """Return what the clock shows when a player has jumped to a time."""
    with av.open(io.BytesIO(video)) as container:
        [stream] = container.streams.video
        container.seek(int(seconds / stream.time_base), stream=stream)
        # A player shows the last frame that is not later.
        frames = takewhile(lambda frame: frame.time <= seconds, container.decode(stream))
        return [read_clock(frame) for frame in frames][-1]
