"""The console at `/` of a local stack: what happens shows at once, and each action does what it says."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tavus_callbacks_cli.local_stack.registry import RunningStack

pytestmark = pytest.mark.stack


@pytest.fixture
def page(local_stack: RunningStack) -> Iterator[httpx.Client]:
    """Sign in with the printed address."""
    url, _, key = str(local_stack.console_url).partition("/#key=")
    own = {"sec-fetch-site": "same-origin", "origin": url}
    with httpx.Client(base_url=f"{url}/console", headers=own, trust_env=False, timeout=30) as client:
        assert client.post("/session", json={"key": key}).is_success
        yield client


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """Receive what is posted."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
        server.shutdown()


def act(page: httpx.Client, name: str, **content: object) -> dict[str, list[dict[str, object]]]:
    """Do an action of the page."""
    answer = page.post(f"/actions/{name}", json=content)
    assert answer.is_success, answer.text
    document: dict[str, list[dict[str, object]]] = answer.json()
    return document


def test_a_sent_scenario_shows_within_a_second_and_can_be_replayed(
    page: httpx.Client, receiver: tuple[str, list[bytes]]
) -> None:
    """Send, see it live, read it, and post it again after a dry run: all from the page."""
    url, bodies = receiver
    with page.stream("GET", "/live", timeout=10) as live:
        lines = live.iter_lines()
        assert next(lines) == "retry: 1000"
        began = time.monotonic()
        answers = act(page, "send", scenario="conversation")["answers"]
        events = [json.loads(next(line for line in lines if line).removeprefix("data: ")) for _ in answers]
        seconds = time.monotonic() - began

    assert [answer["event_type"] for answer in answers] == [event["event_type"] for event in events]
    subject = events[0]["subject"]
    stored = page.get(f"/read/conversations/{subject}/events").json()["events"]
    assert {"simulated": "true"} == stored[0]["tags"]
    assert seconds < 1 + 0.3 * len(answers)

    replay = {"kind": "conversation", "subject": subject, "to": url}
    dry = act(page, "replay", **replay, dry_run=True)["events"]
    assert [] == bodies
    done = act(page, "replay", **replay, dry_run=False)["events"]

    assert {"would be posted"} == {each["outcome"] for each in dry}
    assert {"taken"} == {each["outcome"] for each in done}
    assert len(dry) == len(done) == len(bodies)


def test_a_body_that_cannot_be_filed_is_shown_and_redriven(page: httpx.Client) -> None:
    """The answer says why, and quarantine, problems and a redrive name the same entry."""
    body = '{"no": "subject", "half": "\\ud800"}'
    (answer,) = act(page, "send", body=body)["answers"]
    assert 422 == answer["status"]
    entry_id = answer["body"]["quarantine_id"]  # type: ignore[index]  # it is an object

    entries = page.get("/read/quarantine").json()["quarantine"]
    problems = page.get("/problems").json()["problems"]
    outcomes = act(page, "redrive", entry_id=entry_id, dry_run=True)["quarantine"]

    assert entry_id in [entry["quarantine_id"] for entry in entries]
    assert "in quarantine" in [problem["what"] for problem in problems]
    assert [(entry_id, "refused")] == [(each["quarantine_id"], each["outcome"]) for each in outcomes]
    missing = page.post("/actions/redrive", json={"entry_id": "0" * 32, "dry_run": True})
    assert (404, True) == (missing.status_code, "quarantine list" in missing.json()["detail"])


def test_the_browser_is_led_to_a_recording(page: httpx.Client, local_stack: RunningStack) -> None:
    """A link for a download leads to the signed link, and the page may play from its origin."""
    answers = act(page, "send", scenario="recording")["answers"]
    subject = answers[0]["body"]["subject"]  # type: ignore[index]  # it is an object
    path = f"/read/conversations/{subject}/recordings/latest"
    deadline = time.monotonic() + 20
    while (answer := page.get(path, params={"download": "true"})).status_code != 302:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    cdn = local_stack.outputs["CdnUrl"]
    assert answer.headers["location"].startswith(f"{cdn}/")
    assert httpx.get(answer.headers["location"], trust_env=False).is_success
    policy = page.get(f"{local_stack.api_url}/").headers["content-security-policy"]
    assert f"media-src {cdn};" in policy
    assert cdn == page.get("/config").json()["cdn_url"]


def test_parallel_requests_get_their_own_answers(page: httpx.Client) -> None:
    """Page and API share a port and its threads; each answer belongs to its request."""

    def read(number: int) -> bool:
        answer = page.get(f"/read/conversations/c-none-{number}")
        return f"c-none-{number} " in answer.json()["detail"]

    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(read, range(50)))
