"""A recording in a real browser: it plays and seeks, its link ends in time, it is saved by a good name."""

import boto3
import httpx
import pytest
from browsing import empty_pages

from tavus_callbacks_cli.simulator.video import SECONDS

pytestmark = pytest.mark.more

HOUR = 3600

# The text on the screen, to compare.
PICTURE = """video => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext('2d').drawImage(video, 0, 0);
  return canvas.toDataURL();
}"""
SEEK = """(video, seconds) => new Promise(resolve => {
  video.pause();
  video.addEventListener('seeked', () => resolve(video.currentTime), {once: true});
  video.currentTime = seconds;
})"""
# Past the browser's own cache, which holds the recording by then.
RANGE = "async url => (await fetch(url, {cache: 'no-store', headers: {range: 'bytes=100-199'}})).status"


# Two ranges are not a simple header: the browser asks by a preflight first.
PARTS = """async url => {
  const answers = [];
  for (const range of ['bytes=100-199', 'bytes=0-1,5-6']) {
    const answer = await fetch(url, {cache: 'no-store', headers: {range}}).catch(error => error);
    answers.push([answer.status || answer.name, answer.headers && answer.headers.get('content-range')]);
  }
  return answers;
}"""


def fresh_link(recorded) -> str:
    """Return where the API redirects to."""
    answer = httpx.get(recorded.path, headers=recorded.authorization, trust_env=False)
    assert 302 == answer.status_code
    return answer.headers["location"]


def test_a_recording_plays_and_seeks(page, recorded):
    """The browser follows the redirect to the CDN, knows the length, plays on and jumps."""
    answer = page.goto(recorded.path)

    assert page.url.startswith(recorded.stack.outputs["CdnUrl"])
    assert recorded.path == answer.request.redirected_from.url
    assert answer.status in (200, 206)
    assert "video/mp4" == answer.headers["content-type"]

    video = page.wait_for_selector("video")
    page.wait_for_function("video => video.readyState >= 2", arg=video)
    assert SECONDS == pytest.approx(video.evaluate("video => video.duration"), abs=0.1)

    video.evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("video => video.currentTime > 1", arg=video, timeout=10_000)
    assert not video.evaluate("video => video.paused || video.error")
    early = video.evaluate(PICTURE)

    assert 4.5 == pytest.approx(video.evaluate(SEEK, 4.5), abs=0.1)
    assert early != video.evaluate(PICTURE)


def test_who_watches_longer_than_the_parameter_says_still_seeks(page, recorded, clock):
    """The link outlives the recording by an hour, and the parameter's minutes do not end it."""
    page.goto(recorded.path)
    clock.ahead = HOUR / 2

    assert 206 == page.evaluate(RANGE, page.url)

    clock.ahead = HOUR + SECONDS + 60
    assert 403 == page.evaluate(RANGE, page.url)


def test_an_expired_link_shows_403(page, recorded, clock):
    """Whoever has it sees a refusal, and nothing of the recording."""
    link = fresh_link(recorded)
    clock.ahead = 2 * HOUR

    answer = page.goto(link)

    assert 403 == answer.status
    assert "AccessDenied" in page.content()
    assert page.query_selector("video") is None


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("Expires=1", "Expires=2"),
        ("/tavus/csim", "/tavus/cSim"),
        ("mp4&", "webm&"),
        ("Signature=", "Signature=A"),
    ],
)
def test_an_altered_link_shows_403(part, other, page, recorded):
    """A later end, another object, another type, another signature: one character is enough."""
    link = fresh_link(recorded)
    assert part in link

    assert 403 == page.goto(link.replace(part, other)).status
    assert page.query_selector("video") is None


def test_without_a_signature_nothing_is_shown(page, recorded):
    """The bare address of the object is refused."""
    assert 403 == page.goto(fresh_link(recorded).partition("?")[0]).status


def test_a_saved_recording_has_a_readable_name_and_every_byte(page, recorded, tmp_path):
    """Conversation and recording are in the file's name; the bytes are the object's."""
    link = httpx.get(f"{recorded.path}?format=json", headers=recorded.authorization, trust_env=False).json()
    page.goto(f"{recorded.stack.api_url}/openapi.json")

    with page.expect_download() as started:
        page.evaluate("url => { window.location.href = url; }", f"{recorded.path}?download=true")
    started.value.save_as(tmp_path / "saved.mp4")

    expected = f"{recorded.conversation_id}-{link['recording_id']}.mp4"
    assert expected == started.value.suggested_filename
    assert object_of(recorded, link["recording_id"]) == (tmp_path / "saved.mp4").read_bytes()


def object_of(recorded, recording_id: str) -> bytes:
    """Read the object itself from the embedded S3."""
    session = boto3.Session(
        recorded.stack.aws_access_key_id,
        recorded.stack.aws_secret_access_key,
        region_name=recorded.stack.region,
    )
    s3 = session.client("s3", endpoint_url=recorded.stack.endpoint_url)
    bucket, key = (
        recorded.stack.outputs["RecordingsBucketName"],
        f"tavus/{recorded.conversation_id}/{recording_id}",
    )
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_the_script_of_an_allowed_page_reads_ranges(stranger, recorded, elsewhere):
    """From another origin, with and without a preflight, and it sees which part it got."""
    link = fresh_link(recorded)
    stranger.goto(elsewhere)

    (status, part), (several, _) = stranger.evaluate(PARTS, link)

    assert 206 == status
    assert part.startswith("bytes 100-199/")
    assert several in (200, 206)


def test_the_script_of_any_other_page_reads_nothing(stranger, recorded):
    """The browser keeps it from who is not named, preflight or not."""
    link = fresh_link(recorded)
    with empty_pages() as other:
        stranger.goto(other)

        assert [["TypeError", None]] * 2 == stranger.evaluate(PARTS, link)
