"""The simulator's recording is a real video that a browser plays and seeks, and that shows its own clock."""

import io

import av
import pytest

from clock import read_clock
from tavus_callbacks_cli.simulator import video as simulator_video
from tavus_callbacks_cli.simulator.video import SECONDS, cached_video, make_video


@pytest.fixture(scope="module")
def video():
    """Make it once."""
    return make_video()


def test_it_is_h264_of_the_length_announced(video):
    """H.264 in yuv420p, which every browser decodes, of 45 to 60 s."""
    with av.open(io.BytesIO(video)) as container:
        [stream] = container.streams.video
        assert ("h264", "yuv420p") == (stream.codec_context.name, stream.codec_context.pix_fmt)
        assert SECONDS == pytest.approx(container.duration / av.time_base, abs=0.1)
    assert 45 <= SECONDS <= 60


def test_it_is_small_and_can_be_seeked(video):
    """It has a keyframe a second, and the index before the pictures."""
    with av.open(io.BytesIO(video)) as container:
        keyframes = sum(packet.is_keyframe for packet in container.demux(video=0))

    assert SECONDS == keyframes
    assert video.index(b"moov") < video.index(b"mdat")
    assert len(video) < 1_000_000


def test_every_frame_shows_its_time(video):
    """The clock can be read in each decoded frame, to the tenth of a second."""
    with av.open(io.BytesIO(video)) as container:
        clocks = [(frame.time, read_clock(frame)) for frame in container.decode(video=0)]

    assert SECONDS * 10 == len(clocks)
    assert [(time, pytest.approx(time, abs=0.01)) for time, _ in clocks] == clocks


def test_it_is_made_once(tmp_path, monkeypatch):
    """The file is kept, and another version of the module makes another one."""
    made = []
    monkeypatch.setattr(simulator_video, "make_video", lambda: made.append(1) or b"video")
    folder = tmp_path / "state"

    first, again = cached_video(folder), cached_video(folder)
    other = tmp_path / "video.py"
    other.write_text("# another version")
    monkeypatch.setattr(simulator_video, "__file__", str(other))
    cached_video(folder)

    assert (b"video", b"video", [1, 1]) == (first, again, made)
    assert 2 == len(list(folder.iterdir()))
