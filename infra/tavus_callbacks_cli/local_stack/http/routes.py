"""The routes of the translated API, matched as API Gateway matches them."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}
_PARAMETER = re.compile(r"\{([A-Za-z0-9_]+)\}")
_GREEDY = re.compile(r"\{([A-Za-z0-9_]+)\+\}")
_FUNCTION_OF_URI = re.compile(r":function:([^/:]+)/invocations$")


@dataclass(frozen=True)
class Route:
    """A method and path, and the function that answers them."""

    method: str
    path: str
    function: str

    @property
    def key(self) -> str:
        """Return the route key, as in events and the template."""
        return f"{self.method} {self.path}"

    @property
    def segments(self) -> list[str]:
        """Return the parts of the path between its slashes."""
        return self.path.split("/")[1:]

    @property
    def is_callback(self) -> bool:
        """Tell whether the route receives callbacks."""
        return self.method == "POST" and self.path.startswith("/callbacks/")


def routes_of(template: "Template") -> list[Route]:
    """Return the routes of the API by precedence; raises click.ClickException for unsupported ones."""
    functions = {function.name: function.logical_id for function in template.of_type("AWS::Lambda::Function")}
    routes = [
        _route(api, path, method, operation, functions)
        for api in template.of_type("AWS::ApiGatewayV2::Api")
        for path, operations in api.properties["Body"]["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    ]
    return sorted(routes, key=_precedence)


def _precedence(route: Route) -> tuple[bool, list[bool]]:
    """Sort full matches before greedy ones, as API Gateway does, and fixed segments before parameters.

    Source: "Create routes for HTTP APIs", section "Routing API requests", in the API Gateway developer guide.
    """
    is_greedy = _GREEDY.fullmatch(route.segments[-1]) is not None
    return is_greedy, [part.startswith("{") for part in route.segments]


def _route(
    api: "Resource", path: str, method: str, operation: dict[str, Any], functions: dict[str, str]
) -> Route:
    where = f"{api.logical_id}, route {method} {path}"
    if method not in _METHODS or "$" in path:
        raise uninterpretable(where, "a catch-all", "let local_stack/http/routes.py match it")
    if "+}" in path.rpartition("/")[0]:
        raise uninterpretable(where, "a greedy variable before the end", "move it to the end of the path")
    uri = operation.get("x-amazon-apigateway-integration", {}).get("uri", "")
    match = _FUNCTION_OF_URI.search(uri)
    if not match:
        raise uninterpretable(where, "an integration that is not a function", "point it at a function")
    return Route(method.upper(), path, functions[match[1]])


def match_route(routes: list[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a decoded path and the values of its parameters, or None if no route matches."""
    for route in routes:
        if route.method == method and (parameters := _parameters(route, path)) is not None:
            return route, parameters
    return None


def _parameters(route: Route, path: str) -> dict[str, str] | None:
    declared, given = route.segments, path.split("/")[1:]
    greedy = _GREEDY.fullmatch(declared[-1])
    if not greedy:
        return _values(declared, given)
    before = len(declared) - 1
    if len(given) <= before:
        return None
    values = _values(declared[:before], given[:before])
    # That the variable matches an empty rest is reported: docs/decisions/0065-any-path-below-the-token.md.
    return None if values is None else {**values, greedy[1]: "/".join(given[before:])}


def _values(declared: list[str], given: list[str]) -> dict[str, str] | None:
    if len(given) != len(declared):
        return None
    values = {}
    for part, value in zip(declared, given, strict=True):
        match = _PARAMETER.fullmatch(part)
        if match and value:
            values[match[1]] = value
        elif match or part != value:
            return None
    return values
