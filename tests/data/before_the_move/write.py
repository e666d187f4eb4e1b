"""Write the files of this folder: what a version stores, and what it answers; see the README.

Usage, from the root of a clone at the commit whose behaviour is to be recorded:
    python tests/data/before_the_move/write.py state
    python tests/data/before_the_move/write.py expected
"""

import contextlib
import io
import json
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))

import snapshot
from snapshot import Stack, TeamServer, command, in_path, run, wait_until
from templates import template_with

# Below the ports that systems hand out: links of that run name it.
CDN_PORT = 18743
# Runs the command line with the template of another folder.
PROGRAM = """
import sys
from pathlib import Path
from tavus_callbacks_cli.local_stack import state
state.REPOSITORY = Path(sys.argv.pop(1))
from tavus_callbacks_cli.main import main
main()
"""
TAVUS_KEY = {"x-api-key": "stand-in-key"}
FILM = b"These bytes stand for a film."
SCENARIO_KEY = "1795940791000"
KEPT_OBJECTS = (
    f"tavus/c-before-conversation/{SCENARIO_KEY}",
    "tavus/c-before-two/1796000000000",
    "tavus/c-before-two/1796000000500.mp4",
    "tavus/c-before-deleted/1796000002000",
    "tavus/c-before-unannounced/1796000003000",
    "exports/contested.mp4",
    "exports/alone.webm",
)
FOLDERS = {"conversation": "conversations", "video": "videos", "replica": "replicas"}
LISTS = (
    "/events?limit=60&after=",
    "/conversations?limit=12",
    "/conversations?status=ended",
    "/conversations?status=active&limit=9",
    "/conversations?missing=recording",
    "/conversations?tag=user:4711",
    "/conversations?label=production",
    "/conversations?since=2026-11-29T00:00:00Z&until=2030-01-01T00:00:00Z&limit=20",
    "/videos?limit=1",
    "/replicas?limit=2",
    "/replicas?status=error",
    "/subjects?limit=10",
    "/subjects?tag=user:4711",
    "/quarantine?limit=9",
    "/conversations/c-before-conversation/events?limit=3",
    "/conversations/c-before-two/recordings?limit=1",
    "/conversations/c-before-nobody-came/transcript",
    "/events?kind=conversation&subject=c-before-objectives&limit=3",
)
AFTER = (
    *("/conversations?status=ended", "/videos", "/replicas/"),
    *("/conversations/c-failed", "/conversations/c-before-two"),
)
LINK = "/conversations/c-before-two/recordings/1796000000000?format=json&expires=43200"
FILES = ("credentials.json", "cdn.json", "tokens.json", "recorded.json")


@contextlib.contextmanager
def local_stack(root: Path, port: int, server: TeamServer, *options: str) -> Iterator[Stack]:
    """Run `tavus-callbacks local` until the block ends."""
    ready = root / "ready.json"
    ready.unlink(missing_ok=True)
    parameters = {**snapshot.PARAMETERS, "PushUrl": server.url}
    given = [part for name, value in parameters.items() for part in ("--parameter", f"{name}={value}")]
    folder = root / "template"
    if not folder.exists():
        folder.mkdir()
        template_with(folder, snapshot.CONSTANTS)
    program = [sys.executable, "-c", PROGRAM, str(folder)]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*program, "local", "--port", str(port), "--ready", str(ready), *given, *options],
        env={"TAVUS_CALLBACKS_STATE": str(root), "PATH": ""},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(ready.exists)
        yield Stack(root / str(port))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def write_state(root: Path) -> None:
    """Store one of everything, and keep the state folder."""
    port = snapshot.free_port()
    folder = root / str(port)
    folder.mkdir()
    (folder / "cdn.json").write_text(json.dumps({"port": CDN_PORT}))
    with snapshot.team_server() as server, local_stack(root, port, server, "--hurry") as stack:
        server.refuses = True
        tokens = make_tokens(root)
        (folder / "tokens.json").write_text(json.dumps(tokens, indent=1))
        catch_envelopes(stack)
        put_objects(stack, *KEPT_OBJECTS)
        tell_tavus(stack)
        first = send(stack, "kept", tokens)
        command(root, "backfill", "c-before-lost")
        wait_until_quiet(stack, server)
        s3, bucket = stack.client("s3"), stack.outputs["RecordingsBucketName"]
        s3.delete_object(Bucket=bucket, Key="tavus/c-before-deleted/1796000002000")
        command(root, "erase", "conversation", "c-before-erased", "--yes")
        first += send(stack, "late", tokens)
        put_objects(stack, "tavus/c-before-erased/1796000004000")
        wait_until_quiet(stack, server)
        envelope = caught_envelope(stack)
        link = stack.get(LINK).json()
        delivered = server.pushes()
        break_bus(stack)
        put_objects(stack, f"tavus/c-failed-conversation/{SCENARIO_KEY}")
        first += send(stack, "failing", tokens)
        wait_until_quiet(stack, server)
        spilled = spill(root)
        large = {**spilled[0], "body_key": "spill/before-the-move"}
        body = large.pop("body").encode()
        stack.client("s3").put_object(
            Bucket=stack.outputs["BodiesBucketName"], Key=large["body_key"], Body=body
        )
    recorded = {
        "written_at": time.time(),
        "first": first,
        "delivered": delivered,
        "envelope": envelope,
        "link": link,
        "spilled": [large, spilled[1]],
    }
    (folder / "recorded.json").write_text(json.dumps(recorded))
    pack(folder)


def make_tokens(root: Path) -> dict[str, str]:
    """Make a token of each kind, one that is revoked, and one that has expired."""
    scopes = {"production": "callback", "dashboard": "read", "auditor": "quarantine", "retired": "callback"}
    made = {
        label: run(root, "token", "create", "--label", label, "--scope", scope, "--local").strip()
        for label, scope in {**scopes, "rotated": "callback"}.items()
    }
    made["expired"] = made["rotated"]
    made["rotated"] = run(root, "token", "rotate", "rotated", "--grace", "1s", "--local").strip()
    run(root, "token", "revoke", "retired", "--yes", "--local")
    return {label: credential.rpartition("/")[2] for label, credential in made.items()}


def put_objects(stack: Stack, *keys: str) -> None:
    """Put recordings into the bucket."""
    s3, bucket = stack.client("s3"), stack.outputs["RecordingsBucketName"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=FILM)


def tell_tavus(stack: Stack) -> None:
    """Let the stand-in for Tavus's API know of one conversation, of which a callback was lost."""
    for entry in snapshot.callbacks("kept", "lost"):
        body = entry.get("body", {})
        if body.get("conversation_id") == "c-before-lost":
            url = f"{stack.outputs['TavusApiUrl']}/stand-in/callbacks"
            httpx.post(url, json=body, headers=TAVUS_KEY, trust_env=False).raise_for_status()


def send(stack: Stack, stage: str, tokens: dict[str, str]) -> list[dict[str, Any]]:
    """Send the callbacks of a stage; those of one user come by a token of another label."""
    answers = []
    for entry in snapshot.callbacks(stage):
        time.sleep(entry.get("pause", 0))
        token = tokens["production"] if entry.get("query") == "user=4711" else None
        answers.append(stack.post(entry, token))
    return answers


def wait_until_quiet(stack: Stack, server: TeamServer) -> None:
    """Wait until nothing has changed for longer than a push waits for its next attempt."""
    seen, since = None, time.monotonic()
    while time.monotonic() - since < 12:
        now = (len(server.bodies), stack.waiting("PushQueueUrl"), len(stack.objects("FailedBucketName")))
        if now != seen or now[1]:
            seen, since = now, time.monotonic()
        time.sleep(0.5)


def catch_envelopes(stack: Stack) -> None:
    """Let a queue of our own take what the queue of pushes takes."""
    sqs, events, bus = stack.client("sqs"), stack.client("events"), stack.outputs["EventBusName"]
    url = sqs.create_queue(QueueName="own")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"detail": {"subject": ["c-before-two"], "type": ["conversation.ended"]}})
    events.put_rule(Name="own", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule="own", EventBusName=bus, Targets=[{"Id": "own", "Arn": arn}])


def caught_envelope(stack: Stack) -> Any:
    """Return a message as the queue of pushes holds it."""
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName="own")["QueueUrl"]
    return json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])


def break_bus(stack: Stack) -> None:
    """Delete the event bus, so that `project` and `resolve` fail."""
    events, bus = stack.client("events"), stack.outputs["EventBusName"]
    for rule in events.list_rules(EventBusName=bus)["Rules"]:
        name = rule["Name"]
        targets = events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
        events.remove_targets(Rule=name, EventBusName=bus, Ids=[target["Id"] for target in targets])
        events.delete_rule(Name=name, EventBusName=bus)
    events.delete_event_bus(Name=bus)


def spill(root: Path) -> list[dict[str, Any]]:
    """Return what the spill queue holds of callbacks that come while the events table is gone.

    A stack of its own: without its table a stack has no snapshot.
    """
    messages: list[dict[str, Any]] = []
    other = root / "spilling"
    other.mkdir()
    with snapshot.team_server() as server, local_stack(other, snapshot.free_port(), server) as stack:
        sqs, url = stack.client("sqs"), stack.outputs["SpillQueueUrl"]
        stack.client("dynamodb").delete_table(TableName=stack.outputs["EventsTableName"])
        for entry in snapshot.callbacks("spilled"):
            stack.post(entry)
            # The stack takes the message out of sight, fails, and lets it rest: between two tries it is ours.
            message = wait_until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))[0]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            messages.append(json.loads(message["Body"]))
    return messages


def pack(folder: Path) -> None:
    """Write the state into one archive, without times and owners."""
    paths = [*(folder / name for name in FILES), *sorted((folder / "data").iterdir())]
    with tarfile.open(snapshot.STATE, "w:xz", preset=9) as archive:
        for path in paths:
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size = path.stat().st_size
            archive.addfile(entry, io.BytesIO(path.read_bytes()))


def write_expected(root: Path) -> None:
    """Record what this version answers to everything that it stored."""
    port = snapshot.free_port()
    folder = root / str(port)
    snapshot.unpack(folder)
    recorded = json.loads((folder / "recorded.json").read_text())
    with snapshot.team_server() as server, local_stack(root, port, server) as stack:
        answers = dict(explore(stack))
        commands = snapshot.commands(root)
        redriven = snapshot.redrive(root, stack, server, recorded)
        after = {path: stack.answer(path) for path in answers if path.startswith(AFTER)}
        told = snapshot.tell_again(root, stack, server)
        reindexed = snapshot.reindex(root, stack)
    content = {
        "commands": commands,
        "redriven": redriven,
        "told_again": told,
        "reindexed": reindexed,
        "answers": answers,
        "after": {path: answer for path, answer in after.items() if answer != answers[path]},
    }
    snapshot.EXPECTED.write_text(in_lines(content))


def in_lines(content: dict[str, dict[str, Any]]) -> str:
    """Write JSON with one line for each member of a member, so that a difference is one line."""
    parts = []
    for name, members in content.items():
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in members.items())
        parts.append(f"{json.dumps(name)}: {{\n{lines}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def explore(stack: Stack) -> Iterator[tuple[str, Any]]:
    """Ask for every list, page by page, and for everything that has an address."""
    for path in LISTS:
        yield from pages(stack, path)
    rows = stack.rows().values()
    events = [row for row in rows if row["type"]["S"] in ("event", "variant")]
    subjects = sorted({(row["kind"]["S"], row["subject"]["S"]) for row in events})
    for kind, subject in [*subjects, ("conversation", "c-before-erased"), ("conversation", "c-nobody")]:
        yield from pages(stack, f"/events?kind={kind}&subject={in_path(subject)}&limit=100")
        for path in views(stack, kind, subject):
            yield path, stack.answer(path)
    for entry in stack.get("/quarantine").json()["quarantine"]:
        path = f"/quarantine/{entry['quarantine_id']}/body"
        yield path, stack.answer(path)
    for row in events:
        if "body_key" in row:
            path = f"/events/{row['kind']['S']}.{row['subject']['S']}.{row['ref']['S']}/body"
            yield path, stack.answer(path)


def pages(stack: Stack, path: str) -> Iterator[tuple[str, Any]]:
    """Ask for the pages of a list, with the cursor of each answer."""
    following: str | None = path
    left = 3 if "tag=" in path else 30
    is_feed = path.startswith("/events?limit")
    while following and (left := left - 1):
        answer = stack.answer(following)
        yield following, answer
        cursor = answer.get("body", {}).get("cursor")
        is_over = not cursor or (is_feed and snapshot.is_end_of_feed(following, answer["body"]))
        following = None if is_over else path + (cursor if is_feed else f"&cursor={cursor}")


def views(stack: Stack, kind: str, subject: str) -> Iterator[str]:
    """Name the views of a subject; an unusual id has none."""
    if "/" in subject or kind not in FOLDERS:
        return
    view = f"/{FOLDERS[kind]}/{subject}"
    yield view
    if kind != "conversation":
        return
    transcript = f"{view}/transcript"
    if stack.get(transcript).is_success:
        yield from (transcript, f"{transcript}?format=text", f"{transcript}?format=vtt")
        yield f"{transcript}?include=system"
    recordings = stack.get(f"{view}/recordings").json()["recordings"]
    if recordings:
        yield f"{view}/recordings"
    for recording in recordings:
        link = f"{view}/recordings/{recording['recording_id']}"
        yield link
        if recording["status"] == "available":
            yield from (f"{link}?format=json&expires=43200", f"{link}?format=json&download=true")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        {"state": write_state, "expected": write_expected}[sys.argv[1]](Path(temporary))
