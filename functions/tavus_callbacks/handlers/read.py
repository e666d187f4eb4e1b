"""The function behind every `GET` except the callback's: authorize, read, answer."""

import re
from typing import Any, Never

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from tavus_callbacks.api.all_routes import ALL_ROUTES, scope_of
from tavus_callbacks.api.responses import compress, fits
from tavus_callbacks.aws.stores.tokens import REFUSAL
from tavus_callbacks.domain.common.errors import CallbackError, NotFound, Refused, TooLarge
from tavus_callbacks.domain.common.metrics import refusal_counts
from tavus_callbacks.domain.common.view import build_views
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.http import problem
from tavus_callbacks.runtime.log import write_record

logger = Logger(location=None, use_rfc3339=True)
app = APIGatewayHttpResolver()
for routes in ALL_ROUTES:
    app.include_router(routes.router)

# Otherwise the first reader would wait for it.
build_views()

NO_SUCH_PATH = "There is no such path. Read an id that contains / or ? at /events?kind=...&subject=..."

TOO_LARGE = (
    "The answer is larger than the 6 MB that Lambda can return. Accept gzip, or request less: a smaller "
    "limit, format=text of a transcript, or one event by /events/{event_id}/body. With AWS credentials, "
    "tavus-callbacks --stack has no such limit."
)

# The scheme is case-insensitive: RFC 9110, section 11.1.
_BEARER = re.compile(r"(?i:bearer) +(\S+)")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a reader with a valid token of the right scope; everybody else gets the same 401."""
    record: dict[str, Any] = {"request_id": event["requestContext"]["requestId"], "route": event["routeKey"]}
    try:
        record |= _authorize(event)
        answer = compress(resolve(event, context), event.get("headers", {}).get("accept-encoding", ""))
        # API Gateway would answer 502 without a reason.
        if not fits(answer["body"]):
            raise TooLarge(TOO_LARGE)
        record["status"] = answer["statusCode"]
    except CallbackError as error:
        answer = problem(error)
        if isinstance(error, Refused):
            record |= refusal_counts(error.refusal)
            answer["headers"]["www-authenticate"] = "Bearer"
        record["status"] = error.status
    finally:
        write_record(logger, "read", record)
    return answer


@app.exception_handler(CallbackError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def raise_again(error: CallbackError) -> Never:
    """Pass an error on to the caller; otherwise Powertools would log its text with a stack trace."""
    raise error


@app.not_found
def refuse_path(_error: Exception) -> Never:
    """Refuse a path that API Gateway passes on and no route here matches."""
    raise NotFound(NO_SUCH_PATH)


def resolve(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer without authorization: for the command line, which has AWS credentials of its own."""
    return app.resolve(event, context)


def _authorize(event: dict[str, Any]) -> dict[str, Any]:
    """Return the members of the log record about the token; raises Refused."""
    scope = scope_of(event["rawPath"])
    if scope is None:
        return {}
    bearer = _BEARER.fullmatch(event.get("headers", {}).get("authorization", ""))
    if not bearer:
        raise Refused(REFUSAL, "malformed")
    token = wiring.tokens().authenticate(bearer[1], scope)
    return {"label": token.label, "use_not_noted": wiring.tokens().note_use(token)}
