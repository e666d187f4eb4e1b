"""The base of all views: frozen models, from which OpenAPI is made."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from tavus_callbacks.domain.common.timestamps import iso

Moment = Annotated[
    datetime,
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

# Sets are written in order, so that equal views are equal text.
Names = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str], when_used="json")]


class View(BaseModel):
    """A part of an answer; built when first used, so that an import stays cheap. Spans are seconds."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Happened(View):
    """Something that one event says: when, by the sender's clock, and which event."""

    at: Moment | None
    event_id: str
    body_url: str | None = Field(
        None, description="The path of the whole event, if a value is too large for this list."
    )


SKIPPED = (
    "Events that were not read for this answer: they have over 100,000 objects and lists, or all bodies "
    "together are larger than one answer may read. Null if everything was read."
)


class Skipped(View):
    """Events whose bodies were not read for this answer; `GET /events/{event_id}/body` has each."""

    count: int
    event_ids: list[str] = Field(description="At most 100 of them.")


def build_views() -> None:
    """Build every view that is loaded: 10 ms, which are better spent before somebody waits."""
    for view in View.__subclasses__():
        view.model_rebuild()
        for more in view.__subclasses__():
            more.model_rebuild()
