"""A small real video: H.264 in MP4, with a moving pattern and a clock that shows the effect of seeking.

It has a keyframe every second and the index in front, so that a browser plays it before it is complete.
"""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import VideoFrame

SECONDS = 6
_WIDTH, _HEIGHT, _RATE = 320, 180, 25

_BLACK, _WHITE, _NO_COLOUR = 16, 235, 128

# The clock shows seconds and hundredths, as four digits of seven bars. Values: corner and size, in bars.
_BAR, _LEFT, _TOP, _STEP = 8, 44, 54, 60
_BARS = {
    "above": (0, 0, 5, 1),
    "upper left": (0, 0, 1, 5),
    "upper right": (4, 0, 1, 5),
    "middle": (0, 4, 5, 1),
    "lower left": (0, 4, 1, 5),
    "lower right": (4, 4, 1, 5),
    "below": (0, 8, 5, 1),
}
# For each digit, which bars are lit, in their order.
_LIT = (
    0b1110111,
    0b0010010,
    0b1011101,
    0b1011011,
    0b0111010,
    0b1101011,
    0b1101111,
    0b1010010,
    0b1111111,
    0b1111011,
)


def make_video(seconds: int = SECONDS) -> bytes:
    """Return an MP4 of the given length; about 10 KB a second."""
    import av

    # It needs a file: moving the index to the front reads what was written.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.mp4"
        with av.open(path, "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=_RATE, options={"preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
            stream.codec_context.gop_size = _RATE
            for number in range(seconds * _RATE):
                frame = av.VideoFrame(_WIDTH, _HEIGHT, "yuv420p")
                _fill(frame, number)
                frame.pts, frame.time_base = number, Fraction(1, _RATE)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path.read_bytes()


def _fill(frame: "VideoFrame", number: int) -> None:
    # Grey stripes that move a little with every frame.
    stripes = bytes(_BLACK + (column // 2) % 80 for column in range(3 * _WIDTH))
    start = 2 * number % _WIDTH
    picture = bytearray(stripes[start : start + _WIDTH] * _HEIGHT)
    for place, digit in enumerate(f"{number // _RATE:02}{number % _RATE * 100 // _RATE:02}"):
        _draw(picture, _LEFT + place * _STEP, int(digit))
    brightness, *colours = frame.planes
    brightness.update(bytes(picture))
    for colour in colours:
        colour.update(bytes([_NO_COLOUR]) * colour.buffer_size)


def _draw(picture: bytearray, left: int, digit: int) -> None:
    lit = f"{_LIT[digit]:07b}"
    for is_lit, (column, row, width, height) in zip(lit, _BARS.values(), strict=True):
        if is_lit == "1":
            start = left + column * _BAR
            for line in range(_TOP + row * _BAR, _TOP + (row + height) * _BAR):
                first = line * _WIDTH + start
                picture[first : first + width * _BAR] = bytes([_WHITE]) * (width * _BAR)
