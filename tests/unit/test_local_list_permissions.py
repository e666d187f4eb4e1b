"""A role's right to list a bucket decides between 404 and 403."""

import pytest

from tavus_callbacks_cli.local_stack.services.access_keys import CDN, AccessKeys
from tavus_callbacks_cli.local_stack.services.list_permissions import (
    hide_missing_objects,
    list_permissions_of,
)
from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.local_stack.template.template import load_template

# Fixed, for its ids name tests.
KEYS = AccessKeys("0" * 64)
CDN_KEY = KEYS.key_id(CDN)
LISTINGS = {"AKIALOCALReader": ["ours"], CDN_KEY: []}
MISSING = b"<Error><Code>NoSuchKey</Code></Error>"


def answer(key, *, status="404 Not Found", body=MISSING, listings=LISTINGS, **environ):
    """Ask a guarded S3 that always gives this answer."""

    def s3(_environ, start_response):
        start_response(status, [])
        return [body]

    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": "/ours/key", **environ}
    if key:
        scope = "20260101/us-east-1/s3/aws4_request"
        asked["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={key}/{scope}"
    started = []
    content = hide_missing_objects(s3, listings)(asked, lambda status, _headers: started.append(status))
    return started[0][:3], b"".join(content)


@pytest.mark.parametrize(
    ("key", "path", "expected"),
    [
        ("AKIALOCALReader", "/ours/key", "404"),
        ("AKIALOCALReader", "/theirs/key", "403"),
        (CDN_KEY, "/ours/key", "403"),
        ("local", "/ours/key", "404"),
        (None, "/ours/key", "403"),
        (CDN_KEY, "/ours", "404"),
    ],
)
def test_a_missing_object_is_403_for_who_may_not_list(key, path, expected):
    """The person may list every bucket, a function those of its role, strangers none."""
    assert expected == answer(key, PATH_INFO=path)[0]


def test_a_refusal_is_s3s():
    """XML with AccessDenied, and no body for a HEAD."""
    assert b"<Code>AccessDenied</Code>" in answer(CDN_KEY)[1]
    assert ("403", b"") == answer(CDN_KEY, REQUEST_METHOD="HEAD")


def test_a_presigned_request_has_a_key_too():
    """The credential may be in the query."""
    query = "X-Amz-Credential=local%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"

    assert "404" == answer(None, QUERY_STRING=query)[0]


@pytest.mark.parametrize(
    "members",
    [
        {"status": "200 OK", "body": b"here"},
        {"body": b"<Code>NoSuchBucket</Code>"},
        {"REQUEST_METHOD": "PUT"},
        {"listings": {}},
    ],
)
def test_everything_else_stays_as_it_is(members):
    """Existing objects, missing buckets, other methods, and a stack without settings."""
    assert answer(CDN_KEY, **members)[0] == members.get("status", "404")[:3]


def test_the_roles_of_the_template_say_who_may_list():
    """The two that look may list the recordings, the others nothing."""
    listings = list_permissions_of(load_template(REPOSITORY / "template.yaml"), KEYS)

    assert "tavus-callbacks-local-recordingsbucket" in listings[KEYS.key_id("ResolveFunction")]
    assert ["tavus-callbacks-local-recordingsbucket"] == listings[KEYS.key_id("ReadFunction")]
    assert [] == listings[KEYS.key_id("KeysFunction")]
    assert [] == listings[CDN_KEY]


ROLE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Thing:
    Type: AWS::Serverless::Function
    Properties: {{Handler: a.b, Runtime: python3.13, CodeUri: code/, Role: !GetAtt Role.Arn}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies: [{{PolicyName: p, PolicyDocument: {{Statement: {statement}}}}}]
"""


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ('{Effect: Allow, Action: "s3:*", Resource: "*"}', ["*"]),
        ('[{Effect: Allow, Action: ["s3:List*"], Resource: ["arn:aws:s3:::a*"]}]', ["a*"]),
        ('{Effect: Allow, Action: "s3:GetObject", Resource: "*"}', []),
        ('{Effect: Deny, Action: "s3:*", Resource: "*"}', []),
        ('{Effect: Allow, Action: "s3:ListBucket", Resource: "arn:aws:sqs:::a"}', []),
        ('{Effect: Allow, Action: "s3:ListBucket", Resource: "*", Condition: {Bool: {a: "b"}}}', []),
    ],
)
def test_statements_are_read_as_iam_reads_them(tmp_path, statement, expected):
    """Wildcards count, conditions and other actions do not."""
    path = tmp_path / "template.yaml"
    path.write_text(ROLE.format(statement=statement))

    assert expected == list_permissions_of(load_template(path), KEYS)[KEYS.key_id("Thing")]
