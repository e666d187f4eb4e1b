"""Routes are matched as API Gateway matches them."""

import pytest

from tavus_callbacks_cli.local_stack.http.routes import Route, match_route

ROUTES = [
    Route("GET", "/events", "Read"),
    Route("GET", "/events/latest", "Read"),
    Route("GET", "/events/{event_id}", "Read"),
    Route("POST", "/callbacks/{token}", "Receive"),
    Route("POST", "/callbacks/{token}/{rest+}", "Receive"),
]
BELOW = "/callbacks/{token}/{rest+}"


@pytest.mark.parametrize(
    ("expected", "method", "path"),
    [
        (("/events", {}), "GET", "/events"),
        (("/events/latest", {}), "GET", "/events/latest"),
        (("/events/{event_id}", {"event_id": "e 1"}), "GET", "/events/e 1"),
        (("/callbacks/{token}", {"token": "t"}), "POST", "/callbacks/t"),
        ((BELOW, {"token": "t", "rest": ""}), "POST", "/callbacks/t/"),
        ((BELOW, {"token": "t", "rest": "/"}), "POST", "/callbacks/t//"),
        ((BELOW, {"token": "t", "rest": "webhook"}), "POST", "/callbacks/t/webhook"),
        ((BELOW, {"token": "t", "rest": "a/b/"}), "POST", "/callbacks/t/a/b/"),
        (None, "POST", "/callbacks//webhook"),
        (None, "POST", "/callbacks//"),
        (None, "POST", "/other/t/webhook"),
        (None, "DELETE", "/callbacks/t/webhook"),
        (None, "HEAD", "/events"),
        (None, "OPTIONS", "/events"),
        (None, "POST", "/events"),
        (None, "GET", "/events/"),
        (None, "GET", "//events"),
        (None, "GET", "/events/a/b"),
        (None, "POST", "/callbacks/"),
        (None, "GET", ""),
        (None, "OPTIONS", "*"),
        (None, "GET", "/EVENTS"),
    ],
)
def test_a_request_finds_its_route(
    expected: tuple[str, dict[str, str]] | None, method: str, path: str
) -> None:
    """Method and whole path decide; a parameter is one part that is not empty, a greedy one any rest."""
    found = match_route(ROUTES, method, path)

    assert expected == (found and (found[0].path, found[1]))
