"""A small real video: H.264 in MP4, that shows its own clock, so that seeking and subtitles can be checked.

It has a keyframe every second and the index in front, so that a browser plays it before it is complete.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from tavus_callbacks_cli.output.files import replace_file

if TYPE_CHECKING:
    from av import VideoFrame

SECONDS = 50
# A frame for each tenth of a second.
_RATE = 10
_WIDTH, _HEIGHT = 320, 180

_BLACK, _GREY, _WHITE, _NO_COLOUR = 16, 80, 235, 128

# The clock shows seconds and tenths, as `07.5`. A digit is seven bars: corner and size, in UNITs of pixels.
UNIT, TOP, DIGITS_LEFT = 12, 30, (46, 118, 214)
BARS = ((0, 0, 5, 1), (0, 0, 1, 5), (4, 0, 1, 5), (0, 4, 5, 1), (0, 4, 1, 5), (4, 4, 1, 5), (0, 8, 5, 1))
# For each digit, which bars are lit, in their order.
LIT = (
    *("1110111", "0010010", "1011101", "1011011", "0111010"),
    *("1101011", "1101111", "1010010", "1111111", "1111011"),
)
_POINT = (190, 126, UNIT, UNIT)
# A line below the clock grows over the length of the video.
_LINE_TOP, _LINE_HEIGHT = 156, 8


def cached_video(folder: Path) -> bytes:
    """Return the video; it is made once for each version of this module, and kept in a folder."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    file = folder / f"recording-{version}.mp4"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(file, make_video())
    return file.read_bytes()


def make_video(seconds: int = SECONDS) -> bytes:
    """Return an MP4 of the given length."""
    import av

    # It needs a file: moving the index to the front reads what was written.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.mp4"
        with av.open(path, "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=_RATE, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
            stream.codec_context.gop_size = _RATE
            for number, picture in enumerate(_pictures(seconds * _RATE)):
                frame = av.VideoFrame(_WIDTH, _HEIGHT, "yuv420p")
                _fill(frame, picture)
                frame.pts, frame.time_base = number, Fraction(1, _RATE)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path.read_bytes()


def _fill(frame: "VideoFrame", picture: bytes) -> None:
    brightness, *colours = frame.planes
    brightness.update(picture)
    for colour in colours:
        colour.update(bytes([_NO_COLOUR]) * colour.buffer_size)


def _pictures(count: int) -> Iterator[bytes]:
    """Yield the brightness of each frame."""
    picture = bytearray([_BLACK]) * (_WIDTH * _HEIGHT)
    _paint(picture, _POINT, _WHITE)
    shown = ""
    for number in range(count):
        clock = f"{number // _RATE:02}{number % _RATE}"
        for place, digit in enumerate(clock):
            if digit != shown[place : place + 1]:
                _paint_digit(picture, DIGITS_LEFT[place], int(digit))
        shown = clock
        _paint(picture, (0, _LINE_TOP, _WIDTH * (number + 1) // count, _LINE_HEIGHT), _GREY)
        yield bytes(picture)


def _paint_digit(picture: bytearray, left: int, digit: int) -> None:
    # Lit bars last: bars share their corners.
    for is_lit, (column, row, width, height) in sorted(zip(LIT[digit], BARS, strict=True)):
        box = (left + column * UNIT, TOP + row * UNIT, width * UNIT, height * UNIT)
        _paint(picture, box, _WHITE if is_lit == "1" else _BLACK)


def _paint(picture: bytearray, box: tuple[int, int, int, int], brightness: int) -> None:
    left, top, width, height = box
    for start in range(top * _WIDTH + left, (top + height) * _WIDTH + left, _WIDTH):
        picture[start : start + width] = bytes([brightness]) * width
