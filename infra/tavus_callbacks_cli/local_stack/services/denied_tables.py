"""Refuses tables to functions, as a Deny in the policies of their roles does on AWS."""

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from tavus_callbacks_cli.local_stack.services.access_keys import AccessKeys, key_id_of
from tavus_callbacks_cli.local_stack.services.wsgi import BAD_REQUEST, Response

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_ACCESS_DENIED = {"__type": "com.amazon.coral.service#AccessDeniedException", "message": "an explicit deny"}


def deny_tables(
    application: "WSGIApplication", keys: AccessKeys, denied: Mapping[str, str]
) -> "WSGIApplication":
    """Wrap a DynamoDB: a function (by its logical id) gets AccessDeniedException for its denied table."""

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        table = denied.get(keys.owner(key_id_of(environ)) or "")
        if table is None or not str(environ.get("HTTP_X_AMZ_TARGET", "")).startswith("DynamoDB_"):
            return application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        # Requests about several tables name them as members, others as TableName.
        if f'"{table}"'.encode() in body:
            content = json.dumps(_ACCESS_DENIED).encode()
            headers = [("content-type", "application/x-amz-json-1.0"), ("content-length", str(len(content)))]
            return Response(BAD_REQUEST, headers, content).send(start_response)
        environ["wsgi.input"] = BytesIO(body)
        return application(environ, start_response)

    return guarded
