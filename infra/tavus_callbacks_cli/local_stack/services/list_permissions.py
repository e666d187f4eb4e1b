"""S3's refusal of a missing key, which moto does not imitate: 403 instead of 404 without the right to list.

Each local function signs with its own access key, so the embedded S3 knows whose role sends a request.
Nothing else of IAM is enforced here; tests/stack checks the policies themselves.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.services.access_keys import CDN, AccessKeys, key_id_of
from tavus_callbacks_cli.local_stack.services.wsgi import (
    FORBIDDEN,
    bucket_and_key,
    call_application,
    xml_response,
)
from tavus_callbacks_cli.local_stack.template.template import as_list

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tavus_callbacks_cli.local_stack.template.template import Template

_LIST, _BUCKET_ARN = "s3:ListBucket", "arn:aws:s3:::"
_ACCESS_DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)

# For each access key id, the patterns of the buckets that it may list. Other access keys may list every
# bucket.
ListPermissions = Mapping[str, list[str]]


def list_permissions_of(template: "Template", keys: AccessKeys) -> dict[str, list[str]]:
    """Read from the roles which function may list which bucket."""
    permissions = {
        keys.key_id(function.logical_id): [
            resource.removeprefix(_BUCKET_ARN)
            for statement in template.policy_statements(function)
            if _allows_listing(statement)
            for resource in as_list(statement["Resource"])
            if resource == "*" or resource.startswith(_BUCKET_ARN)
        ]
        for function in template.of_type("AWS::Lambda::Function")
    }
    # The bucket policy grants CloudFront only GetObject.
    return {**permissions, keys.key_id(CDN): []}


def _allows_listing(statement: dict[str, Any]) -> bool:
    # With a condition, such as a prefix, S3 reveals no more than without the right.
    actions = as_list(statement.get("Action", []))
    includes_list = any(fnmatchcase(_LIST.lower(), action.lower()) for action in actions)
    return statement["Effect"] == "Allow" and includes_list and "Condition" not in statement


def hide_missing_objects(application: "WSGIApplication", permissions: ListPermissions) -> "WSGIApplication":
    """Wrap an S3: the 404 of an object becomes 403 for an access key that may not list its bucket."""

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        bucket, key = bucket_and_key(environ)
        method = environ["REQUEST_METHOD"]
        if not permissions or not key or method not in ("GET", "HEAD"):
            return application(environ, start_response)
        response = call_application(application, environ)
        is_missing = response.status.startswith("404") and b"NoSuchBucket" not in response.body
        key_id = key_id_of(environ)
        patterns = permissions.get(key_id, ["*"]) if key_id else []
        if is_missing and not any(fnmatchcase(bucket, pattern) for pattern in patterns):
            response = xml_response(FORBIDDEN, b"" if method == "HEAD" else _ACCESS_DENIED)
        return response.send(start_response)

    return guarded
