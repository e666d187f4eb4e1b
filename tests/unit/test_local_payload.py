"""Requests become the events, and answers the HTTP answers, that API Gateway makes of them."""

import base64
import json
from typing import Any

import pytest

from tavus_callbacks_cli.local_stack.http.payload import (
    BadAnswer,
    Request,
    make_answer,
    make_event,
    raw_path,
)
from tavus_callbacks_cli.local_stack.http.routes import Route

ROUTE = Route("POST", "/callbacks/{token}", "Receive")


def event_of(**parts: Any) -> dict[str, Any]:
    """Make the event of a request that has these parts."""
    request = Request(**{"method": "POST", "path": b"/callbacks/t", **parts})
    return make_event(request, ROUTE, {"token": "t"}, now=1_700_000_000.25)


def test_an_event_has_the_members_of_payload_2() -> None:
    """A whole request becomes a whole event."""
    event = event_of(
        query=b"user=4711",
        headers=((b"Host", b"example.org"), (b"User-Agent", b"curl"), (b"Content-Type", b"application/json")),
        body=b"{}",
        source_ip="192.0.2.1",
    )
    request_id = event["requestContext"].pop("requestId")

    assert request_id
    assert event == {
        "version": "2.0",
        "routeKey": "POST /callbacks/{token}",
        "rawPath": "/callbacks/t",
        "rawQueryString": "user=4711",
        "headers": {"host": "example.org", "user-agent": "curl", "content-type": "application/json"},
        "queryStringParameters": {"user": "4711"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "example.org",
            "domainPrefix": "example",
            "http": {
                "method": "POST",
                "path": "/callbacks/t",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl",
            },
            "routeKey": "POST /callbacks/{token}",
            "stage": "$default",
            "time": "14/Nov/2023:22:13:20 +0000",
            "timeEpoch": 1_700_000_000_250,
        },
        "pathParameters": {"token": "t"},
        "body": "{}",
        "isBase64Encoded": False,
    }


def test_what_is_empty_is_absent() -> None:
    """No query, cookies or body: no such members."""
    event = event_of()

    assert not {"queryStringParameters", "cookies", "body"} & event.keys()
    assert event["rawQueryString"] == ""


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        ("/events/a b", b"/events/a%20b"),
        ("/events/ü", b"/events/%C3%BC"),
        ("/events/a/b", b"/events/a%2Fb"),
        ("/events/a", b"/events/a%3Fb"),
        ("/events/+", b"/events/+"),
        ("/events/\ufffd", b"/events/%ff"),
        ("/events/\x00", b"/events/%00"),
    ],
)
def test_paths_come_decoded_and_cut(expected: str, path: bytes) -> None:
    """Escapes are decoded first; a question mark among them then ends the path."""
    assert expected == raw_path(path)


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        ({"a": "1,2", "b": "3"}, b"a=1&b=3&a=2"),
        ({"a": ""}, b"a"),
        ({"a": "x y"}, b"a=x%20y"),
        ({"a": "\ufffd"}, b"a=%ff"),
    ],
)
def test_query_parameters_are_joined(expected: dict[str, str], query: bytes) -> None:
    """A repeated parameter is one text with commas."""
    assert expected == event_of(query=query)["queryStringParameters"]


def test_headers_are_joined_and_cookies_taken_out() -> None:
    """Names are in lower case, repeated ones joined; cookies have a list of their own."""
    event = event_of(headers=((b"X-A", b"1"), (b"x-a", b"2"), (b"Cookie", b"a=1; b=2"), (b"cookie", b"c=3")))

    assert event["headers"] == {"x-a": "1,2"}
    assert event["cookies"] == ["a=1", "b=2", "c=3"]


@pytest.mark.parametrize(
    ("is_text", "content_type", "body"),
    [
        (True, b"application/json", b"{}"),
        (True, b"application/json; charset=utf-8", "ü".encode()),
        (True, b"TEXT/plain", b"x"),
        (True, b"application/xml", b"<x/>"),
        (False, b"application/json", b"\xff"),
        (False, b"application/x-www-form-urlencoded", b"a=1"),
        (False, b"application/octet-stream", b"x"),
        (False, b"", b"x"),
    ],
)
def test_bodies_are_text_or_base64(is_text: bool, content_type: bytes, body: bytes) -> None:
    """Content type and UTF-8 decide; either way the bytes can be had back."""
    event = event_of(headers=((b"content-type", content_type),), body=body)

    assert event["isBase64Encoded"] is not is_text
    assert body == (event["body"].encode() if is_text else base64.b64decode(event["body"]))


@pytest.mark.parametrize(
    ("expected", "result"),
    [
        (
            (201, {"content-type": "application/json", "x-a": "1"}, b"{}"),
            {
                "statusCode": 201,
                "headers": {"Content-Type": "application/json", "X-A": 1},
                "body": "{}",
            },
        ),
        ((200, {"content-type": "text/plain;charset=UTF-8"}, b""), {"statusCode": "200"}),
        (
            (200, {"content-type": "a/b", "x-a": "true"}, b"\xff"),
            {
                "statusCode": 200,
                "headers": {"content-type": "a/b", "content-length": "9", "x-a": True},
                "body": "/w==",
                "isBase64Encoded": True,
            },
        ),
        ((204, {"content-type": "text/plain;charset=UTF-8"}, b""), {"statusCode": 204, "body": "x"}),
        ((200, {"content-type": "application/json"}, b'{"a": 1}'), {"a": 1}),
        ((200, {"content-type": "application/json"}, b"text"), "text"),
        ((200, {"content-type": "application/json"}, b"null"), None),
    ],
)
def test_results_become_answers(expected: tuple[int, dict[str, str], bytes], result: Any) -> None:
    """A result with statusCode is an answer, any other one the JSON of a 200."""
    answer = make_answer(result)

    assert expected == (answer.status, dict(answer.headers), answer.body)


def test_cookies_become_headers() -> None:
    """Each cookie is a set-cookie header of its own."""
    answer = make_answer({"statusCode": 200, "cookies": ["a=1", "b=2"]})

    assert ["a=1", "b=2"] == [value for name, value in answer.headers if name == "set-cookie"]


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "many"},
        {"statusCode": None},
        {"statusCode": 100},
        {"statusCode": 999},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a\r\nb": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "cookies": "a=1"},
    ],
)
def test_a_malformed_result_is_refused(result: Any) -> None:
    """Headers that API Gateway answers with 500 never reach the client."""
    with pytest.raises(BadAnswer):
        make_answer(json.loads(json.dumps(result)))
