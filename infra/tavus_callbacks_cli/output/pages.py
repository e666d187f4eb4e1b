"""A conversation, a video or another resource as a page for people: sections of names and values."""

from collections.abc import Iterator
from typing import Any

from tavus_callbacks_cli.output.text import duration, json_text, moment, size, tags, zone

View = dict[str, Any]
Fields = Iterator[tuple[str, str]]
Section = tuple[str, list[tuple[str, str]]]

# Longer texts are cut; `--json` has them whole.
_LONGEST = 500


def sections(kind: str, view: View) -> Iterator[Section]:
    """Yield the sections that are not empty, each a title and its fields."""
    every = _CONVERSATION if kind == "conversation" else _RESOURCE
    for title, fields in every.items():
        lines = [(name, truncate(value)) for name, value in fields(view) if value]
        if lines:
            yield title, lines


def large_events(value: object) -> Iterator[str]:
    """Yield the ids of events that the view, which may have 6 MB, does not hold whole."""
    # The event's body fits where this is null: most parts of a view have the member.
    if isinstance(value, dict) and value.get("body_url") and "event_id" in value:
        yield value["event_id"]
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from large_events(member)


def truncate(text: str) -> str:
    """Return a text, cut if it is too long for a page."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters; --json has all)"


def conversation_fields(view: View) -> Fields:
    """Yield status, participants, times, and what is missing."""
    yield "conversation", view["conversation_id"]
    yield "status", view["status"]
    yield "face", _renamed_id(view["replica"], "replica_id", "face_id")
    yield "PAL", _renamed_id(view["persona"], "persona_id", "pal_id")
    if view["joined_at"]:
        again = len(view["joinings"]) - 1
        more = f", and {again} more times" if again > 0 else ""
        yield "joined", f"{moment(view['joined_at'])} ({zone()}){more}"
    if view["ended_at"]:
        after = f", after {duration(view['duration'])}" if view["duration"] is not None else ""
        yield "ended", f"{moment(view['ended_at'])}{after}"
    if view["ending"]:
        reason = view["ending"]["reason"]
        yield "ending", view["ending"]["plain"] + (f" ({reason})" if reason else "")
    for part in view["missing"]:
        since = f" since {moment(part['since'])}" if part["since"] else ""
        usual = "a second" if part["usual_delay"] <= 1 else duration(part["usual_delay"])
        overdue = ": overdue" if part["overdue"] else ""
        yield "missing", f"{part['what']}{since}, usually there after {usual}{overdue}"
    yield from _receipt_fields(view)


def _renamed_id(ids: View, old: str, new: str) -> str:
    """Return the id, and the ids under both of its names if they differ."""
    differs = ids[old] and ids[new] and ids[old] != ids[new]
    return f"{ids['id']} ({old} {ids[old]}, {new} {ids[new]})" if differs else ids["id"] or ""


def _receipt_fields(view: View) -> Fields:
    yield "tags", tags(view["tags"])
    yield "labels", ", ".join(view["labels"])
    first, last = moment(view["received_first_at"]), moment(view["received_last_at"])
    yield "received", f"{first} to {last} by {', '.join(view['received_from'])}"


def statistics_fields(view: View) -> Fields:
    """Yield the counts of a transcript; nothing if there is none."""
    transcript, talk = view["transcript"], view["talk"]
    if not (transcript and talk):
        return
    yield "turns", f"{talk['user_turns']} by the user, {talk['replica_turns']} by the replica"
    yield "words", f"{talk['user_words']} by the user, {talk['replica_words']} by the replica"
    if talk["user_share_by_words"] is not None:
        yield "user's share", f"{talk['user_share_by_words']:.0%} of the words"
    yield "questions", f"{talk['user_questions']} by the user, {talk['replica_questions']} by the replica"
    sides = (("user", talk["user_seconds"]), ("replica", talk["replica_seconds"]))
    spoken = (f"{duration(seconds)} by the {side}" for side, seconds in sides if seconds is not None)
    yield "speech", ", ".join(spoken)
    first, median = talk["first_response_seconds"], talk["median_response_seconds"]
    if median is not None:
        yield "responses", f"first after {duration(first)}, median {duration(median)}"
    yield "tool calls", str(talk["tool_calls"] or "")
    skipped = transcript["skipped"]
    yield "unreadable", f"{skipped} of the transcript's entries" if skipped else ""


def perception_fields(view: View) -> Fields:
    """Yield the analysis of what the camera saw, or why there is none."""
    perception = view["perception"]
    if perception:
        analysis = perception["analysis"]
        yield "analysis", analysis if isinstance(analysis, str) else _json_line(analysis)
        yield "unavailable", perception["unavailable_reason"] or ""


def recording_fields(view: View) -> Fields:
    """Yield each recording, and the failures that have no recording beside them."""
    for recording in view["recordings"]:
        size_text = "" if recording["size"] is None else size(recording["size"])
        # An earlier version of the API does not say when it starts.
        started_at = recording.get("started_at")
        start = f"from {moment(started_at)}" if started_at else ""
        facts = [recording["status"], size_text, duration(recording["duration"]), start]
        yield recording["recording_id"], ", ".join(filter(None, facts))
    failures = view["recording_failures"]
    # An earlier version of the API names neither the recording nor what to do.
    copied = {each["recording_id"] for each in view["recordings"] if each["status"] != "failed"}
    explained = {failure.get("recording_id") for failure in failures}
    for failure in failures:
        if failure.get("recording_id") not in copied:
            yield "not copied", failure["error_message"] or "no reason given"
            yield "what to do", failure.get("explanation") or ""
    for recording in view["recordings"]:
        if recording["status"] == "failed" and recording["recording_id"] not in explained:
            yield "failed", recording["message"] or ""
            yield "what to do", recording.get("explanation") or ""


def objective_fields(view: View) -> Fields:
    """Yield each objective with its status and values."""
    for objective in view["objectives"]:
        yield objective["name"] or "unnamed", f"{objective['status']}: {_json_line(objective['values'])}"


def guardrail_fields(view: View) -> Fields:
    """Yield how often each guardrail was triggered, and the triggers that say why."""
    # A stack of an earlier version does not answer this member, so each trigger is shown.
    counts = view.get("guardrail_counts")
    for guardrail in counts or ():
        first, last = moment(guardrail["received_first_at"]), moment(guardrail["received_last_at"])
        several = f"{guardrail['count']} times, received {first} to {last}"
        yield _guardrail_name(guardrail), f"once, received {first}" if guardrail["count"] == 1 else several
    for trigger in view["guardrails"]:
        if trigger["reason"] or counts is None:
            reason = f": {trigger['reason']}" if trigger["reason"] else ""
            yield moment(trigger["at"] or trigger.get("received_at")), f"{_guardrail_name(trigger)}{reason}"


def _guardrail_name(guardrail: View) -> str:
    return guardrail["name"] or guardrail["guardrail_id"] or guardrail.get("event_type") or "unnamed"


def action_fields(view: View) -> Fields:
    """Yield the tools that ran after the call."""
    for action in view["actions"]:
        name = action["tool_name"] or action["tool_id"] or "unnamed"
        yield name, f"{action['status']} {_json_line(action['request'])}"


def other_fields(view: View) -> Fields:
    """Yield everything that has no section of its own."""
    for call in view["perception_tool_calls"]:
        yield "raven called", f"{call['name']} {_json_line(call['arguments'])}"
    for card in view["canvas_interactions"]:
        yield "card", f"{card['component']} {card['type']} {_json_line(card['value'])}"
    for memory in view["memories"]:
        yield "memory", f"{memory['event_type']} {_json_line(memory['analysis'])}"
    for event in view["other_events"]:
        yield "event", event["event_type"]


def _json_line(value: object) -> str:
    return "" if value in (None, {}) else json_text(value, indent=None)


def resource_fields(view: View) -> Fields:
    """Yield the status of a resource, and its times."""
    status, raw_status = view["status"], view["raw_status"]
    yield view["kind"], view["id"]
    yield "status", status if raw_status in (None, status) else f"{status} (sent as {raw_status})"
    yield "name", view["name"] or ""
    yield "face", "" if view["kind"] == "replica" else view["replica_id"] or ""
    yield "error", view["error"] or ""
    yield "details", view["status_details"] or ""
    yield "progress", "" if view["progress"] is None else f"{view['progress']:g} %"
    yield "created", moment(view["created_at"]) if view["created_at"] else ""
    yield from _receipt_fields(view)


def link_fields(view: View) -> Fields:
    """Yield the links that Tavus gave."""
    yield from view["links"].items()


def history_fields(view: View) -> Fields:
    """Yield every status with its time and event."""
    for change in view["history"]:
        yield change["status"], f"{moment(change['at'])} {change['event_id']}"


_CONVERSATION = {
    "": conversation_fields,
    "Talk": statistics_fields,
    "Perception": perception_fields,
    "Recordings": recording_fields,
    "Objectives": objective_fields,
    "Guardrails": guardrail_fields,
    "After the call": action_fields,
    "Also": other_fields,
}
_RESOURCE = {"": resource_fields, "Links": link_fields, "History": history_fields}
