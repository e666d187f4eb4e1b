"""The JavaScript and TypeScript of the documents compile with generated types and verify what is posted."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes.derived import (
    SubjectState,
    derived_pushes,
    recording_push,
    types_by_events,
)
from tavus_callbacks.domain.pushes.push import callback_push, erased_push
from tavus_callbacks.domain.recordings.recording import Recording
from tavus_callbacks.domain.summaries.summary import facts_from
from tavus_callbacks.logic.deliver_push import Server, deliver

pytestmark = [pytest.mark.more, pytest.mark.xdist_group("consumers")]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(__file__).parent / "node_modules"
BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "consume.md").read_text(), re.MULTILINE | re.DOTALL
)
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECRET, OTHER_SECRET = "a" * 44, "b" * 44
# Settings of `create-next-app`, and the folder of the compiled files.
COMPILER_OPTIONS = {
    "target": "ES2017",
    "lib": ["dom", "dom.iterable", "esnext"],
    "allowJs": True,
    "skipLibCheck": True,
    "strict": True,
    "esModuleInterop": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "resolveJsonModule": True,
    "isolatedModules": True,
    "outDir": "out",
}


class Quiet(SimpleHTTPRequestHandler):
    """Serve files without a log."""

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the files of a folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def run(folder: Path, command: str, **variables: str) -> None:
    """Run a command line, with the locked packages only; fails with its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), "npm_config_offline": "true", **variables}
    done = subprocess.run(  # noqa: S603 - the documents' own commands
        ["/bin/bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the types that the page's commands make, and its samples; all is compiled."""
    folder = tmp_path_factory.mktemp("consumer")
    (folder / "node_modules").symlink_to(PACKAGES)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": COMPILER_OPTIONS, "include": ["app"]})
    )
    shutil.copy(ROOT / "functions" / "tavus_callbacks" / "openapi.json", folder)
    [commands] = [text for _, text in BLOCKS if "npx " in text]
    with serving(folder) as url:
        for line in commands.splitlines():
            run(folder, line, API_URL=url)
    shutil.copy(ROOT / "docs" / "examples" / "receive.js", folder)
    for text in [text for language, text in BLOCKS if language == "ts"]:
        (folder / text.partition("\n")[0].removeprefix("// ")).write_text(text)
    run(folder, "npx tsc")
    return folder


@pytest.fixture(scope="module")
def consumer(project: Path) -> Iterator[str]:
    """Run the samples as a server."""
    server = subprocess.Popen(  # noqa: S603 - our own file
        ["node", str(PACKAGES.parent / "serve.mjs"), "receive.js", "out/route.js"],  # noqa: S607 - as npm finds it
        cwd=project,
        env={"PATH": os.environ["PATH"], "PUSH_SECRET": SECRET},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin
    assert server.stdout
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


def event(event_type: str, properties: dict[str, Any]) -> tuple[StoredEvent, bytes]:
    """Return a stored event and its body."""
    body = {"conversation_id": "c1", "event_type": event_type, "properties": properties}
    item = {
        "kind": "conversation",
        "subject": "c1",
        "ref": f"1-{event_type}",
        "family": "conversation",
        "event_type": event_type,
        "occurred_at": NOW.isoformat(),
        "received_at": NOW.isoformat(),
        "label": "prod",
        "tags": {"user": "4711"},
        "issues": [],
        "content": "c" * 32,
        "body_size": 300,
    }
    raw = json.dumps(body).encode()
    return StoredEvent.from_row(item, raw), raw


def pushes() -> list[dict[str, Any]]:
    """Return pushes of each form, as they come from the bus."""
    stored = [
        event("system.shutdown", {"shutdown_reason": "end_conversation_endpoint_hit"}),
        event(
            "application.transcription_ready",
            {"transcript": [{"role": "user", "content": "Grüße 👋 \ud83d"}]},
        ),
    ]
    facts = facts_from("conversation", [each for each, _ in stored])
    settings = FoldSettings(presumed_ended_after=timedelta(hours=4))
    state = SubjectState("conversation", "c1", facts, NOW, settings)
    recording = Recording(
        conversation_id="c1",
        recording_id="r1",
        claim=None,
        claimed_at=NOW,
        key="tavus/c1/1.mp4",
        size=7,
        content_type="video/mp4",
        version=None,
        storage_class=None,
        modified_at=NOW,
        looked_at=NOW,
        was_there=True,
    )
    made = [
        *(callback_push(each, raw) for each, raw in stored),
        *derived_pushes(state, types_by_events(state)),
        recording_push(recording, facts.receipt),
        erased_push("conversation", "c1", at=NOW),
    ]
    return [json.loads(push.detail()) for push in made]


@pytest.mark.parametrize("path", ["/receive", "/route"])
def test_the_library_of_another_language_takes_every_push(consumer: str, path: str) -> None:
    """The code that posts gets 204 for each push, and 401 for one that another secret signed."""

    def server(*secrets: str) -> Server:
        secret: Any = SimpleNamespace(versions=lambda: secrets)
        events: Any = None
        return Server(f"{consumer}{path}", is_local=True, secret=secret, events=events)

    details = pushes()
    forged = [deliver(detail, server(OTHER_SECRET)).status for detail in details]
    posted = [deliver(detail, server(OTHER_SECRET, SECRET)).status for detail in details]

    assert {"callback.system.shutdown", "conversation.ended", "recording.available"} < {
        detail["type"] for detail in details
    }
    assert [401] * len(details) == forged
    assert [204] * len(details) == posted
