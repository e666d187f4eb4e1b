"""Reports which items a request to DynamoDB wrote, so that others can read them as they are afterwards.

Statements of PartiQL are refused, because the items that they write are not known.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.services.wsgi import BAD_REQUEST, OK, Response, call_application

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from moto.dynamodb.models.dynamo_type import DynamoType, Item
    from moto.dynamodb.models.table import Table

_TARGET = "DynamoDB_20120810."
_OPERATIONS = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
_PARTIQL = {"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}
_REFUSAL = json.dumps(
    {"__type": "ValidationException", "message": "The local stack has no PartiQL."}
).encode()


@dataclass(frozen=True)
class Write:
    """A written or deleted item: its table and the values of its key in DynamoDB JSON, `{"S": "…"}`."""

    table: "Table"
    hash_key: dict[str, Any]
    range_key: dict[str, Any] | None

    @property
    def key(self) -> "tuple[DynamoType, ...]":
        """Return the values of the key as moto's objects."""
        from moto.dynamodb.models.dynamo_type import DynamoType

        return tuple(DynamoType(value) for value in (self.hash_key, self.range_key) if value is not None)

    def item(self) -> "Item | None":
        """Return moto's item as it is now, or None if it does not exist."""
        return self.table.get_item(*self.key)


Report = Callable[[list[Write]], object]


def report_writes(application: "WSGIApplication", reports: Iterable[Report]) -> "WSGIApplication":
    """Wrap a DynamoDB: call every report after each successful write, before the answer goes out."""

    def reporting(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).removeprefix(_TARGET)
        if operation in _PARTIQL:
            headers = [
                ("content-type", "application/x-amz-json-1.0"),
                ("content-length", str(len(_REFUSAL))),
            ]
            return Response(BAD_REQUEST, headers, _REFUSAL).send(start_response)
        if operation not in _OPERATIONS:
            return application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = BytesIO(body)
        response = call_application(application, environ)
        if response.status == OK:
            writes = list(_writes(operation, json.loads(body)))
            for report in reports:
                report(writes)
        return response.send(start_response)

    return reporting


def _writes(operation: str, request: dict[str, Any]) -> Iterator[Write]:
    from moto.dynamodb.models import dynamodb_backends

    backend = dynamodb_backends[ACCOUNT][REGION]
    for name, write in _table_writes(operation, request):
        table = backend.get_table(name)
        attributes = write["Key"] if "Key" in write else write["Item"]
        range_key = attributes[table.range_key_attr] if table.range_key_attr else None
        yield Write(table, attributes[table.hash_key_attr], range_key)


def _table_writes(operation: str, request: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the table and the members of each write; they have either a Key or an Item."""
    if operation == "BatchWriteItem":
        for table, requests in request["RequestItems"].items():
            yield from ((table, write) for each in requests for write in each.values())
    elif operation == "TransactWriteItems":
        writes = [write for each in request["TransactItems"] for write in each.values()]
        yield from ((write["TableName"], write) for write in writes)
    else:
        yield request["TableName"], request
