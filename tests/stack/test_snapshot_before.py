"""Data stored before the code moved is read, pushed and repeated by this version as by that one."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import snapshot
from snapshot import Json, Stack, TeamServer, changes, differences
from tavus_callbacks_cli.local_stack import state
from templates import template_with

# The tests share one stack and go on where the one before them ended, so they run one after the other.
pytestmark = [pytest.mark.stack, pytest.mark.more]


@dataclass
class Before:
    """A stack that was started with the state of the earlier version.

    `recorded` is what that version answered while it stored, `expected` what it answered afterwards.
    """

    root: Path
    stack: Stack
    server: TeamServer
    clock: Any
    recorded: Json
    expected: Json
    kept: dict[str, Json]
    objects: dict[tuple[str, str], bytes]
    tokens: dict[str, str]
    rows: dict[str, Json]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, start_stack: Any, turned: Any) -> Iterator[Before]:
    """Start a stack with the earlier version's state; each test goes on where the one before it ended."""
    root, port = tmp_path_factory.mktemp("before"), snapshot.free_port()
    folder = root / str(port)
    snapshot.unpack(folder)
    files = {name: json.loads((folder / name).read_text()) for name in ("recorded.json", "tokens.json")}
    data = json.loads((folder / "data" / "items.json").read_text())
    objects = {
        (entry["bucket"], entry["key"]): (folder / "data" / f"{entry['file']}.object").read_bytes()
        for entry in data["objects"]
    }
    template = template_with(tmp_path_factory.mktemp("template"), snapshot.CONSTANTS)
    with snapshot.team_server() as server, pytest.MonkeyPatch.context() as patch:
        # `failed redrive` runs the functions of this template, too.
        patch.setattr(state, "REPOSITORY", template.parent)
        parameters = {**snapshot.PARAMETERS, "PushUrl": server.url}
        with start_stack(root, port, parameters, turned, template), closing(Stack(folder)) as stack:
            yield Before(
                root=root,
                stack=stack,
                server=server,
                clock=turned,
                recorded=files["recorded.json"],
                expected=snapshot.expected(),
                kept={snapshot.key(row): row for row in data["tables"][stack.outputs["EventsTableName"]]},
                objects=objects,
                tokens=files["tokens.json"],
                rows=stack.rows(),
            )


def test_every_row_and_object_is_there(before: Before) -> None:
    """The tables and buckets hold what the snapshot holds, unchanged."""
    s3 = before.stack.client("s3")
    objects = {
        (bucket, key): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for bucket, key in before.objects
    }

    assert [] == differences(before.kept, before.rows)
    assert before.objects == objects


def test_every_list_view_and_cursor_is_the_same(before: Before) -> None:
    """Each page is asked for with the cursor of the earlier version."""
    answers = {path: before.stack.answer(path) for path in before.expected["answers"]}

    assert [] == differences(before.expected["answers"], answers)


def test_the_commands_print_the_same(before: Before) -> None:
    """Tokens, failures, quarantine, statistics and drift."""
    assert [] == differences(before.expected["commands"], snapshot.commands(before.root))


def test_tokens_are_accepted_and_refused_as_before(before: Before) -> None:
    """Each scope opens its own; what was revoked or has expired opens nothing."""
    posting = {
        label: before.stack.http.get(f"/callbacks/{before.tokens[label]}").status_code
        for label in ("production", "rotated", "retired", "expired", "dashboard")
    }
    reading = [
        before.stack.get(path, before.tokens[label]).status_code
        for label in ("dashboard", "auditor")
        for path in ("/videos", "/quarantine")
    ]

    assert {"production": 200, "rotated": 200, "retired": 401, "expired": 401, "dashboard": 401} == posting
    assert [200, 401, 401, 200] == reading


@pytest.mark.usefixtures("clock")
def test_a_link_of_before_plays(before: Before) -> None:
    """While it has not expired, and not a second longer; so does a new link."""
    link = before.recorded["link"]
    port = httpx.URL(before.stack.outputs["CdnUrl"]).port
    if port != httpx.URL(link["url"]).port:
        pytest.skip("another program listens on the port that the link names")
    path = f"/conversations/c-before-two/recordings/{link['recording_id']}?format=json"
    fresh = before.stack.get(path).json()
    expires = datetime.fromisoformat(link["expires_at"]).timestamp()

    answers = [httpx.get(fresh["url"], trust_env=False)]
    before.clock.ahead = expires - 60 - time.time()
    answers.append(httpx.get(link["url"], trust_env=False))
    before.clock.ahead = expires + 60 - time.time()
    late = httpx.get(link["url"], trust_env=False)

    assert [200, 200] == [answer.status_code for answer in answers]
    assert {b"These bytes stand for a film."} == {answer.content for answer in answers}
    assert 403 == late.status_code


def test_what_failed_or_was_spilled_is_taken(before: Before) -> None:
    """Failed records, a failed push, a dead letter and spilled messages give the same rows and pushes."""
    redriven = snapshot.redrive(before.root, before.stack, before.server, before.recorded)
    after = {path: before.stack.answer(path) for path in before.expected["after"]}

    assert [] == differences(before.expected["redriven"], redriven)
    assert [] == differences(before.expected["after"], after)


def test_stored_events_are_told_as_before(before: Before) -> None:
    """Pushes that are made of stored events have the ids and bodies that the earlier version pushed."""
    told = snapshot.tell_again(before.root, before.stack, before.server)
    delivered = {**before.recorded["delivered"], **before.expected["redriven"]["pushes"]}
    same = {name: push for name, push in told["pushes"].items() if name in delivered}

    assert [] == differences(before.expected["told_again"], told)
    assert len(same) > len(told["pushes"]) / 3
    assert {name: delivered[name] for name in same} == same


def test_summaries_made_anew_are_the_same(before: Before) -> None:
    """`reindex` finds what no record told the earlier version's summaries, and changes nothing else."""
    assert [] == differences(before.expected["reindexed"], snapshot.reindex(before.root, before.stack))


def test_all_callbacks_sent_again_are_duplicates(before: Before) -> None:
    """Nothing is stored twice and nothing is pushed again; only a body without a time may be a new event."""
    rows = before.stack.rows()
    sent = snapshot.send_again(before.stack, before.recorded)
    snapshot.wait_until_told(before.stack, before.server)
    repeats: set[str] = set()
    for first, answers in sent:
        body = first["body"]
        if first["status"] != 200:
            assert [without_sentences(first)] == [without_sentences(answer) for answer in answers]
        elif snapshot.line_of(first):
            status, event_id = snapshot.next_in_line(first, before.recorded)
            repeat = {"status": 200, "body": {**body, "event_id": event_id, "status": status}}
            assert [repeat, {**repeat, "body": {**repeat["body"], "status": "duplicate"}}] == answers
            repeats |= {event_id} if status == "stored" else set()
        else:
            status = "erased" if body["subject"] == "c-before-erased" else "duplicate"
            assert [{"status": 200, "body": {**body, "status": status}}] == answers

    changed = changes(rows, before.stack.rows())
    assert all(changed.values()), "a row is gone"
    others = {name for name in changed if not name.startswith(("quarantine#", "token#"))}
    events = {name for name in others if " e1#" in name}
    summaries = {f"{name.partition(' ')[0]} s1" for name in events}
    assert not events & rows.keys()
    assert {event_id.rpartition(".")[2] for event_id in repeats} == {
        name.rpartition("#")[2] for name in events
    }
    assert summaries == others - events
    pushes = before.server.take().values()
    told = {push["data"]["event_id"] for push in pushes if push["type"].startswith("callback.")}
    derived = {f"{push['kind']}#{push['subject']} s1" for push in pushes if "event_id" not in push["data"]}
    assert repeats == told
    assert derived <= summaries - rows.keys()
    assert_counts_rise(rows, changed)


def without_sentences(refusal: dict[str, Any]) -> dict[str, Any]:
    """Return a refusal without its sentences, which may be reworded; the id depends on the body alone."""
    body = {name: value for name, value in refusal["body"].items() if name not in ("detail", "errors")}
    return {**refusal, "body": body}


def assert_counts_rise(rows: dict[str, Json], changed: dict[str, Any]) -> None:
    """Check that each quarantined body is counted once more, or twice if it was sent twice."""
    entries = {name: row for name, row in rows.items() if name.startswith("quarantine#")}
    rises = {
        name: int(changed[name]["count"]["N"]) - int(row["count"]["N"])
        for name, row in entries.items()
        if name in changed
    }
    assert len(rises) >= len(entries) - 1, "the spilled one is not sent again"
    assert set(rises.values()) <= {1, 2}
