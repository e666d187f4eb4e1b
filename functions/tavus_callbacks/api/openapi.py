"""`GET /openapi.json`: what this API takes and answers, for anybody."""

from functools import cache
from importlib.resources import files

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.routing import Routes
from tavus_callbacks.runtime.http import JSON_TYPE

PATH = "/openapi.json"

routes = Routes()

# It changes with a deployment only.
_AN_HOUR = {"cache-control": "public, max-age=3600"}


@routes.get(PATH, model=None)
def get_openapi() -> Response[str]:
    """Answer this description; it wants no token."""
    return Response(200, JSON_TYPE, _text(), _AN_HOUR)


@cache
def _text() -> str:
    return files("tavus_callbacks").joinpath("openapi.json").read_text(encoding="utf-8")
