"""The rows of one subject in a copy: folded from its events as the API folds them, written, and deleted.

Nothing here begins or ends a transaction.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tavus_callbacks.domain.conversations import parts
from tavus_callbacks.domain.conversations.facts import conversation_period
from tavus_callbacks.domain.conversations.objectives import fold_objectives
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.events.stored_event import StoredEvent, merge_variants
from tavus_callbacks.domain.recordings.view import Recording
from tavus_callbacks.domain.resources.view import fold_resource
from tavus_callbacks.domain.transcripts.alignment import align
from tavus_callbacks.domain.transcripts.statistics import response_delays
from tavus_callbacks.domain.transcripts.transcript import (
    Transcript,
    choose_transcript,
    speech_turns,
    transcript_view,
)
from tavus_callbacks_cli.sync.schema import INDEXED

Row = dict[str, Any]
# Rows by table; the values are those that SQLite stores. `turns` and `perception` get their ids when written.
Rows = Mapping[str, Sequence[Row]]

# As template.yaml has it. Only a conversation that the stack does not list has its status by this.
_SETTINGS = FoldSettings(presumed_ended_after=timedelta(minutes=240))

# Time or another store decides these members: the list of the stack has them, and the events do not.
_LISTED = ("status", "ended_at", "duration", "end_reason", "missing", "confirmed")

_RECEIPT = ("tags", "labels", "simulated", "received_first_at", "received_last_at")
_TALK = (
    "total_turns",
    "user_turns",
    "replica_turns",
    "user_words",
    "replica_words",
    "user_questions",
    "replica_questions",
    "user_share_by_words",
    "user_seconds",
    "replica_seconds",
    "first_response_seconds",
    "median_response_seconds",
)
_PERCEPTION = ("analysis", "unavailable_reason", "at", "event_id")
_RECORDING = (
    "conversation_id",
    "recording_id",
    "status",
    "key",
    "size",
    "duration",
    "started_at",
    "announced",
    "content_type",
    "version",
    "storage_class",
    "provider",
    "bucket",
    "message",
    "error_code",
    "explanation",
    "issues",
    "modified_at",
    "received_at",
)
_RECORDING_ROW = (*_RECORDING, "talk_offset")
_RESOURCE = (
    "status",
    "raw_status",
    "status_details",
    "error",
    "progress",
    "name",
    "links",
    "created_at",
    "updated_at",
)

_SPEAKERS = {"assistant": "replica"}

# Ids within one second; a file has them in order of the conversations' first receipts (see `_first_id`).
_IDS_PER_SECOND_BITS = 20

# The tables with rows of a subject, and the columns that name it: by kind, else for all other kinds.
_OWNED: dict[str, dict[str, str]] = {
    "conversation": dict.fromkeys(
        ("conversations", "turns", "recordings", "objectives", "guardrails", "tool_calls", "perception"),
        "conversation_id = :subject",
    ),
    "video": {"videos": "video_id = :subject"},
    "replica": {"replicas": "replica_id = :subject"},
    "objective": {"objectives": "conversation_id IS NULL AND objective_id = :subject"},
    "guardrail": {"guardrails": "conversation_id IS NULL AND guardrail_id = :subject"},
}
_OWNED_BY_OTHERS = {"resources": "kind = :kind AND id = :subject"}
_OWNED_BY_ALL = {"tags": "kind = :kind AND subject = :subject"}


def subject_rows(  # noqa: PLR0913 - one argument a source
    kind: str,
    subject: str,
    events: Sequence[StoredEvent],
    *,
    listed: Mapping[str, Any] | None = None,
    recordings: Sequence[Mapping[str, Any]] = (),
    now: datetime,
) -> Rows:
    """Return the rows of a subject by its events, at least one; those without a body are not read.

    `listed` is a conversation's item of `GET /conversations`, None if the stack does not list it;
    `recordings` are the items of `GET /conversations/{id}/recordings`.
    """
    if kind == "conversation":
        rows = _conversation_rows(subject, events, listed, recordings, now)
    elif kind == "objective":
        objectives = fold_objectives(merge_variants(events))
        rows = {
            "objectives": [_objective(view.model_dump(mode="json"), None, subject) for view in objectives]
        }
    elif kind == "guardrail":
        triggers = parts.guardrails(merge_variants(events))
        rows = {"guardrails": [_guardrail(view.model_dump(mode="json"), None, subject) for view in triggers]}
    else:
        rows = _resource_rows(kind, subject, events)
    tags = {tag for event in events for tag in event.tags.items()}
    rows["tags"] = [
        {"kind": kind, "subject": subject, "name": name, "value": value} for name, value in sorted(tags)
    ]
    return {table: list(map(_storable, several)) for table, several in rows.items()}


def replace_subject(connection: sqlite3.Connection, kind: str, subject: str, rows: Rows) -> None:
    """Write the rows of a subject in place of those that the file has; `events` stays as it is."""
    _delete_rows(connection, kind, subject)
    for table, several in rows.items():
        if table in INDEXED and several:
            received_at = datetime.fromisoformat(rows["conversations"][0]["received_first_at"])
            first = _first_id(connection, table, received_at, len(several))
            _insert(connection, table, [{"id": first + n, **row} for n, row in enumerate(several)])
        else:
            _insert(connection, table, several)


def keep_listed(connection: sqlite3.Connection, rows: Rows) -> Rows:
    """Return the rows of a conversation with what the stack said when it still listed it.

    Its ending and its recordings stay as they were after it expires there, because events say less about
    them. A later event, or a call that was still going on, makes that obsolete.
    """
    [row] = rows["conversations"]
    columns = ", ".join(_LISTED)
    statement = (
        f"SELECT {columns} FROM conversations"  # noqa: S608 - own names
        " WHERE conversation_id = :conversation_id AND received_last_at = :received_last_at"
        " AND status != 'active'"
    )
    earlier = connection.execute(statement, row).fetchone()
    if earlier is None:
        return rows
    columns = ", ".join(_RECORDING_ROW)
    statement = f"SELECT {columns} FROM recordings WHERE conversation_id = :conversation_id"  # noqa: S608
    recordings = [dict(zip(_RECORDING_ROW, each, strict=True)) for each in connection.execute(statement, row)]
    conversation = {**row, **dict(zip(_LISTED, earlier, strict=True))}
    return {**rows, "conversations": [conversation], "recordings": recordings or rows["recordings"]}


def delete_subject(connection: sqlite3.Connection, kind: str, subject: str) -> None:
    """Delete every row of a subject, its events too."""
    _delete_rows(connection, kind, subject)
    connection.execute("DELETE FROM events WHERE kind = ? AND subject = ?", (kind, subject))


def purge_indexes(connection: sqlite3.Connection) -> None:
    """Remove the words of deleted rows from the indexes, which otherwise only mark them as deleted.

    This rewrites the indexes; VACUUM then overwrites their old pages.
    """
    for table in INDEXED:
        connection.execute(f"INSERT INTO {table}_fts ({table}_fts) VALUES ('optimize')")  # noqa: S608 - own names


def _delete_rows(connection: sqlite3.Connection, kind: str, subject: str) -> None:
    for table, owner in (_OWNED.get(kind, _OWNED_BY_OTHERS) | _OWNED_BY_ALL).items():
        statement = f"DELETE FROM {table} WHERE {owner}"  # noqa: S608 - own names
        connection.execute(statement, {"kind": kind, "subject": subject})


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows that have the same columns."""
    if rows:
        columns, values = ", ".join(rows[0]), ", ".join(f":{name}" for name in rows[0])
        statement = f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608 - own names
        connection.executemany(statement, rows)


def _first_id(connection: sqlite3.Connection, table: str, received_at: datetime, count: int) -> int:
    """Return the first of so many free ids, within the second of a conversation's first receipt.

    So an index of words lists the newest conversations first by `ORDER BY rowid DESC`, without reading all
    rows that have a common word. The ids have 51 bits; JavaScript's numbers have 53. If the second has no
    room for them, they follow the last id of all.
    """
    second = int(received_at.timestamp()) << _IDS_PER_SECOND_BITS
    statement = f"SELECT max(id) FROM {table} WHERE id BETWEEN ? AND ?"  # noqa: S608 - own names
    [(last,)] = connection.execute(statement, (second, second + (1 << _IDS_PER_SECOND_BITS) - 1))
    first = second if last is None else int(last) + 1
    [(taken,)] = connection.execute(statement, (first, first + count))
    if taken is not None:
        [(taken,)] = connection.execute(f"SELECT max(id) FROM {table}")  # noqa: S608 - own names
        first = int(taken) + 1
    return first


def _conversation_rows(
    conversation_id: str,
    events: Sequence[StoredEvent],
    listed: Mapping[str, Any] | None,
    recordings: Sequence[Mapping[str, Any]],
    now: datetime,
) -> dict[str, list[Row]]:
    view = fold_conversation(
        conversation_id,
        events,
        now=now,
        settings=_SETTINGS,
        recordings=list(map(Recording.model_validate, recordings)),
    )
    chosen = choose_transcript(events)
    transcript = chosen and align(chosen, conversation_period(events))
    spoken = transcript_view(transcript)["turns"] if transcript else []
    turns = list(_turns(transcript, spoken)) if transcript else []
    perception, tool_calls = view["perception"], [*_tool_calls(spoken), *_later_calls(view)]
    return {
        "conversations": [_conversation(view, listed)],
        "turns": [{"conversation_id": conversation_id, **turn} for turn in turns],
        "recordings": list(map(_recording, view["recordings"])),
        "objectives": [_objective(objective, conversation_id) for objective in view["objectives"]],
        "guardrails": [_guardrail(guardrail, conversation_id) for guardrail in view["guardrails"]],
        "tool_calls": [{"conversation_id": conversation_id, **call} for call in tool_calls],
        "perception": [{"conversation_id": conversation_id, **_members(perception, *_PERCEPTION)}]
        if perception
        else [],
    }


def _conversation(view: Mapping[str, Any], listed: Mapping[str, Any] | None) -> Row:
    ending = view["ending"] or {}
    row = {
        "conversation_id": view["conversation_id"],
        "replica_id": view["replica"]["id"],
        "persona_id": view["persona"]["id"],
        "end_reason": ending.get("code"),
        **_members(view, "status", "joined_at", "ended_at", "duration", "confirmed", *_RECEIPT),
        **_members(view["talk"] or {}, *_TALK),
        "missing": [part["what"] for part in view["missing"]],
    }
    # A stack of an earlier version does not list all of them.
    return row | {name: listed[name] for name in _LISTED if listed and name in listed}


def _turns(transcript: Transcript, views: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield the turns that have words, in order; `views` are those of `transcript_view`."""
    answers = response_delays(list(speech_turns(transcript)))
    delays = {id(answer): delay for answer, delay in answers}
    pairs = zip(transcript.turns, views, strict=True)
    for number, (turn, view) in enumerate((pair for pair in pairs if pair[0].text), start=1):
        yield {
            "number": number,
            "speaker": _SPEAKERS.get(turn.role, turn.role),
            "speaker_name": turn.speaker,
            **_members(view, "text", "scene", "start", "duration", "at"),
            "response_seconds": delays.get(id(turn)),
        }


def _tool_calls(turns: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield the calls that a transcript's turns name; a call has the time of its turn."""
    for turn in turns:
        for call in turn["tool_calls"]:
            yield {
                "source": "transcript",
                "call_id": call["id"],
                **_members(call, "name", "arguments"),
                "answer": "\n".join(answer["text"] for answer in call["answers"]) or None,
                "status": None,
                **_members(turn, "start", "at"),
                "event_id": None,
            }


def _later_calls(view: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the calls that have an event of their own: Raven's, and the actions after the call."""
    for call in view["perception_tool_calls"]:
        unknown = dict.fromkeys(("call_id", "answer", "status", "start"))
        yield {"source": "perception", **unknown, **_members(call, "name", "arguments", "at", "event_id")}
    for action in view["actions"]:
        yield {
            "source": "action",
            "call_id": action["tool_id"],
            "name": action["tool_name"],
            "arguments": action["request"],
            "answer": action["response"],
            "start": None,
            **_members(action, "status", "at", "event_id"),
        }


def _recording(view: Mapping[str, Any]) -> Row:
    return {**_members(view, *_RECORDING), "talk_offset": view["offset"]}


def _objective(view: Mapping[str, Any], conversation_id: str | None, objective_id: str | None = None) -> Row:
    return {
        "conversation_id": conversation_id,
        "objective_id": objective_id,
        "name": view["name"],
        "status": view["status"],
        "variables": view["values"],
        "deliveries": len(view["history"]),
        **_members(view["history"][-1], "at", "received_at", "event_id"),
    }


def _guardrail(view: Mapping[str, Any], conversation_id: str | None, guardrail_id: str | None = None) -> Row:
    return {
        "conversation_id": conversation_id,
        "guardrail_id": guardrail_id or view["guardrail_id"],
        **_members(view, "name", "reason", "event_type", "at", "received_at", "event_id"),
    }


def _resource_rows(kind: str, subject: str, events: Sequence[StoredEvent]) -> dict[str, list[Row]]:
    view = fold_resource(kind, subject, events)
    row = _members(view, *_RESOURCE, *_RECEIPT)
    if kind == "replica":
        return {"replicas": [{"replica_id": subject, **row}]}
    named = {"replica_id": view["replica_id"], **row}
    if kind == "video":
        return {"videos": [{"video_id": subject, **named}]}
    return {"resources": [{"kind": kind, "id": subject, **named}]}


def _members(view: Mapping[str, Any], *names: str) -> Row:
    return {name: view.get(name) for name in names}


def _storable(row: Row) -> Row:
    """Return a row whose values SQLite stores: lists and objects become JSON."""
    return {name: _stored(value) for name, value in row.items()}


def _stored(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    # A whole number of any size may stand where a body holds whatever it likes.
    if value is None or isinstance(value, float) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
