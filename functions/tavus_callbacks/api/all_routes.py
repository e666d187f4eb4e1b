"""Every route of the read side, in the order in which OpenAPI lists them, and the scope it requires."""

from typing import TYPE_CHECKING

from tavus_callbacks.api import (
    conversations,
    erasures,
    events,
    openapi,
    recordings,
    resources,
    runbooks,
    stack,
    stats,
    subjects,
)

if TYPE_CHECKING:
    from tavus_callbacks.domain.common.token import Scope

ALL_ROUTES = (
    conversations.routes,
    resources.routes,
    subjects.routes,
    stats.routes,
    stack.routes,
    events.routes,
    erasures.routes,
    recordings.routes,
    openapi.routes,
    runbooks.routes,
)


def scope_of(path: str) -> "Scope | None":
    """Return the scope that a token needs for a path, None if anybody may read it."""
    if path == openapi.PATH or path.startswith(runbooks.FOLDER):
        return None
    return "quarantine" if path.startswith("/quarantine") else "read"
