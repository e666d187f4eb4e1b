"""A conversation, a video or a replica as a page for people: sections of names and values, in plain words."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tavus_callbacks_cli.output.console import json_text, moment, size, tags, zone

View = dict[str, Any]
Fields = Iterator[tuple[str, str]]
Section = tuple[str, list[tuple[str, str]]]

# Longer texts are told by their beginning; `--json` has them whole.
_LONGEST = 500

_MINUTE = 60


def sections(kind: str, view: View) -> Iterator[Section]:
    """Yield the sections that have something to say, each a title and its fields."""
    every = _CONVERSATION if kind == "conversation" else _RESOURCE
    for title, fields in every.items():
        found = [(name, shown(value)) for name, value in fields(view) if value]
        if found:
            yield title, found


def left_out(value: object) -> Iterator[str]:
    """Yield the ids of events of which the view, which may have 6 MB, does not hold all."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    # The event's body fits where this is null: most parts of a view have the member.
    if isinstance(value, dict) and value.get("body_url") and "event_id" in value:
        yield value["event_id"]
    for one in members:
        yield from left_out(one)


def shown(text: str) -> str:
    """Cut a text that is too long for a page."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters; --json has all)"


def span(seconds: float | None) -> str:
    """Write a duration for people, nothing where there is none."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return str(timedelta(seconds=round(seconds)))


def _what(view: View) -> Fields:
    yield "conversation", view["conversation_id"]
    yield "status", view["status"]
    yield "face", _both(view["replica"], "replica_id", "face_id")
    yield "PAL", _both(view["persona"], "persona_id", "pal_id")
    yield "joined", _joined(view)
    yield "ended", _ended(view)
    if view["ending"]:
        reason = view["ending"]["reason"]
        yield "ending", view["ending"]["plain"] + (f" ({reason})" if reason else "")
    for one in view["missing"]:
        yield "missing", _missing(one)
    yield from _kept(view)


def _both(ids: View, old: str, new: str) -> str:
    """Write the id, and both names' ids where they differ."""
    differs = ids[old] and ids[new] and ids[old] != ids[new]
    return f"{ids['id']} ({old} {ids[old]}, {new} {ids[new]})" if differs else ids["id"] or ""


def _joined(view: View) -> str:
    if not view["joined_at"]:
        return ""
    again = len(view["joinings"]) - 1
    return f"{moment(view['joined_at'])} ({zone()})" + (f", and {again} more times" if again > 0 else "")


def _ended(view: View) -> str:
    if not view["ended_at"]:
        return ""
    after = f", after {span(view['duration'])}" if view["duration"] is not None else ""
    return f"{moment(view['ended_at'])}{after}"


def _missing(one: View) -> str:
    since = f" since {moment(one['since'])}" if one["since"] else ""
    usual = "a second" if one["usual_delay"] <= 1 else span(one["usual_delay"])
    return f"{one['what']}{since}, usually there after {usual}" + (": overdue" if one["overdue"] else "")


def _kept(view: View) -> Fields:
    yield "tags", tags(view["tags"])
    yield "labels", ", ".join(view["labels"])
    first, last = moment(view["received_first_at"]), moment(view["received_last_at"])
    yield "received", f"{first} to {last} by {', '.join(view['received_from'])}"


def _talk(view: View) -> Fields:
    summary, talk = view["transcript"], view["talk"]
    if not (summary and talk):
        return
    yield "turns", f"{talk['user_turns']} by the user, {talk['replica_turns']} by the replica"
    yield "words", f"{talk['user_words']} by the user, {talk['replica_words']} by the replica"
    if talk["user_share_by_words"] is not None:
        yield "user's share", f"{talk['user_share_by_words']:.0%} of the words"
    yield "questions", f"{talk['user_questions']} by the user, {talk['replica_questions']} by the replica"
    yield "speech", _speech(talk)
    yield "responses", _responses(talk)
    yield "tool calls", str(talk["tool_calls"] or "")
    unread = summary["skipped"]
    yield "unreadable", f"{unread} of the transcript's entries" if unread else ""


def _speech(talk: View) -> str:
    sides = (("user", talk["user_seconds"]), ("replica", talk["replica_seconds"]))
    return ", ".join(f"{span(seconds)} by the {side}" for side, seconds in sides if seconds is not None)


def _responses(talk: View) -> str:
    first, median = talk["first_response_seconds"], talk["median_response_seconds"]
    return "" if median is None else f"first after {span(first)}, median {span(median)}"


def _perception(view: View) -> Fields:
    found = view["perception"]
    if found:
        analysis = found["analysis"]
        yield "analysis", analysis if isinstance(analysis, str) else _written(analysis)
        yield "unavailable", found["unavailable_reason"] or ""


def _recordings(view: View) -> Fields:
    for one in view["recordings"]:
        facts = [one["status"], "" if one["size"] is None else size(one["size"]), span(one["duration"])]
        yield one["recording_id"], ", ".join(filter(None, facts))
    failures = view["recording_failures"]
    # An earlier version of the API names neither the recording nor what to do.
    copied = {one["recording_id"] for one in view["recordings"] if one["status"] != "failed"}
    explained = {one.get("recording_id") for one in failures}
    for one in failures:
        if one.get("recording_id") not in copied:
            yield "not copied", one["error_message"] or "no reason given"
            yield "what to do", one.get("explanation") or ""
    for one in view["recordings"]:
        if one["status"] == "failed" and one["recording_id"] not in explained:
            yield "failed", one["message"] or ""
            yield "what to do", one.get("explanation") or ""


def _objectives(view: View) -> Fields:
    for one in view["objectives"]:
        yield one["name"] or "unnamed", f"{one['status']}: {_written(one['values'])}"


def _guardrails(view: View) -> Fields:
    # A stack that was deployed by an earlier version does not answer this member, so each trigger is shown.
    counts = view.get("guardrail_counts")
    for guardrail in counts or ():
        yield _guardrail_name(guardrail), _times(guardrail)
    for trigger in view["guardrails"]:
        if trigger["reason"] or counts is None:
            reason = f": {trigger['reason']}" if trigger["reason"] else ""
            yield moment(trigger["at"] or trigger.get("received_at")), f"{_guardrail_name(trigger)}{reason}"


def _guardrail_name(guardrail: View) -> str:
    return guardrail["name"] or guardrail["guardrail_id"] or guardrail.get("event_type") or "unnamed"


def _times(guardrail: View) -> str:
    first, last = moment(guardrail["received_first_at"]), moment(guardrail["received_last_at"])
    if guardrail["count"] == 1:
        return f"once, received {first}"
    return f"{guardrail['count']} times, received {first} to {last}"


def _actions(view: View) -> Fields:
    for one in view["actions"]:
        yield one["tool_name"] or one["tool_id"] or "unnamed", f"{one['status']} {_written(one['request'])}"


def _else(view: View) -> Fields:
    for one in view["perception_tool_calls"]:
        yield "raven called", f"{one['name']} {_written(one['arguments'])}"
    for one in view["canvas_interactions"]:
        yield "card", f"{one['component']} {one['type']} {_written(one['value'])}"
    for one in view["memories"]:
        yield "memory", f"{one['event_type']} {_written(one['analysis'])}"
    for one in view["other_events"]:
        yield "event", one["event_type"]


def _written(value: object) -> str:
    return "" if value in (None, {}) else json_text(value, indent=None)


def _resource(view: View) -> Fields:
    yield view["kind"], view["id"]
    yield "status", _status(view)
    yield "name", view["name"] or ""
    yield "face", "" if view["kind"] == "replica" else view["replica_id"] or ""
    yield "error", view["error"] or ""
    yield "details", view["status_details"] or ""
    yield "progress", "" if view["progress"] is None else f"{view['progress']:g} %"
    yield "created", moment(view["created_at"]) if view["created_at"] else ""
    yield from _kept(view)


def _status(view: View) -> str:
    raw = view["raw_status"]
    return view["status"] if raw in (None, view["status"]) else f"{view['status']} (sent as {raw})"


def _links(view: View) -> Fields:
    yield from view["links"].items()


def _history(view: View) -> Fields:
    for one in view["history"]:
        yield one["status"], f"{moment(one['at'])} {one['event_id']}"


_CONVERSATION = {
    "": _what,
    "Talk": _talk,
    "Perception": _perception,
    "Recordings": _recordings,
    "Objectives": _objectives,
    "Guardrails": _guardrails,
    "After the call": _actions,
    "Also": _else,
}
_RESOURCE = {"": _resource, "Links": _links, "History": _history}
