"""Stored events, made from callbacks as the receiver makes them."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

import corpus
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.conversations.expected import FoldSettings
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.recordings.view import Recording
from tavus_callbacks.domain.summaries.summary import facts_from
from tavus_callbacks_cli.simulator import scenario as simulator

NOW = datetime(2027, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
SETTINGS = FoldSettings(presumed_ended_after=timedelta(hours=2))
CONVERSATION = "c123"

# Texts that a stranger's parser can yield, halves of surrogate pairs included.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    # Texts that mean something to somebody: times, numbers beyond all, broken JSON, deep JSON, reasons.
    | st.sampled_from(
        [
            *("\ud83d", "2027-03-01T12:00:00Z", "9e999", "[NaN]", "[1e999]", "[" * 400 + "]" * 400, "100/0"),
            *(
                '{"a": "\\ud83d"}',
                "user: hi",
                "USER_SPEECH: a VISUAL_SCENE: b",
                "internal error occurred at step 7",
            ),
            *(10**400, 1e308, -1, 1_779_475_657.84),
        ]
    ),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=12,
)


def stored_event(body, *, received_at=NOW, label="test", query="user=4711", source="callback"):
    """Return the stored event of a body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    event = parse_event(raw, query=query, label=label, received_at=received_at)
    return StoredEvent(
        ref=event.ref,
        family=event.family,
        kind=event.kind,
        subject=event.subject,
        event_type=event.event_type,
        occurred_at=event.occurred_at,
        received_at=received_at,
        label=label,
        tags=event.tags,
        source=source,
        issues=event.issues,
        content=event.content,
        body_size=len(event.text.encode()),
        body=lenient_json.parse_stored_body(event.text.encode()),
    )


def gather_facts(events):
    """Return the facts of several events of a conversation."""
    return facts_from("conversation", events)


def recording(recording_id, status, **members):
    """Return a recording as the API answers it."""
    blank = dict.fromkeys(Recording.model_fields)
    whole = {"announced": True, "provider": "s3", "issues": [], "conversation_id": CONVERSATION}
    return Recording(**blank | whole | {"recording_id": recording_id, "status": status} | members)


def said(event_type, seconds=0.0, **properties):
    """Return an event of a conversation, some seconds after a fixed moment."""
    moment = NOW - timedelta(hours=1) + timedelta(seconds=seconds)
    body = {"event_type": event_type, "conversation_id": CONVERSATION, "timestamp": moment.isoformat()}
    return stored_event({**body, "properties": properties})


def transcript(*turns, seconds=0.0):
    """Make a transcript event."""
    return said("application.transcription_ready", seconds, transcript=list(turns))


def scenario(name):
    """Return the events of one of the simulator's scenarios."""
    ids = {key: f"{key}-1" for key in simulator.fresh_ids()}
    url = "https://example.com/callbacks/none?user=4711"
    rendered = simulator.render(simulator.load(name), callback_url=url, now=NOW, ids=ids)
    kept = [one.body for one in rendered if one.expect.status_code == 200]
    return [stored_event(body, query="user=4711&simulated=true") for body in kept]


def published():
    """Return the published bodies that are JSON, by their file's name."""
    paths = (path for path in corpus.files().values() if path.suffix == ".json")
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def without_receipt(view):
    """Return a view without the members named `received…`, at every depth."""
    if isinstance(view, dict):
        return {key: without_receipt(value) for key, value in view.items() if not key.startswith("received")}
    return [without_receipt(one) for one in view] if isinstance(view, list) else view
