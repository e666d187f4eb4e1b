"""`GET /runbooks/{alarm}`: the runbook that an alarm's description links to, without a token."""

import re
from functools import cache
from importlib.resources import files

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.routing import Routes
from tavus_callbacks.domain.common.errors import NotFound

FOLDER = "/runbooks/"
TEXT_TYPE = "text/plain; charset=utf-8"

routes = Routes()

# Only a deployment changes the runbooks.
_AN_HOUR = {"cache-control": "public, max-age=3600"}
_HEADING = re.compile(r"^## (\w+)$", re.MULTILINE)


@routes.get(f"{FOLDER}<alarm>", model=None, media=(TEXT_TYPE,), problems=(404,))
def get_runbook(alarm: str) -> Response[str]:
    """Return the runbook of an alarm as text; requires no token."""
    runbooks = _read_runbooks()
    if alarm not in runbooks:
        raise NotFound(f"No alarm has this name. The alarms are: {', '.join(runbooks)}.")
    return Response(200, TEXT_TYPE, runbooks[alarm], _AN_HOUR)


@cache
def _read_runbooks() -> dict[str, str]:
    """Return the runbooks by alarm; each ends with the commands that all of them use."""
    text = files("tavus_callbacks").joinpath("runbooks.md").read_text(encoding="utf-8")
    commands, *parts = _HEADING.split(text)
    return {
        name: f"{name}\n\n{part.strip()}\n\n{commands}"
        for name, part in zip(parts[::2], parts[1::2], strict=True)
    }
