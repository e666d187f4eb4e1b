"""Videos, replicas and other things with a status, folded from their callbacks into one answer.

Fields of the families: docs/tavus.md, "Faces, videos, documents and others".
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.common import lenient_json, timestamps
from tavus_callbacks.domain.common.digests import canonical
from tavus_callbacks.domain.common.view import SKIPPED, Moment, Skipped, View
from tavus_callbacks.domain.events.stored_event import Occurrence, StoredEvent, merge_variants, skipped_events
from tavus_callbacks.domain.resources.facts import (
    ResourceFacts,
    ResourceStatus,
    resource_facts_of,
    status_of,
)

_PROGRESS = re.compile(r"([0-9]{1,6})\s*/\s*([0-9]{1,6})")
_WHOLE = 100.0

# A body is anybody's text: a link leads to the web or is none.
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_SUFFIX = "_url"
_ECHOES = ("webhook_url", "callback_url")

# Tavus renamed replica to face in June 2026 (docs.tavus.io, Create Face); callbacks may carry either name.
_NAMES = {"replica": ("replica_name", "face_name")}


class StatusChange(View):
    """One callback."""

    at: Moment | None
    event_id: str
    status: ResourceStatus
    raw_status: str | None


class ResourceView(View):
    """A video, a replica or another thing with a status."""

    kind: str
    id: str
    status: ResourceStatus
    raw_status: str | None = Field(description="The status as Tavus sent it.")
    status_details: str | None
    error: str | None = Field(description="Why it failed; None unless `status` is `error`.")
    progress: float | None = Field(description="0 to 100.")
    name: str | None
    replica_id: str | None
    links: dict[str, str] = Field(description="By what they lead to: download, stream, hosted, video, …")
    created_at: Moment | None
    updated_at: Moment | None
    history: list[StatusChange]
    skipped: Skipped | None = Field(None, description=SKIPPED)
    tags: dict[str, str | list[str]]
    labels: list[str]
    simulated: bool
    received_first_at: Moment
    received_last_at: Moment
    received_from: list[str]


def fold_resource(kind: str, subject: str, events: Sequence[StoredEvent]) -> dict[str, Any]:
    """Return the view of a resource as JSON can hold it; ResourceView says what it holds.

    `events` are all that are kept of it, at least one.
    """
    facts = reduce(ResourceFacts.merge, map(resource_facts_of, events))
    happened = merge_variants(events)
    now, said = _deciding(happened, facts), _said(happened)
    view = ResourceView(
        kind=kind,
        id=subject,
        status=facts.status,
        raw_status=lenient_json.text(now.get("status")),
        status_details=lenient_json.text(now.get("status_details")),
        error=_error(now) if facts.status == "error" else None,
        progress=_WHOLE if facts.status == "ready" else _progress(now),
        name=_latest_text(happened, *_NAMES.get(kind, (f"{kind}_name",)), "name"),
        replica_id=_latest_text(happened, "replica_id", "face_id"),
        links=_links(said),
        created_at=_moment(said, "created_at"),
        updated_at=_moment(said, "updated_at"),
        history=list(map(_change, happened)),
        skipped=skipped_events(events),
        **facts.receipt.view(),
    )
    return view.model_dump(mode="json")


def _deciding(happened: Sequence[Occurrence], facts: ResourceFacts) -> Mapping[str, Any]:
    ref = facts.state.ref if facts.state else None
    return next((one.properties for one in happened if one.event.event_ref == ref), {})


def _said(happened: Sequence[Occurrence]) -> Mapping[str, Any]:
    """Return what all events say, the most recent before others."""
    return {name: value for one in _rising(happened) for name, value in one.properties.items()}


def _latest_text(happened: Sequence[Occurrence], *names: str) -> str | None:
    """Return the text under any of the names in the most recent event that has one."""
    latest_first = reversed(_rising(happened))
    return next(
        (text for one in latest_first if (text := lenient_json.first_text(one.properties, *names))), None
    )


def _rising(happened: Sequence[Occurrence]) -> list[Occurrence]:
    return sorted(happened, key=lambda one: one.recency)


def _error(said: Mapping[str, Any]) -> str | None:
    found = lenient_json.first(said, "error_message", "error_details", "error", "status_details")
    return lenient_json.text(found) if found is None or isinstance(found, str) else canonical(found)


def _progress(said: Mapping[str, Any]) -> float | None:
    reported = lenient_json.first(said, "generation_progress", "training_progress", "progress")
    parts = _PROGRESS.search(reported) if isinstance(reported, str) else None
    done, whole = (float(parts[1]), float(parts[2])) if parts else (lenient_json.number(reported), _WHOLE)
    return None if done is None or not whole else round(min(max(done / whole, 0.0), 1.0) * _WHOLE, 1)


def _links(said: Mapping[str, Any]) -> dict[str, str]:
    found = {name: lenient_json.text(said[name]) for name in sorted(said) if _names_link(name)}
    return {name.removesuffix(_SUFFIX): url for name, url in found.items() if url and _LINK.fullmatch(url)}


def _names_link(name: str) -> bool:
    return name.endswith(_SUFFIX) and name not in _ECHOES


def _moment(said: Mapping[str, Any], name: str) -> datetime | None:
    return timestamps.parse(said.get(name))


def _change(one: Occurrence) -> StatusChange:
    raw = lenient_json.text(one.properties.get("status"))
    return StatusChange(
        at=one.event.occurred_at, event_id=one.event.event_id, status=status_of(raw), raw_status=raw
    )
