"""The player: captions, highlight and the picture agree, links are renewed, and offsets stay."""

import io
import re
import time
from datetime import UTC, datetime, timedelta

import av
import console_corpus as corpus_of
import pytest
from browsing import ready

from clock import read_clock
from tavus_callbacks_cli.console.links import conversation_address

pytestmark = pytest.mark.more

# Seconds from the joining, by how the turn begins.
TURNS = {"Lovely.": 20.629, "Heron is yours": 34.73, "Perfect": 44.4}
AFTER_JOINING = {"7.5 s after": 7.5, "2 s before": -2.0}
# In the recording whose start is unknown, a person hears the first turn at this second.
HEARD = 10.3
AGREE = 0.3
LINK = re.compile(r"/recordings/[^/]+format=json")

SEEK = """(video, seconds) => new Promise((resolve) => {
  video.pause();
  const drawn = () => requestAnimationFrame(() => requestAnimationFrame(resolve));
  video.addEventListener('seeked', drawn, {once: true});
  video.currentTime = seconds;
})"""
CAPTION = "(video) => [...video.textTracks[0].activeCues ?? []].map((cue) => cue.text).join(' ')"
# Controls and captions lie over the clock in the picture.
BARE = """(video, isBare) => {
  video.controls = !isBare;
  video.textTracks[0].mode = isBare ? 'hidden' : 'showing';
}"""


def until(page, condition, what: str, seconds: float = 8):
    """Wait until a function returns something true, while the page's requests are answered."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(50)


def open_talk(visitor, id_: str, query: str = ""):
    """Open a conversation."""
    return ready(visitor.open(f"#/conversations/{id_}{query}"))


def play(page):
    """Press play, and return the video once it moves."""
    page.get_by_role("button", name="Play the recording").click()
    video = page.locator("video")
    until(page, lambda: video.evaluate("video => video.currentTime > 0.1"), "The video does not play.")
    return video


def turn(page, beginning: str):
    """Return a turn by the beginning of its text."""
    return page.locator(".turn").filter(has_text=beginning).first


def is_current(page, beginning: str) -> bool:
    """Return whether a turn is highlighted."""
    return turn(page, beginning).get_attribute("aria-current") == "true"


def clock_of(video) -> float:
    """Return the seconds that the picture shows."""
    video.evaluate(BARE, True)
    picture = video.screenshot()
    video.evaluate(BARE, False)
    with av.open(io.BytesIO(picture), format="png_pipe") as container:
        frame = next(container.decode(video=0))
    return read_clock(frame.reformat(width=320, height=180, format="gray"))


def assert_agrees(page, video, beginning: str, begins: float) -> None:
    """Assert that a turn is said in the picture when it is highlighted and its caption is shown."""
    for offset, state in ((AGREE, (True, True)), (-AGREE, (False, False))):
        at = begins + offset
        video.evaluate(SEEK, at)
        assert at == pytest.approx(clock_of(video), abs=0.11)
        deadline = time.monotonic() + 5
        while state != (seen := (is_current(page, beginning), beginning in video.evaluate(CAPTION))):
            assert time.monotonic() < deadline, f"{beginning} at {at} s, highlight and caption: {seen}"
            page.wait_for_timeout(50)


@pytest.mark.parametrize("start", AFTER_JOINING)
def test_captions_highlight_and_picture_agree(start, visitor, corpus):
    """Within 0.3 s, for a recording that starts after the joining or before it."""
    page = open_talk(visitor, corpus.recorded[start])
    assert "from the start time of the recording" in page.locator(".player").inner_text()
    video = play(page)

    for beginning, from_joining in TURNS.items():
        assert_agrees(page, video, beginning, from_joining - AFTER_JOINING[start])


def test_an_unknown_start_is_told_by_ear(visitor, corpus):
    """“Said now” on the turn that is heard sets the offset; a reload and another tab keep it."""
    id_ = corpus.recorded["unknown"]
    page = open_talk(visitor, id_)
    assert 0 == page.locator(".turn[aria-current]").count()
    video = play(page)
    video.evaluate(SEEK, HEARD)
    first, *others = TURNS
    turn(page, first).hover()
    turn(page, first).get_by_role("button", name="Said now").click()

    for beginning in others:
        assert_agrees(page, video, beginning, TURNS[beginning] - TURNS[first] + HEARD)

    page = open_talk(visitor, id_)
    assert "set by hand" in page.locator(".player").inner_text()
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("The API does not know when the recording starts").wait_for()


def test_the_address_of_a_match_signs_in_and_shows_its_turn(browser, console, corpus):
    """The link that `search` prints needs nothing else: it opens the conversation at the turn."""
    id_, beginning = corpus.recorded["7.5 s after"], "Lovely."
    context = browser.new_context()
    page = context.new_page()
    page.goto(conversation_address(console.address, id_, TURNS[beginning]))

    until(page, lambda: is_current(page, beginning), "The turn is not highlighted.")
    context.close()


def test_an_offset_is_nudged_copied_and_kept(visitor, corpus):
    """`[` and `]` move turns by 0.1 s; the copied link carries offset and moment to another browser."""
    id_ = corpus.recorded["7.5 s after"]
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=visitor.site.origin)
    page = open_talk(visitor, id_)
    video = play(page)
    page.locator("main").focus()
    for _ in range(3):
        page.keyboard.press("]")
    video.evaluate(SEEK, 30)
    page.get_by_text("\u22127.2 s").wait_for()

    page.get_by_role("button", name="Copy link", exact=True).click()
    page.get_by_role("button", name="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{visitor.site.origin}/#/conversations/{id_}?")
    page.get_by_role("button", name="Reset").click()

    page = ready(visitor.open(link.partition("/#")[2].join(("#", ""))))
    page.get_by_text("from the link").wait_for()
    page.get_by_role("button", name="Play from 0:30").click()
    video = page.locator("video")
    until(
        page,
        lambda: 30 <= video.evaluate("video => video.currentTime") < 40,
        "The link does not lead to its moment.",
    )


def test_copied_is_said_only_if_it_was(visitor, corpus):
    """Where the browser refuses the clipboard, the button says so."""
    page = visitor.blank()
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('refused'));")
    page.reload()
    page.goto(f"{visitor.site.origin}/#/conversations/{corpus.recorded['7.5 s after']}")
    ready(page).get_by_role("button", name="Copy id").click()

    page.get_by_role("button", name="Not copied").wait_for()


def test_a_link_is_asked_for_when_it_is_needed(visitor, corpus):
    """Not before play is pressed, and again when less than five minutes are left; the position stays."""
    page = visitor.blank()
    id_, asked = corpus.recorded["7.5 s after"], []

    def answer(route):
        link = corpus_of.read(corpus.stack, f"/conversations/{id_}/recordings/latest?format=json")
        # The first one ends soon: after a second, less than five minutes are left.
        if not asked:
            link["expires_at"] = (datetime.now(UTC) + timedelta(minutes=5, seconds=1)).isoformat()
        asked.append(route.request.url)
        route.fulfill(json=link)

    page.route(LINK, answer)
    page.goto(f"{visitor.site.origin}/#/conversations/{id_}")
    ready(page)
    assert [] == asked
    turn(page, "Heron is yours").locator("button.at").click()
    video = page.locator("video")
    until(page, lambda: len(asked) == 2, "The link is not renewed.")

    until(
        page, lambda: video.evaluate("video => video.readyState >= 2 && !video.paused"), "It does not go on."
    )
    assert 27 <= video.evaluate("video => video.currentTime") < 34
    assert 2 == len(asked)


def test_a_link_that_expires_during_playback_is_renewed(visitor, corpus, clock):
    """After a 403 of the CDN there is a fresh link, and the video goes on where it was."""
    page = visitor.blank()
    ranges = []

    def deliver(route):
        # The first link gives the beginning only: it has expired when the rest is asked for.
        ranges.append(route.request.headers.get("range"))
        if len(ranges) == 1:
            answer = route.fetch()
            body = answer.body()
            part = {"content-range": f"bytes 0-99999/{len(body)}", "content-length": "100000"}
            headers = {**answer.headers, **part}
            route.fulfill(status=206, headers=headers, body=body[:100_000])
        else:
            if len(ranges) == 2:
                clock.ahead = 7200
            route.continue_()

    def renew(route):
        clock.ahead = 0
        route.continue_()

    page.route(f"{visitor.site.cdn_url}/**", deliver)
    page.route(LINK, renew)
    page.goto(f"{visitor.site.origin}/#/conversations/{corpus.recorded['7.5 s after']}")
    ready(page)
    video = play(page)
    turn(page, "Perfect").locator("button.at").click()

    until(page, lambda: video.evaluate("v => v.currentTime > 37 && v.readyState >= 2"), f"{ranges}", 20)
    assert len(ranges) > 2
    assert 0 == page.get_by_role("alert").count()


def test_turns_outside_the_recording_are_dimmed(visitor):
    """If a transcript has 1,575 turns, those within the 50 s of the recording can be played."""
    page = open_talk(visitor, corpus_of.LONG)

    dimmed = page.locator(".turn.outside").count()
    assert dimmed == pytest.approx(corpus_of.TURNS - 50 / corpus_of.PAUSE, abs=2)
    turn(page, f"Turn {corpus_of.FIRST_RECORDED - 100}.").locator("button.at").click()
    page.get_by_text("This moment is not in the recording.").wait_for()
    assert 0 == page.locator("video").count()


def test_the_list_follows_until_somebody_scrolls_away(visitor):
    """The turn being spoken stays in view; the wheel ends that, and a button takes it up again."""
    page = open_talk(visitor, corpus_of.LONG)
    first = turn(page, f"Turn {corpus_of.FIRST_RECORDED + 3}.")
    first.locator("button.at").click()
    page.locator("video").wait_for()
    page.locator(".turn[aria-current]").wait_for()
    assert first.evaluate(IN_VIEW)

    page.locator(".turns").hover()
    page.mouse.wheel(0, -4000)
    resume = page.get_by_role("button", name="Follow the recording")
    resume.wait_for()
    until(
        page,
        lambda: not page.locator(".turn[aria-current]").evaluate(IN_VIEW),
        "It follows against the will.",
    )
    resume.click()
    until(page, lambda: page.locator(".turn[aria-current]").evaluate(IN_VIEW), "It does not follow again.")


IN_VIEW = """(turn) => {
  const [box, list] = [turn.getBoundingClientRect(), turn.closest('.turns').getBoundingClientRect()];
  return box.top >= list.top - 1 && box.bottom <= list.bottom + 1;
}"""
