"""Routes, each declared once: Powertools calls the function, and OpenAPI describes it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from tavus_callbacks.api.query import Parameter, query_of

Answer = Callable[..., Response[Any]]
Parameters = tuple[Parameter[Any], ...]

_NAME = re.compile(r"<\w+>")


@dataclass(frozen=True, slots=True)
class Operation:
    """A `GET`: its path with `<names>`, its parameters, and its answer, a model in `tavus_callbacks.models`.

    The model is a name, because no function loads that module.
    """

    path: str
    operation_id: str
    text: str
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
        operation_id: str | None = None,
        summary: str | None = None,
    ) -> Callable[[Answer], Answer]:
        """Declare the function that answers a path; it takes the query, if any, and the names in the path.

        The name and the docstring of the function are the operation's id and text, unless given.
        """
        # Powertools' own pattern for a name refuses emoji and combining characters.
        rule = _NAME.sub("[^/]+", path)

        def declare(function: Answer) -> Answer:
            text = summary or str(function.__doc__)
            name = operation_id or function.__name__
            self.operations.append(Operation(path, name, text, query, model, media, problems, redirects))

            @self.router.get(rule)
            def answer_request() -> Response[Any]:
                event = self.router.current_event
                segments = zip(path.split("/"), event.path.split("/"), strict=True)
                names = {name[1:-1]: value for name, value in segments if name.startswith("<")}
                return function(query_of(event, query), **names) if query else function(**names)

            return function

        return declare
