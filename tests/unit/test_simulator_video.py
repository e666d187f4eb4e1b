"""The simulator's recording is a real video that a browser plays and seeks."""

import io

import av
import pytest

from tavus_callbacks_cli.simulator.video import SECONDS, make_video


@pytest.fixture(scope="module")
def video():
    """Make it once."""
    return make_video()


def test_it_is_h264_of_the_length_announced(video):
    """H.264 in yuv420p, which every browser decodes."""
    with av.open(io.BytesIO(video)) as container:
        [stream] = container.streams.video
        assert ("h264", "yuv420p") == (stream.codec_context.name, stream.codec_context.pix_fmt)
        assert SECONDS == pytest.approx(container.duration / av.time_base, abs=0.1)


def test_it_can_be_seeked(video):
    """A keyframe a second, and the index before the pictures."""
    with av.open(io.BytesIO(video)) as container:
        keyframes = sum(packet.is_keyframe for packet in container.demux(video=0))

    assert SECONDS == keyframes
    assert video.index(b"moov") < video.index(b"mdat")


def test_it_is_small_and_it_moves(video):
    """Some tens of kilobytes, no two frames alike."""
    with av.open(io.BytesIO(video)) as container:
        first, second = (
            bytes(frame.planes[0]) for frame, _ in zip(container.decode(video=0), range(2), strict=False)
        )

    assert len(video) < 200_000
    assert first != second
