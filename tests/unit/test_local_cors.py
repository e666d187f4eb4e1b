"""A preflight is answered as S3 answers it, by the rules of the bucket."""

import pytest

from tavus_callbacks_cli.local_stack.services.cors import (
    HEADERS,
    METHOD,
    ORIGIN,
    CorsRule,
    answer_preflight,
    answer_preflights,
)

APP = "https://app.example.com"
RULE = CorsRule([APP, "https://*.example.org"], ["GET", "HEAD"], ["Range"], ["ETag"], 600)


def asked(origin=APP, method="GET", headers="range"):
    """Return the headers of a preflight."""
    return {ORIGIN: origin, METHOD: method, HEADERS: headers}


def test_what_a_rule_allows_is_200_and_says_what():
    """Origin, methods, headers, and how long a browser may keep it."""
    answered = answer_preflight([RULE], asked())

    assert ("200 OK", b"") == (answered.status, answered.body)
    assert {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, HEAD",
        "access-control-allow-headers": "range",
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "600",
        "access-control-allow-credentials": "true",
    }.items() <= dict(answered.headers).items()


def test_a_rule_for_all_names_nobody():
    """Any origin, and no credentials."""
    headers = dict(answer_preflight([CorsRule(["*"], ["GET"])], asked(headers="")).headers)

    assert "*" == headers["access-control-allow-origin"]
    assert "access-control-allow-credentials" not in headers


def test_the_first_rule_that_allows_it_counts():
    """A rule that does not allow it is passed over."""
    answered = answer_preflight([CorsRule(["https://evil.example.com"], ["GET"]), RULE], asked())

    assert "600" == dict(answered.headers)["access-control-max-age"]


@pytest.mark.parametrize(
    ("preflight", "status"),
    [
        (asked(origin="https://a.example.org"), "200"),
        (asked(headers=""), "200"),
        (asked(headers="RANGE"), "200"),
        (asked(origin="https://evil.example.com"), "403"),
        (asked(origin="http://app.example.com"), "403"),
        (asked(method="PUT"), "403"),
        (asked(headers="range, authorization"), "403"),
        (asked(origin=""), "400"),
        (asked(method=""), "400"),
    ],
)
def test_origin_method_and_every_header_must_be_allowed(preflight, status):
    """Other requests get 403, and incomplete preflights 400."""
    assert status == answer_preflight([RULE], preflight).status[:3]


def test_without_rules_it_is_refused():
    """A bucket without CORS answers so, whoever asks."""
    answered = answer_preflight([], asked())

    assert "403" == answered.status[:3]
    assert b"CORS is not enabled for this bucket" in answered.body


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("OPTIONS", "/ours/a/key", "200 OK"), ("OPTIONS", "/ours", "204"), ("GET", "/ours/a/key", "204")],
)
def test_only_preflights_of_objects_are_answered_so(method, path, expected):
    """Everything else goes on to the S3 behind it."""
    started = []

    def s3(_environ, start_response):
        start_response("204", [])
        return []

    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_ORIGIN": APP,
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET",
    }
    rules = {"ours": [RULE]}
    list(answer_preflights(s3, rules.__getitem__)(environ, lambda status, _headers: started.append(status)))

    assert [expected] == started
