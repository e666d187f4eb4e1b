"""The conversations and resources that the browser tests of the console look at."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from planting_journal import plant
from tavus_callbacks_cli.local_stack import stack
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.local_stack.template.template import load_template
from tavus_callbacks_cli.simulator import scenario as simulator
from tavus_callbacks_cli.simulator.recording import SIMULATED_BUCKET
from tavus_callbacks_cli.simulator.scenario import Scenario
from tavus_callbacks_cli.simulator.send import send_scenario

# Every planted conversation has three events.
SOME, TYPES = 200, ("system.replica_joined", "application.transcription_ready", "system.shutdown")
PLANTED = "planted-00000"
# The last part of a recording's key says when it began. The scenario joins 210 s before it is sent.
JOINED = 210
START = "{epoch_milliseconds-202.5}"
STARTS = {"7.5 s after": START, "2 s before": "{epoch_milliseconds-212}", "unknown": "recording"}
LONG, TURNS, PAUSE = "long", 1_575, 4
# The recording of the long conversation begins with this turn.
FIRST_RECORDED = 1_000

# An element of each of these in the page is made of data.
OWNED = (
    ".owned, img, iframe, object, embed, form[action], base, meta[http-equiv], [onerror], [onclick], [srcdoc]"
)
HTML = (
    "</bdi></p><img class=owned src=x onerror=alert(1)><script class=owned>alert(2)</script>"
    '"><svg class=owned onload=alert(3)>\u202e\u2066{{7*7}}${alert(4)}'
)
MARKDOWN = (
    f"# {HTML}\n\n[link](javascript:alert(5)) ![picture](https://evil.example/x.png) <https://evil.example>\n\n"
    f"* **{HTML}**\n* `{HTML}`\n\n```\n{HTML}\n```\n\n[1]: https://evil.example/\n\n"
    "<iframe class=owned srcdoc='<script>alert(6)</script>'></iframe>"
)
HOSTILE = "<img class=owned src=x onerror=alert(7)> \"'`&;#%3Cb%3E é مكالمة"
HOSTILE_URL = "javascript:alert(8)//https://stream.example.com/x.mp4"


def segment(id_: str) -> str:
    """Return an id as a part of a path or of a fragment."""
    return quote(id_, safe="")


def plant_many(root: Path, port: int, conversations: int, types: tuple[str, ...] = TYPES) -> None:
    """Write the data of many conversations into the folder of a stack that has not started."""
    template = load_template(REPOSITORY / "template.yaml", {}, defaults=stack._DEFAULTS)
    first = datetime.now(UTC) - timedelta(minutes=conversations + 60)
    folder = root / str(port) / "data"
    plant(folder, template.outputs["EventsTableName"], conversations, types=types, first=first)


def post(running: RunningStack, content: Any, **tags: str) -> dict[str, Any]:
    """Send a callback: JSON, or bytes as they are; return the answer."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = httpx.post(running.callback_url, params=tags, content=raw, trust_env=False, timeout=30)
    return answer.json()


def conversation_event(id_: str, event_type: str, at: datetime, **properties: Any) -> dict[str, Any]:
    """Return the body of a callback about a conversation."""
    return {
        "conversation_id": id_,
        "event_type": event_type,
        "message_type": event_type.partition(".")[0],
        "timestamp": at.isoformat(),
        "properties": properties,
    }


def read(running: RunningStack, path: str) -> dict[str, Any]:
    """Return what the read API answers."""
    headers = {"authorization": f"Bearer {running.read_token}"}
    return httpx.get(f"{running.api_url}{path}", headers=headers, trust_env=False, timeout=30).json()


def await_available(running: RunningStack, conversation_id: str) -> None:
    """Wait until the recording of a conversation plays, and its transcript is there."""
    deadline = time.monotonic() + 15
    while True:
        conversation = read(running, f"/conversations/{conversation_id}")
        statuses = [each["status"] for each in conversation.get("recordings", ())]
        if conversation.get("transcript") and ["available"] == statuses:
            return
        assert time.monotonic() < deadline, f"{conversation_id}: {statuses}"
        time.sleep(0.05)


def simulate(running: RunningStack, name: str, start: str = START) -> str:
    """Simulate a scenario and return its subject; `start` is the last part of a recording's key."""
    text = simulator.load(name).model_dump_json().replace(START, start)
    sent = send_scenario(
        Scenario.model_validate_json(text),
        running.callback_url,
        real_time=False,
        stack=running,
        lost_types=(),
    )
    subjects = [outcome.answer.get("subject") for outcome in sent]
    return str(subjects[0])


def send_long(running: RunningStack) -> None:
    """Send a conversation of 1,575 turns; its recording of 50 s is a part from its middle."""
    length = TURNS * PAUSE
    turns = [
        {
            "role": "user" if number % 2 else "assistant",
            "content": f"Turn {number}. "
            + "The words of somebody who explains something at length. " * (number % 3),
            "seconds_from_start": number * PAUSE,
            "duration": PAUSE - 1,
            "timestamp": f"{{epoch-{length - number * PAUSE}}}",
        }
        for number in range(TURNS)
    ]
    joined = {"replica_id": "r-long"}
    key = f"tavus/{LONG}/{{epoch_milliseconds-{length - FIRST_RECORDED * PAUSE}}}"
    events = [
        ("system.replica_joined", f"{{time-{length}}}", joined),
        ("application.transcription_ready", "{time-2}", {"transcript": turns}),
        (
            "application.recording_ready",
            "{time-1}",
            {"s3_key": key, "storage_provider": "s3", "bucket_name": SIMULATED_BUCKET},
        ),
        ("system.shutdown", "{time-3}", {**joined, "shutdown_reason": "participant_left_timeout reached"}),
    ]
    callbacks = [
        {
            "body": {"conversation_id": LONG, "event_type": name, "timestamp": at, "properties": properties},
            "expect": {"status_code": 200, "status": "stored"},
        }
        for name, at, properties in events
    ]
    content = {"name": LONG, "description": "", "callbacks": callbacks, "video": True}
    scenario = Scenario.model_validate_json(json.dumps(content))
    sent = send_scenario(scenario, running.callback_url, real_time=False, stack=running, lost_types=())
    assert all(outcome.is_expected for outcome in sent)


def send_hostile(running: RunningStack) -> None:
    """Send callbacks whose every text tries to become part of the page."""
    now = datetime.now(UTC)
    arguments = {HTML: HTML, "list": [HTML, {HTML: [MARKDOWN]}], "__proto__": {"polluted": HTML}}
    call = {"id": "c1", "name": HTML, "arguments": json.dumps(arguments)}
    turns = [
        {"role": "user", "content": HTML, "seconds_from_start": 1, "duration": 2, "speaker": HTML},
        {"role": "assistant", "content": f"{HTML}\n--> NOTE", "seconds_from_start": 4, "duration": 2},
        {"role": HTML, "content": MARKDOWN, "seconds_from_start": 7, "duration": 2},
        {"role": "assistant", "content": "", "seconds_from_start": 8, "tool_calls": [call]},
        {"role": "tool", "content": HTML, "tool_call_id": "c1"},
        {"role": "system", "content": HTML},
        {"role": "user", "content": f"<user_visual>{HTML}</user_visual> {HTML}", "seconds_from_start": 10},
    ]
    tool = {
        "tool_id": HTML,
        "tool_name": HTML,
        "status": HTML,
        "request": {"body": arguments},
        "response": {"status_code": 500, "body": MARKDOWN},
    }
    objective = {"objective_name": HTML, "output_variables": {HTML: HTML}}
    failed = {
        "recording_id": HTML,
        "s3_key": f"tavus/{HOSTILE}/{HTML}",
        "error_code": HTML,
        "error_message": HTML,
        "storage_provider": HTML,
    }
    events = [
        ("system.replica_joined", {"replica_id": HOSTILE, "persona_id": HTML}),
        ("application.transcription_ready", {"transcript": turns, "replica_id": HOSTILE}),
        ("application.perception_analysis", {"analysis": MARKDOWN}),
        ("application.perception_tool_call", {"name": HTML, "modality": HTML, "arguments": arguments}),
        ("application.post_call_action_executed", tool),
        ("conversation.objective.completed", objective),
        ("conversation.guardrail.triggered", {"guardrail_name": HTML, "reason": HTML}),
        ("application.recording_copy_failed", failed),
        ("application.recording_ready", {"s3_key": f"tavus/{HOSTILE}/{HTML}", "bucket_name": HTML}),
        (HOSTILE, {HTML: HTML}),
        ("system.shutdown", {"shutdown_reason": HTML + "Z" * 300}),
    ]
    tags = {"user": HTML[:90], '<b class="owned">': HTML[:60]}
    for seconds, (event_type, properties) in enumerate(events):
        event = conversation_event(HOSTILE, event_type, now + timedelta(seconds=seconds - 60), **properties)
        answer = post(running, event, **tags)
        assert "stored" == answer["status"], answer
    video = {"video_id": HOSTILE, "video_name": HTML, "status": HOSTILE, "status_details": MARKDOWN}
    links = dict.fromkeys(("download_url", "stream_url", "hosted_url"), HOSTILE_URL)
    answer = post(running, {**video, **links, "data": {"script": HTML}}, **tags)
    assert "stored" == answer["status"], answer
    post(running, f'{{"conversation_id": "{HTML}'.encode(), **tags)
    post(running, {"event_type": HTML, "nobody": MARKDOWN}, **tags)
