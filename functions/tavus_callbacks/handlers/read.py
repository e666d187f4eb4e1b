"""The function behind every `GET` but the callback's: authorise, look, answer."""

import re
from typing import Any, Never

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from tavus_callbacks.api import openapi
from tavus_callbacks.api.all_routes import ALL_ROUTES, scope_of
from tavus_callbacks.aws.stores.tokens import REFUSAL
from tavus_callbacks.domain.common.errors import CallbackError, NotFound, Refused, TooLarge
from tavus_callbacks.domain.common.metrics import refusal_counts
from tavus_callbacks.domain.common.view import build_views
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.http import fits, problem
from tavus_callbacks.runtime.log import write_record

logger = Logger(location=None, use_rfc3339=True)
app = APIGatewayHttpResolver()
for routes in ALL_ROUTES:
    app.include_router(routes.router)

# Else the first reader waits for it.
build_views()

# The one route that wants no token.
PUBLIC = f"GET {openapi.PATH}"

NO_SUCH_PATH = "No such path. What has an id of unusual characters is read by /events?kind=...&subject=..."

TOO_LARGE = (
    "The answer is over the 6 MB that Lambda hands back. Ask for less: a smaller limit, format=text of a "
    "transcript, or one event by /events/{event_id}/body. tavus-callbacks with --stack, which takes AWS "
    "credentials, reads it whatever its size."
)

# The scheme is case-insensitive: RFC 9110, section 11.1.
_BEARER = re.compile(r"(?i:bearer) +(\S+)")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a reader with a live token of the right scope; everybody else alike with 401."""
    record: dict[str, Any] = {"request_id": event["requestContext"]["requestId"], "route": event["routeKey"]}
    try:
        record |= _authorised(event)
        return _recorded(_fitting(resolve(event, context)), record)
    except Refused as error:
        record |= refusal_counts(error.refusal)
        refused = problem(error)
        refused["headers"]["www-authenticate"] = "Bearer"
        return _recorded(refused, record)
    except CallbackError as error:
        return _recorded(problem(error), record)
    finally:
        write_record(logger, "read", record)


@app.exception_handler(CallbackError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def hand_on(error: CallbackError) -> Never:
    """Hand a refusal on to who called; unhandled, Powertools would log its text with a stack trace."""
    raise error


@app.not_found
def no_such_path(_error: Exception) -> Never:
    """Refuse a path that the gateway let through, for its id holds what a path cannot carry."""
    raise NotFound(NO_SUCH_PATH)


def resolve(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer without asking who asks: for the command line, which has AWS credentials of its own."""
    return app.resolve(event, context)


def _fitting(result: dict[str, Any]) -> dict[str, Any]:
    """Refuse what Lambda would not hand back, for API Gateway would answer 502 without a word."""
    if not fits(result["body"]):
        raise TooLarge(TOO_LARGE)
    return result


def _recorded(result: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    record["status"] = result["statusCode"]
    return result


def _authorised(event: dict[str, Any]) -> dict[str, Any]:
    if event["routeKey"] == PUBLIC:
        return {}
    bearer = _BEARER.fullmatch(event.get("headers", {}).get("authorization", ""))
    if not bearer:
        raise Refused(REFUSAL, "malformed")
    token = wiring.tokens().authenticate(bearer[1], scope_of(event["rawPath"]))
    return {"label": token.label, "use_not_noted": wiring.tokens().note_use(token)}
