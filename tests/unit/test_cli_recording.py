"""`recording` lists recordings, prints links, and downloads in spite of interruptions."""

import json
import os
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations import recording as downloads
from tavus_callbacks_cli.operations.recording import PAUSES, download
from tavus_callbacks_cli.targets import choose
from tavus_callbacks_cli.targets.api_client import ApiClient

CONTENT = bytes(range(256)) * 4000
EXPIRES_AT = "2027-03-01T13:00:00.000000Z"
WHY = "A callback announced the recording, but its object has not arrived. Try again in a minute."


def a_recording(recording_id: str = "1762000000000", **members: Any) -> dict[str, Any]:
    """Make a recording as the API answers it."""
    return {
        "recording_id": recording_id,
        "conversation_id": "c123",
        "key": f"tavus/c123/{recording_id}",
        "status": "available",
        "announced": True,
        "size": 1_500_000,
        "duration": 62.0,
        "message": None,
        "issues": [],
        "modified_at": "2027-03-01T12:00:00.000000Z",
        "received_at": "2027-03-01T12:00:01.000000Z",
    } | members


@dataclass
class Cdn:
    """A CDN with one object; `cuts` gives the number of bytes after which the next answers break off."""

    content: bytes = CONTENT
    etag: str = '"one"'
    cuts: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    honours_if_range: bool = True
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request as S3 behind CloudFront does, up to the next cut."""
        wanted = handler.headers["range"]
        self.asked.append((handler.path, wanted))
        if self.refusals:
            handler.send_error(self.refusals.pop(0))
            return
        is_same = handler.headers["if-range"] == self.etag or not self.honours_if_range
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and is_same else 0
        if start >= len(self.content):
            handler.send_response(416)
            handler.send_header("content-range", f"bytes */{len(self.content)}")
            handler.send_header("content-length", "0")
            handler.end_headers()
            return
        self._send(handler, start)

    def _send(self, handler: BaseHTTPRequestHandler, start: int) -> None:
        whole = len(self.content)
        handler.send_response(206 if start else 200)
        handler.send_header("content-length", str(whole - start))
        handler.send_header("etag", self.etag)
        if start:
            handler.send_header("content-range", f"bytes {start}-{whole - 1}/{whole}")
        handler.end_headers()
        end = start + self.cuts.pop(0) if self.cuts else whole
        handler.wfile.write(self.content[start:end])
        handler.close_connection = True


@pytest.fixture
def cdn() -> Iterator[Cdn]:
    """Run a CDN on loopback."""
    made = Cdn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.answer(self)

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}/tavus/c123/1762000000000"
        yield made
        server.shutdown()
        thread.join()


@dataclass
class FakeTarget:
    """A target whose API has a list of recordings; only available ones have a link."""

    name: str = "a fake"
    is_local: bool = False
    recordings: list[dict[str, Any]] = field(default_factory=list)
    url: str = "https://cdn.example.com/tavus/c123/1762000000000?Expires=1&Signature=a~b"
    page: int = 200
    others: dict[str, tuple[int, Any]] = field(default_factory=lambda: {"/conversations/c123": (200, {})})
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def open_api(self, scope: str):
        """Open the fake."""
        assert "read" == scope
        with httpx.Client(base_url="https://a.fake", transport=httpx.MockTransport(self._answer)) as client:
            yield ApiClient(client, "Make a token.", "Is it up?")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.raw_path.decode())
        if request.url.path in self.others:
            status, answer = self.others[request.url.path]
            return httpx.Response(status, json=answer)
        name = request.url.path.removeprefix("/conversations/c123/recordings").strip("/")
        if not name:
            return httpx.Response(200, json=self._page(int(request.url.params.get("cursor", 0))))
        (*_, recording) = [each for each in self.recordings if name in ("latest", each["recording_id"])]
        if recording["status"] != "available":
            return httpx.Response(409, json={"detail": WHY})
        link = {"recording_id": recording["recording_id"], "url": self.url, "expires_at": EXPIRES_AT}
        return httpx.Response(200, json=link)

    def _page(self, start: int) -> dict[str, Any]:
        end = start + self.page
        following = str(end) if end < len(self.recordings) else None
        return {"recordings": self.recordings[start:end], "cursor": following}


@pytest.fixture
def target(monkeypatch) -> FakeTarget:
    """Let the command work on a fake with one recording, and never wait."""
    fake = FakeTarget(recordings=[a_recording()])
    monkeypatch.setattr(choose, "choose", lambda *_, **__: fake)
    monkeypatch.setattr(downloads.download, "__kwdefaults__", {"sleep": lambda _: None})
    return fake


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["recording", *arguments])


def test_a_conversations_recordings_are_listed_with_the_link_of_the_latest(target):
    """There is a row for each recording, and the newest link below."""
    target.recordings = [
        a_recording("1", status="pending", size=None, duration=None, modified_at=None),
        a_recording("2", announced=False, duration=3725.0, issues=["storage_conflict"]),
    ]

    result = run("c123")

    assert 0 == result.exit_code, result.output
    head, first, second, remark, _, link = result.stdout.splitlines()
    assert ["recording", "id", "status", "size", "duration"] == head.split()[:5]
    assert ["1", "pending", "-", "-"] == first.split()[:4]
    assert ["2", "available", "1.4", "MB", "1:02:05"] == second.split()[:5]
    assert "2           storage_conflict, no callback announced it" == remark
    assert target.url == link
    assert "/conversations/c123/recordings/latest?format=json" == target.asked[-1]
    assert "The link expires at" in result.stderr


def test_a_failed_recording_is_listed_with_what_to_do(target):
    """Tavus's message comes first, then the explanation; an earlier version of the API has none."""
    failed = {"status": "failed", "size": None, "message": "no token"}
    target.recordings = [
        a_recording("1", **failed, explanation="Check the role."),
        a_recording("2", **failed),
        a_recording("3", **failed | {"message": "It is empty."}, explanation="Fill it.", announced=False),
    ]

    lines = run("c123").stdout.splitlines()

    assert [
        "1           no token. Check the role.",
        "2           no token",
        "3           It is empty. Fill it. (no callback announced it)",
    ] == lines[4:7]


def test_a_narrow_terminal_breaks_no_word(target, monkeypatch):
    """At 60 columns too, lines break between words, and sentences are below the table."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    target.recordings = [a_recording(status="other_provider", issues=["storage_conflict"], announced=False)]

    shown = click.unstyle(run("c123").stdout).split()

    words = "1762000000000 status size duration other_provider 1.4 MB 1:02 storage_conflict,"
    assert [] == [word for word in words.split() if word not in shown]


def test_the_list_says_why_the_latest_cannot_be_played(target):
    """The list is printed, with the reason."""
    target.recordings = [a_recording(status="pending")]

    result = run("c123")

    assert 0 == result.exit_code
    assert "pending" in result.stdout
    assert f"The latest recording cannot be played: The API answered 409: {WHY}\n" in result.stderr


def test_the_list_says_once_why_a_recording_failed(target):
    """The reason is below the table; the note does not repeat it."""
    target.recordings = [a_recording(status="failed", message=WHY)]

    result = run("c123")

    assert 1 == result.output.count(WHY.rstrip("."))
    assert result.stderr.endswith("The latest recording cannot be played.\n")


def test_every_page_is_listed(target):
    """All pages of a list are printed."""
    target.recordings, target.page = [a_recording(str(number)) for number in range(5)], 2

    answered = json.loads(run("c123", "--json").stdout)

    assert ["0", "1", "2", "3", "4"] == [each["recording_id"] for each in answered["recordings"]]


def test_one_recording_is_shown_by_its_id(target):
    """The row and the link are those of the named recording."""
    target.recordings = [a_recording("1"), a_recording("2")]

    result = run("c123", "1")

    assert ["recording", "1"] == [line.split()[0] for line in result.stdout.splitlines()[:2]]
    assert 4 == len(result.stdout.splitlines())
    assert "/conversations/c123/recordings/1?format=json" == target.asked[-1]


def test_programs_get_recordings_and_link_as_one_json(target):
    """The API's own members."""
    answered = json.loads(run("c123", "--json").stdout)

    assert [a_recording()] == answered["recordings"]
    assert {"recording_id", "url", "expires_at"} == answered["link"].keys()
    assert target.url == answered["link"]["url"]


@pytest.mark.parametrize("arguments", [("c123",), ("c123", "7")])
def test_nothing_to_watch_ends_with_1_and_says_what_to_do(arguments, target):
    """A missing recording is an error with advice."""
    target.recordings = [a_recording()] if len(arguments) > 1 else []

    result = run(*arguments)

    assert (1, "") == (result.exit_code, result.stdout)
    assert "tavus-callbacks connect" in result.stderr


@pytest.mark.parametrize("option", [(), ("--url",)])
def test_a_mistyped_conversation_is_told_with_those_near_it(option, target):
    """A mistyped id is answered with similar ids, not with advice about recording."""
    target.recordings = []
    target.others = {
        "/conversations/c123/recordings/latest": (404, {"detail": "No recording is known."}),
        "/conversations/c123": (404, {"detail": "No event of conversation c123 is stored."}),
        "/conversations": (200, {"conversations": [{"conversation_id": "c1234"}]}),
    }

    result = run("c123", *option)

    assert (1, "") == (result.exit_code, result.stdout)
    assert "Did you mean c1234?" in result.stderr


@pytest.mark.parametrize("arguments", [("c/1",), ("..",), ("c123", "../x"), ("c?1",)])
def test_an_id_that_no_path_carries_is_not_requested(arguments, target):
    """Nothing is requested with a path that means something else."""
    result = run(*arguments)

    assert 1 == result.exit_code
    assert {"/conversations/c123/recordings?limit=200"} >= set(target.asked)
    assert "tavus-callbacks show" in result.stderr


def test_a_url_stands_alone(target):
    """Standard output has only the link, for a player or a script."""
    result = run("c123", "--url")

    assert f"{target.url}\n" == result.stdout


@pytest.mark.parametrize("option", ["--url", "--open", "--download=call.mp4"])
def test_what_cannot_be_played_is_an_error_that_says_why_and_what_to_do(
    option, target, tmp_path, monkeypatch
):
    """The error is the API's own sentence, and no file is left."""
    target.recordings = [a_recording(status="pending")]
    monkeypatch.chdir(tmp_path)

    result = run("c123", option)

    assert (1, "", []) == (result.exit_code, result.stdout, list(tmp_path.iterdir()))
    assert WHY in result.stderr


@pytest.mark.parametrize(("has_browser", "shown"), [(True, ""), (False, "{url}\n")])
def test_open_opens_the_browser_or_says_the_link(has_browser, shown, target, monkeypatch):
    """The browser opens a fresh link; without a browser the link is printed."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or has_browser)

    result = run("c123", "--open")

    assert (0, [target.url]) == (result.exit_code, opened)
    assert shown.format(url=target.url) == result.stdout


@pytest.mark.parametrize(
    "options", [("--open", "--download=a.mp4"), ("--url", "--download=a.mp4"), ("--force",)]
)
@pytest.mark.usefixtures("target")
def test_contradictions_are_usage_errors(options):
    """Only one action is allowed."""
    assert 2 == run("c123", *options).exit_code


def test_a_download_is_saved_whole(target, cdn, tmp_path):
    """The file has all bytes, nothing is left beside it, and its size is noted."""
    target.url = cdn.url

    result = run("c123", "--download", str(tmp_path / "call.mp4"))

    assert 0 == result.exit_code, result.output
    assert CONTENT == (tmp_path / "call.mp4").read_bytes()
    assert ["call.mp4"] == [path.name for path in tmp_path.iterdir()]
    assert f"Saved {tmp_path / 'call.mp4'}: 1000.0 KB." in result.stderr


def test_a_download_tells_programs_what_was_saved(target, cdn, tmp_path):
    """The JSON has id, file and size."""
    target.url, file = cdn.url, tmp_path / "call.mp4"

    answered = json.loads(run("c123", "--download", str(file), "--json").stdout)

    assert {"recording_id": "1762000000000", "file": str(file), "size": len(CONTENT)} == answered


def test_the_link_is_asked_for_byte_by_byte(target, cdn, tmp_path):
    """A signature covers the exact URL, so nothing is encoded again."""
    query = "?response-content-type=video%2Fmp4&Expires=1&Signature=a~b-c_d__&Key-Pair-Id=K"
    target.url = f"{cdn.url}%20%2B%25%C3%A9{query}"

    run("c123", "--download", str(tmp_path / "call.mp4"))

    assert target.url.endswith(cdn.asked[0][0])
    assert query in cdn.asked[0][0]


def test_a_file_is_never_overwritten_without_force(target, cdn, tmp_path):
    """The file is not touched, and nothing is requested."""
    target.url, file = cdn.url, tmp_path / "call.mp4"
    file.write_bytes(b"mine")

    refused = run("c123", "--download", str(file))

    assert (1, b"mine", []) == (refused.exit_code, file.read_bytes(), target.asked)
    assert "--force" in refused.stderr
    assert 0 == run("c123", "--download", str(file), "--force").exit_code
    assert CONTENT == file.read_bytes()


def a_symlink(path: Path) -> None:
    """Make a link to a file beside it."""
    path.with_name("mine").write_bytes(b"mine")
    path.symlink_to("mine")


def a_dangling_link(path: Path) -> None:
    """Make a link that leads nowhere."""
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [os.mkfifo, a_symlink, a_dangling_link])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_what_is_no_regular_file_is_never_replaced(make, force, target, tmp_path):
    """A pipe, a device and a link stay, even with --force."""
    file = tmp_path / "call.mp4"
    make(file)
    before = file.lstat()

    result = run("c123", "--download", str(file), *force)

    assert (1, []) == (result.exit_code, target.asked)
    assert "not a regular file" in result.stderr
    assert (before.st_ino, before.st_mode) == (file.lstat().st_ino, file.lstat().st_mode)


def test_a_dash_is_no_file_to_download_to(target, tmp_path, monkeypatch):
    """The error says how to get the bytes on standard output."""
    monkeypatch.chdir(tmp_path)

    result = run("c123", "--download", "-")

    assert (2, [], []) == (result.exit_code, target.asked, list(tmp_path.iterdir()))
    assert "curl" in result.stderr


@pytest.mark.usefixtures("target")
def test_a_folder_that_is_not_there_is_said(tmp_path):
    """The error comes before anything is downloaded."""
    result = run("c123", "--download", str(tmp_path / "no" / "call.mp4"))

    assert 1 == result.exit_code
    assert "There is no folder" in result.stderr


def test_ctrl_c_keeps_what_came_and_says_so(target, cdn, tmp_path, monkeypatch):
    """The bytes so far stay, and the same command continues."""
    target.url, cdn.cuts = cdn.url, [300_000]

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads.download, "__kwdefaults__", {"sleep": interrupt})

    result = run("c123", "--download", str(tmp_path / "call.mp4"))

    assert 1 == result.exit_code
    assert "Run the same command again to continue." in result.stderr
    assert CONTENT[:300_000] == (tmp_path / "call.mp4.part").read_bytes()


def fetch(cdn: Cdn, file: Path, links: list[str] | None = None) -> tuple[int, list[float]]:
    """Download with a list of links; return the size and the pauses."""
    pauses: list[float] = []
    given = iter(links or [cdn.url] * 100)
    with httpx.Client() as client:
        count = download(
            client,
            lambda: next(given),
            file,
            progress=lambda *_: None,
            sleep=pauses.append,
        )
    return count, pauses


def test_a_cut_connection_goes_on_where_it_was(cdn, tmp_path):
    """Every byte is sent once, however often the connection breaks, as long as bytes arrive."""
    cdn.cuts = [100_000] * 9

    count, pauses = fetch(cdn, tmp_path / "call.mp4")

    assert len(CONTENT) == count
    assert CONTENT == (tmp_path / "call.mp4").read_bytes()
    assert [None, *(f"bytes={n}00000-" for n in range(1, 10))] == [wanted for _, wanted in cdn.asked]
    assert [1.0] * 9 == pauses


def test_the_same_command_goes_on_after_it_was_given_up(cdn, tmp_path):
    """The bytes so far stay in FILE.part, and the next run fetches the rest."""
    file = tmp_path / "call.mp4"
    cdn.cuts = [300_000, 0, 0, 0, 0]

    with pytest.raises(click.ClickException, match=r"300000 bytes are kept\. Run the same command again"):
        fetch(cdn, file)
    before = len(cdn.asked)
    part = (tmp_path / "call.mp4.part").read_bytes()
    fetch(cdn, file)

    assert CONTENT[:300_000] == part
    assert ["bytes=300000-"] == [wanted for _, wanted in cdn.asked[before:]]
    assert CONTENT == file.read_bytes()
    assert ["call.mp4"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_a_changed_object_starts_over(honours_if_range, cdn, tmp_path):
    """Bytes of two objects are never joined, even if a cache ignores If-Range."""
    file = tmp_path / "call.mp4"
    cdn.cuts = [300_000, 0, 0, 0, 0]
    with pytest.raises(click.ClickException):
        fetch(cdn, file)
    cdn.content, cdn.etag, cdn.honours_if_range = b"another" * 90_000, '"two"', honours_if_range

    fetch(cdn, file)

    assert b"another" * 90_000 == file.read_bytes()


@pytest.mark.parametrize("etag", ['W/"one"', ""])
def test_without_a_strong_etag_it_starts_over(etag, cdn, tmp_path):
    """Without a strong ETag nothing proves that the rest belongs to the same object."""
    cdn.etag, cdn.cuts = etag, [300_000]

    fetch(cdn, tmp_path / "call.mp4")

    assert [None, None] == [wanted for _, wanted in cdn.asked]
    assert CONTENT == (tmp_path / "call.mp4").read_bytes()


def test_all_bytes_are_there_already(cdn, tmp_path):
    """A program that ended before the rename needs only one request."""
    (tmp_path / "call.mp4.part").write_bytes(CONTENT)
    (tmp_path / "call.mp4.part.etag").write_text('"one"')

    assert len(CONTENT) == fetch(cdn, tmp_path / "call.mp4")[0]

    assert CONTENT == (tmp_path / "call.mp4").read_bytes()
    assert 1 == len(cdn.asked)


@pytest.mark.parametrize("note", ['"é"', "", '"one"\r\n', 'W/"one"'])
def test_a_note_that_is_no_etag_starts_over(note, cdn, tmp_path):
    """A damaged FILE.part.etag starts the download again and is not an error."""
    (tmp_path / "call.mp4.part").write_bytes(b"other")
    (tmp_path / "call.mp4.part.etag").write_bytes(note.encode())

    fetch(cdn, tmp_path / "call.mp4")

    assert [None] == [wanted for _, wanted in cdn.asked]
    assert CONTENT == (tmp_path / "call.mp4").read_bytes()


def test_more_bytes_than_the_object_has_start_over(cdn, tmp_path):
    """A part that two programs wrote at once is not used."""
    (tmp_path / "call.mp4.part").write_bytes(CONTENT * 2)
    (tmp_path / "call.mp4.part.etag").write_text('"one"')

    fetch(cdn, tmp_path / "call.mp4")

    assert CONTENT == (tmp_path / "call.mp4").read_bytes()


def test_an_expired_link_is_replaced_on_the_way(cdn, tmp_path):
    """After a 403 the download continues with a fresh link."""
    cdn.cuts, cdn.refusals = [300_000], []
    links = [f"{cdn.url}?one", f"{cdn.url}?two"]
    answer, calls = cdn.answer, []

    def expiring(handler: BaseHTTPRequestHandler) -> None:
        calls.append(handler.path)
        cdn.refusals = [403] if len(calls) > 1 and handler.path.endswith("?one") else []
        answer(handler)

    cdn.answer = expiring  # type: ignore[method-assign]  # a link that expires after its first use

    fetch(cdn, tmp_path / "call.mp4", links)

    assert ["one", "one", "two"] == [path.rpartition("?")[2] for path, _ in cdn.asked]
    assert "bytes=300000-" == cdn.asked[-1][1]
    assert CONTENT == (tmp_path / "call.mp4").read_bytes()


@pytest.mark.parametrize(
    ("status", "tries", "said"),
    [(403, 5, "doctor"), (503, 5, "answered 503"), (429, 5, "answered 429"), (404, 1, "doctor")],
)
def test_what_does_not_pass_is_given_up_with_what_to_do(status, tries, said, cdn, tmp_path):
    """A refusal for good or a long silence ends it; a missing object is requested once."""
    cdn.refusals = [status] * 100

    with pytest.raises(click.ClickException, match=said):
        fetch(cdn, tmp_path / "call.mp4")

    assert tries == len(cdn.asked)
    assert [] == list(tmp_path.iterdir())


def test_waiting_gets_longer(cdn, tmp_path):
    """The pauses before a busy CDN grow."""
    cdn.refusals = [503] * len(PAUSES)

    assert list(PAUSES) == fetch(cdn, tmp_path / "call.mp4")[1]


def test_a_full_disk_is_said_in_a_sentence(cdn, tmp_path):
    """The error names the file that cannot be written."""
    (tmp_path / "call.mp4.part").mkdir()

    with pytest.raises(click.ClickException, match=r"call\.mp4 cannot be written"):
        fetch(cdn, tmp_path / "call.mp4")


def test_a_terminal_sees_how_far_it_is(target, cdn, tmp_path, monkeypatch):
    """A terminal gets a progress bar on standard error; a pipe gets none (all other tests here)."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    target.url = cdn.url

    result = run("c123", "--download", str(tmp_path / "call.mp4"))

    assert "call.mp4" in click.unstyle(result.stderr)
    assert "1.0/1.0 MB" in click.unstyle(result.stderr)
    assert "" == result.stdout
