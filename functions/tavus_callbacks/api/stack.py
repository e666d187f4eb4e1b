"""`GET /stack`: the version of the stack, and the origin of its recordings."""

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks import VERSION
from tavus_callbacks.api.responses import json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.runtime.settings import settings

routes = Routes()


@routes.get("/stack", model="Stack")
def get_stack() -> Response[str]:
    """Return the version of the stack and the origin of its recordings."""
    config = settings()
    has_recordings = config.recordings_bucket is not None
    return json_answer(
        {
            "version": VERSION,
            "recordings": has_recordings,
            "cdn_url": config.cdn_url if has_recordings else None,
        }
    )
