"""Every route of the read side, in the order in which OpenAPI lists them."""

from tavus_callbacks.api import conversations, events, openapi, recordings, resources, subjects

ALL_ROUTES = (
    conversations.routes,
    resources.routes,
    subjects.routes,
    events.routes,
    recordings.routes,
    openapi.routes,
)
