"""The views of videos, replicas and other things with a status, folded from their events.

Fields of the families: docs/tavus.md, "Faces, videos, documents and others".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.callbacks.redaction import ECHOES
from tavus_callbacks.domain.common import lenient_json, timestamps
from tavus_callbacks.domain.common.digests import canonical
from tavus_callbacks.domain.common.view import SKIPPED, Moment, Skipped, View
from tavus_callbacks.domain.events.stored_event import Occurrence, StoredEvent, merge_variants, skipped_events
from tavus_callbacks.domain.resources.facts import (
    ResourceFacts,
    ResourceStatus,
    resource_facts,
    resource_status,
)

_PROGRESS = re.compile(r"([0-9]{1,6})\s*/\s*([0-9]{1,6})")
_WHOLE = 100.0

# Anybody can send a body, so only addresses of the web count as links.
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_SUFFIX = "_url"

# Tavus renamed replica to face in June 2026 (docs.tavus.io, Create Face); callbacks may carry either name.
_NAMES = {"replica": ("replica_name", "face_name")}


class StatusChange(View):
    """One callback."""

    at: Moment | None
    event_id: str
    status: ResourceStatus
    raw_status: str | None


class ResourceView(View):
    """A video, replica or other subject with a status."""

    kind: str
    id: str
    status: ResourceStatus
    raw_status: str | None = Field(description="The status as Tavus sent it.")
    status_details: str | None
    error: str | None = Field(description="The reason of the failure; null unless `status` is `error`.")
    progress: float | None = Field(description="0 to 100.")
    name: str | None
    replica_id: str | None
    links: dict[str, str] = Field(description="Links by purpose: download, stream, hosted, video, …")
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
    """Return the view of a resource in JSON's own types; its members are those of ResourceView.

    `events` are all stored events of it, at least one.
    """
    facts = reduce(ResourceFacts.merge, map(resource_facts, events))
    occurrences = merge_variants(events)
    latest_first = sorted(occurrences, key=lambda occurrence: occurrence.recency, reverse=True)
    ref = facts.state.ref if facts.state else None
    # The properties of the event whose status counts, and those of all events, the most recent first.
    current = next((each.properties for each in occurrences if each.event.event_ref == ref), {})
    properties = {name: value for each in reversed(latest_first) for name, value in each.properties.items()}
    error = lenient_json.first(current, "error_message", "error_details", "error", "status_details")
    error_text = lenient_json.text(error) if error is None or isinstance(error, str) else canonical(error)
    links = {
        name.removesuffix(_SUFFIX): lenient_json.text(properties[name])
        for name in sorted(properties)
        if name.endswith(_SUFFIX) and name not in ECHOES
    }
    view = ResourceView(
        kind=kind,
        id=subject,
        status=facts.status,
        raw_status=lenient_json.text(current.get("status")),
        status_details=lenient_json.text(current.get("status_details")),
        error=error_text if facts.status == "error" else None,
        progress=_WHOLE if facts.status == "ready" else _progress(current),
        name=_latest_text(latest_first, *_NAMES.get(kind, (f"{kind}_name",)), "name"),
        replica_id=_latest_text(latest_first, "replica_id", "face_id"),
        links={name: url for name, url in links.items() if url and _LINK.fullmatch(url)},
        created_at=timestamps.parse(properties.get("created_at")),
        updated_at=timestamps.parse(properties.get("updated_at")),
        history=list(map(_status_change, occurrences)),
        skipped=skipped_events(events),
        **facts.receipt.view(),
    )
    return view.model_dump(mode="json")


def _latest_text(latest_first: Iterable[Occurrence], *names: str) -> str | None:
    """Return the text under any of the names in the most recent event that has one."""
    texts = (lenient_json.first_text(occurrence.properties, *names) for occurrence in latest_first)
    return next(filter(None, texts), None)


def _progress(properties: Mapping[str, Any]) -> float | None:
    progress = lenient_json.first(properties, "generation_progress", "training_progress", "progress")
    fraction = _PROGRESS.search(progress) if isinstance(progress, str) else None
    done = float(fraction[1]) if fraction else lenient_json.number(progress)
    whole = float(fraction[2]) if fraction else _WHOLE
    return None if done is None or not whole else round(min(max(done / whole, 0.0), 1.0) * _WHOLE, 1)


def _status_change(occurrence: Occurrence) -> StatusChange:
    raw_status = lenient_json.text(occurrence.properties.get("status"))
    return StatusChange(
        at=occurrence.event.occurred_at,
        event_id=occurrence.event.event_id,
        status=resource_status(raw_status),
        raw_status=raw_status,
    )
