"""Routes, each declared once: Powertools answers by the declaration, and OpenAPI describes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from tavus_callbacks.api.query import Parameter, Query, query_of

Answer = Callable[..., Response[Any]]
Parameters = tuple[Parameter[Any], ...]


def _router() -> APIGatewayHttpRouter:
    return APIGatewayHttpRouter()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@dataclass(frozen=True, slots=True)
class Operation:
    """What a `GET` takes and answers: a path with `<names>`, and a model of domain/answers.py by name.

    Models are loaded where they are needed, and no function needs them.
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
    """The routes of one part of the contract."""

    router: APIGatewayHttpRouter = field(default_factory=_router)
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
        """Let a function answer a path; it takes the query, if one is declared, and the names in the path."""

        def declare(function: Answer) -> Answer:
            self.operations.append(Operation(path, function, query, model, media, problems, redirects))
            self.router.get(path)(self._with_query(function, query) if query else function)
            return function

        return declare

    def _with_query(self, function: Answer, parameters: Parameters) -> Answer:
        @wraps(function)
        def answer(**names: str) -> Response[Any]:
            query: Query = query_of(self.router.current_event, parameters)
            return function(query, **names)

        return answer
