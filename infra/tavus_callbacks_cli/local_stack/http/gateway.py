"""The API: turns an HTTP request into the function's answer, or into API Gateway's own.

API Gateway's own answers are `{"message": …}`: 404 no route, 413 too large, 500 and 502 the function failed,
503 it took too long.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.functions.local_function import (
    AnswerTooLarge,
    FunctionFailed,
    FunctionTimedOut,
)
from tavus_callbacks_cli.local_stack.http.payload import (
    EVENT_LIMIT,
    Answer,
    BadAnswer,
    Request,
    encode_event,
    gateway_answer,
    make_answer,
    make_event,
    raw_path,
)
from tavus_callbacks_cli.local_stack.http.routes import Route, match_route

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.functions.local_function import Invoke

NOT_FOUND = gateway_answer(404, "Not Found")
TOO_LARGE = gateway_answer(413, "Request Entity Too Large")
FAILED = gateway_answer(500, "Internal Server Error")
BAD_GATEWAY = gateway_answer(502, "Internal Server Error")
TIMED_OUT = gateway_answer(503, "Service Unavailable")


@dataclass(frozen=True)
class Exchange:
    """A request that reached a function, its answer, and the reason if the function gave none."""

    route: Route
    event: dict[str, Any]
    answer: Answer
    failure: str | None = None

    def content(self) -> dict[str, Any]:
        """Return the JSON object of the answer, or an empty one if the answer is something else."""
        try:
            content = json.loads(self.answer.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class Gateway:
    """The routes, the functions behind them, and the watchers of each exchange."""

    routes: list[Route]
    functions: "dict[str, Invoke]"
    watchers: list[Callable[[Exchange], None]] = field(default_factory=list)

    def handle(self, request: Request) -> Answer:
        """Answer a request; any thread may call this."""
        match = match_route(self.routes, request.method, raw_path(request.path))
        if not match:
            return NOT_FOUND
        route, parameters = match
        event = make_event(request, route, parameters)
        if len(encode_event(event)) > EVENT_LIMIT:
            return TOO_LARGE
        try:
            exchange = Exchange(route, event, make_answer(self.functions[route.function](event)))
        except FunctionTimedOut as error:
            exchange = Exchange(route, event, TIMED_OUT, str(error))
        except AnswerTooLarge as error:
            exchange = Exchange(route, event, BAD_GATEWAY, str(error))
        except (FunctionFailed, BadAnswer) as error:
            exchange = Exchange(route, event, FAILED, str(error))
        for watch in self.watchers:
            watch(exchange)
        return exchange.answer
