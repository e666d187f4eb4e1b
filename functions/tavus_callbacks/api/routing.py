"""Routes, each declared once: Powertools calls the function, and OpenAPI describes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from tavus_callbacks.api.query import Parameter, query_of

Answer = Callable[..., Response[Any]]
Parameters = tuple[Parameter[Any], ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A `GET`: its path with `<names>`, its parameters, and its answer, a model in `tavus_callbacks.models`.

    The model is a name, because no function loads that module.
    """

    path: str
    function: Answer
    query: Parameters
    model: str | None
    media: tuple[str, ...]
    problems: tuple[int, ...]
    redirects: bool


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of one module."""

    router: APIGatewayHttpRouter = field(default_factory=APIGatewayHttpRouter)
    operations: list[Operation] = field(default_factory=list)

    def get(  # noqa: PLR0913 - one argument a part of an operation
        self,
        path: str,
        *,
        query: Parameters = (),
        model: str | None,
        media: tuple[str, ...] = (),
        problems: tuple[int, ...] = (),
        redirects: bool = False,
    ) -> Callable[[Answer], Answer]:
        """Declare the function that answers a path; it takes the query, if any, and the names in the path."""

        def declare(function: Answer) -> Answer:
            self.operations.append(Operation(path, function, query, model, media, problems, redirects))

            @wraps(function)
            def answer_query(**names: str) -> Response[Any]:
                return function(query_of(self.router.current_event, query), **names)

            self.router.get(path)(answer_query if query else function)
            return function

        return declare
