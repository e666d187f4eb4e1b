"""A refusal of S3 that moto does not make: who may not list a bucket does not learn that a key is missing.

It is 403 where moto says 404.
Each local function signs with an access key of its own, so the embedded S3 can tell whose role asks. Nothing
else of IAM is enforced here: tests/stack checks the policies themselves.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.services.access_keys import CDN, Keys, key_id_of
from tavus_callbacks_cli.local_stack.services.wsgi import FORBIDDEN, Answered, answer_of, bucket_and_key

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_LIST, _BUCKET_ARN = "s3:ListBucket", "arn:aws:s3:::"
_REFUSED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)

# Of each access key the buckets that it may list, as patterns; keys that are not in it may list all.
Listings = Mapping[str, list[str]]


def listings_of(template: "Template", keys: Keys) -> dict[str, list[str]]:
    """Read from the roles which function may list which bucket."""
    roles = {role.name: role for role in template.of_type("AWS::IAM::Role")}
    listings = {
        keys.key_id(function.logical_id): _listed(roles.get(_role_name(function)))
        for function in template.of_type("AWS::Lambda::Function")
    }
    # The bucket policy gives CloudFront GetObject and nothing else.
    return {**listings, keys.key_id(CDN): []}


def _role_name(function: "Resource") -> str:
    return str(function.properties.get("Role", "")).rpartition("/")[2]


def _listed(role: "Resource | None") -> list[str]:
    policies = role.properties.get("Policies", []) if role else []
    statements = [each for policy in policies for each in _list(policy["PolicyDocument"]["Statement"])]
    return [
        resource.removeprefix(_BUCKET_ARN)
        for statement in statements
        if _allows_listing(statement)
        for resource in _list(statement["Resource"])
        if resource == "*" or resource.startswith(_BUCKET_ARN)
    ]


def _allows_listing(statement: dict[str, Any]) -> bool:
    # Under a condition, a prefix say, S3 tells no more than without the right.
    actions = _list(statement.get("Action", []))
    is_meant = any(fnmatchcase(_LIST.lower(), action.lower()) for action in actions)
    return statement["Effect"] == "Allow" and is_meant and "Condition" not in statement


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def guarding(application: "WSGIApplication", listings: Listings) -> "WSGIApplication":
    """Wrap an S3: a 404 for an object becomes 403 for those who may not list its bucket."""

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        bucket, key = bucket_and_key(environ)
        method = environ["REQUEST_METHOD"]
        if not listings or not key or method not in ("GET", "HEAD"):
            return application(environ, start_response)
        answered = answer_of(application, environ)
        is_missing = answered.status.startswith("404") and b"NoSuchBucket" not in answered.body
        if is_missing and not _may_list(environ, bucket, listings):
            answered = _refusal(b"" if method == "HEAD" else _REFUSED)
        return answered.send(start_response)

    return guarded


def _may_list(environ: "WSGIEnvironment", bucket: str, listings: Listings) -> bool:
    key = key_id_of(environ)
    return bool(key) and any(fnmatchcase(bucket, pattern) for pattern in listings.get(key, ["*"]))


def _refusal(body: bytes) -> Answered:
    headers = [("content-type", "application/xml"), ("content-length", str(len(body)))]
    return Answered(FORBIDDEN, headers, body)
