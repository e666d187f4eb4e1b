"""`GET /openapi.json`: the description of this API, without a token."""

from functools import cache
from importlib.resources import files

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.routing import Routes
from tavus_callbacks.runtime.http import JSON_TYPE

PATH = "/openapi.json"

routes = Routes()

# Only a deployment changes the description.
_AN_HOUR = {"cache-control": "public, max-age=3600"}


@routes.get(PATH, model=None)
def get_openapi() -> Response[str]:
    """Return this document; requires no token."""
    return Response(200, JSON_TYPE, _read_text(), _AN_HOUR)


@cache
def _read_text() -> str:
    return files("tavus_callbacks").joinpath("openapi.json").read_text(encoding="utf-8")
