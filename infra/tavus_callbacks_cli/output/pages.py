"""A conversation, a video or another resource as a page for people: sections of names and values."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tavus_callbacks_cli.output.text import Prose, Times, duration, json_text, size, tags

View = dict[str, Any]
Fields = Iterator[tuple[str, str]]
Section = tuple[str, list[tuple[str, str]]]
# Prints a time of the page.
Clock = Callable[[str | None], str]

# Longer values are cut; `--json` has them whole.
_LONGEST, _LONGEST_PROSE = 500, 5000


def sections(kind: str, view: View) -> Iterator[Section]:
    """Yield the sections that are not empty, each a title and its fields."""
    shown: list[str | None] = []

    def collect(time: str | None) -> str:
        shown.append(time)
        return "-"

    # The zone stands above the times, so they are collected first.
    for _ in _sections(kind, view, collect, None):
        pass
    times = Times.of(shown)
    yield from _sections(kind, view, times.show, times.zone if any(shown) else None)


def _sections(kind: str, view: View, clock: Clock, zone: str | None) -> Iterator[Section]:
    every = _CONVERSATION if kind == "conversation" else _RESOURCE
    for title, fields in every.items():
        lines = [(name, truncate(value)) for name, value in fields(view, clock) if value]
        if zone and not title:
            lines.insert(2, ("time zone", zone))
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
    longest = _LONGEST_PROSE if isinstance(text, Prose) else _LONGEST
    if len(text) <= longest:
        return text
    return type(text)(f"{text[:longest]}… ({len(text)} characters; --json has all)")


def conversation_fields(view: View, clock: Clock) -> Fields:
    """Yield status, participants, times, and what is missing."""
    yield "conversation", view["conversation_id"]
    yield "status", view["status"]
    yield "face", _renamed_id(view["replica"], "replica_id", "face_id")
    yield "PAL", _renamed_id(view["persona"], "persona_id", "pal_id")
    if view["joined_at"]:
        again = len(view["joinings"]) - 1
        more = f", and {again} more times" if again > 0 else ""
        yield "joined", f"{clock(view['joined_at'])}{more}"
    if view["ended_at"]:
        after = f", after {duration(view['duration'])}" if view["duration"] is not None else ""
        yield "ended", f"{clock(view['ended_at'])}{after}"
    if view["ending"]:
        reason, plain = view["ending"]["reason"], view["ending"]["plain"]
        yield "ending", plain if not reason or reason in plain else f"{plain} ({reason})"
    for part in view["missing"]:
        overdue = " is overdue" if part["overdue"] else ""
        # A conversation without an end counts from its last sign of life.
        is_known = part["since"] in (None, view["ended_at"])
        since = "" if is_known else f", waiting since {clock(part['since'])}"
        usual = "a second" if part["usual_delay"] <= 1 else duration(part["usual_delay"])
        yield "missing", f"{part['what']}{overdue}{since}, usually arrives {usual} after the end"
    yield from _receipt_fields(view, clock)


def _renamed_id(ids: View, old: str, new: str) -> str:
    """Return the id, and the ids under both of its names if they differ."""
    differs = ids[old] and ids[new] and ids[old] != ids[new]
    return f"{ids['id']} ({old} {ids[old]}, {new} {ids[new]})" if differs else ids["id"] or ""


def _receipt_fields(view: View, clock: Clock) -> Fields:
    yield "tags", tags(view["tags"])
    yield "labels", ", ".join(view["labels"])
    yield "received", f"{_span(view, clock)} by {', '.join(view['received_from'])}"


def _span(view: View, clock: Clock) -> str:
    """Return the first and the last time of receipt, once if they are the same."""
    first, last = clock(view["received_first_at"]), clock(view["received_last_at"])
    return first if first == last else f"{first} to {last}"


def statistics_fields(view: View, _clock: Clock) -> Fields:
    """Yield the counts of a transcript, if it has arrived."""
    transcript, talk = view["transcript"], view["talk"]
    if not (transcript and talk):
        return
    yield "turns", f"{talk['user_turns']} by the user, {talk['replica_turns']} by the replica"
    yield "words", f"{talk['user_words']} by the user, {talk['replica_words']} by the replica"
    if talk["user_share_by_words"] is not None:
        yield "user's share", f"{talk['user_share_by_words']:.0%} of the words"
    if talk["user_questions"] or talk["replica_questions"]:
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


def perception_fields(view: View, _clock: Clock) -> Fields:
    """Yield the analysis of what the camera saw, or why it is unavailable."""
    perception = view["perception"]
    if perception:
        analysis = perception["analysis"]
        yield "analysis", _prose(analysis)
        yield "unavailable", perception["unavailable_reason"] or ""


def recording_fields(view: View, clock: Clock) -> Fields:
    """Yield each recording, and the failures that have no recording beside them."""
    for recording in view["recordings"]:
        size_text = "" if recording["size"] is None else size(recording["size"])
        # An earlier version of the API does not say when it starts.
        started_at = recording.get("started_at")
        start = f"started {clock(started_at)}" if started_at else ""
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


def objective_fields(view: View, _clock: Clock) -> Fields:
    """Yield each objective with its status and values."""
    for objective in view["objectives"]:
        yield objective["name"] or "unnamed", f"{objective['status']}: {_json_line(objective['values'])}"


def guardrail_fields(view: View, clock: Clock) -> Fields:
    """Yield each guardrail with how often it triggered, and below it the reasons."""
    reasons: dict[str, list[str]] = {}
    for trigger in view["guardrails"]:
        lines = reasons.setdefault(_guardrail_name(trigger), [])
        if trigger["reason"]:
            lines.append(f"{clock(trigger['at'] or trigger.get('received_at'))}  {trigger['reason']}")
    # A stack of an earlier version does not answer this member.
    counts = {_guardrail_name(each): each for each in view.get("guardrail_counts") or ()}
    for name in {**counts, **reasons}:
        lines = []
        if count := counts.get(name):
            often = "once" if count["count"] == 1 else f"{count['count']} times"
            lines.append(f"{often}, received {_span(count, clock)}")
        yield name, "\n".join((*lines, *reasons.get(name, ()))) or "triggered"


def _guardrail_name(guardrail: View) -> str:
    return guardrail["name"] or guardrail["guardrail_id"] or guardrail.get("event_type") or "unnamed"


def action_fields(view: View, _clock: Clock) -> Fields:
    """Yield the tools that ran after the call."""
    for action in view["actions"]:
        name = action["tool_name"] or action["tool_id"] or "unnamed"
        yield name, _words(action["status"], _json_line(action["request"]))


def other_fields(view: View, _clock: Clock) -> Fields:
    """Yield everything that has no section of its own."""
    for call in view["perception_tool_calls"]:
        yield "raven called", _words(call["name"] or "unnamed", _json_line(call["arguments"]))
    for card in view["canvas_interactions"]:
        yield "card", _words(card["component"], card["type"], _json_line(card["value"]))
    for memory in view["memories"]:
        yield "memory", _prose(memory["analysis"]) or memory["event_type"]
    counts = Counter(event["event_type"] for event in view["other_events"])
    several = (f"{name}, {count} times" if count > 1 else name for name, count in counts.items())
    yield "events", "\n".join(several)


def _words(*words: str | None) -> str:
    return " ".join(filter(None, words))


def _prose(value: object) -> str:
    return Prose(value) if isinstance(value, str) else _json_line(value)


def _json_line(value: object) -> str:
    return "" if value in (None, {}) else json_text(value, indent=None)


def resource_fields(view: View, clock: Clock) -> Fields:
    """Yield the status of a resource, and its times."""
    status, raw_status = view["status"], view["raw_status"]
    yield view["kind"], view["id"]
    yield "status", status if raw_status in (None, status) else f"{status} (sent as {raw_status})"
    yield "name", view["name"] or ""
    yield "face", "" if view["kind"] == "replica" else view["replica_id"] or ""
    yield "error", view["error"] or ""
    yield "details", view["status_details"] or ""
    yield "progress", "" if view["progress"] is None else f"{view['progress']:g} %"
    yield "created", clock(view["created_at"]) if view["created_at"] else ""
    yield from _receipt_fields(view, clock)


def link_fields(view: View, _clock: Clock) -> Fields:
    """Yield the links that Tavus gave."""
    yield from view["links"].items()


def history_fields(view: View, clock: Clock) -> Fields:
    """Yield every status with its time and event."""
    for change in view["history"]:
        yield change["status"], f"{clock(change['at'])} {change['event_id']}"


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
