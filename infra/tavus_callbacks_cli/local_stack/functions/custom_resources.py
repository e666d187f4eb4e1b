"""Custom resources: invokes the function that a template names for one, as CloudFormation does.

The function answers by a PUT to the address in its request, here on loopback. Every start creates the stack
again, so the request is always Create. Data that must survive are in the journal.
"""

import contextlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION, STACK
from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed
from tavus_callbacks_cli.local_stack.loopback import HOST, is_loopback
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.functions.local_function import Invoke
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template


def custom_resource_functions(template: "Template") -> dict[str, str]:
    """Return the function of each custom resource, both as logical ids.

    Raises click.ClickException for a function that is not of the template.
    """
    functions = {}
    for resource in template.resources.values():
        if resource.type.startswith("Custom::"):
            try:
                functions[resource.logical_id] = template.function(resource.properties["ServiceToken"])
            except (KeyError, ValueError) as error:
                remedy = "name a function of the template"
                raise uninterpretable(resource.logical_id, str(error), remedy) from error
    return functions


def create_custom_resources(
    template: "Template", functions: "dict[str, Invoke]"
) -> dict[str, dict[str, Any]]:
    """Create every custom resource and return Data by logical id; raises click.ClickException on failure."""
    data: dict[str, dict[str, Any]] = {}
    for logical_id, function in custom_resource_functions(template).items():
        resource = template.resources[logical_id]
        with listen_for_answers() as (url, answers):
            request = {
                "RequestType": "Create",
                "ServiceToken": resource.properties["ServiceToken"],
                "ResponseURL": url,
                "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local",
                "RequestId": str(uuid.uuid4()),
                "ResourceType": resource.type,
                "LogicalResourceId": resource.logical_id,
                "ResourceProperties": resource.properties,
            }
            try:
                functions[function](request)
            except FunctionFailed as error:
                raise _failure(resource, function, str(error)) from error
        answer: dict[str, Any] = (
            answers[-1] if answers else {"Reason": "it sent no answer to the ResponseURL"}
        )
        if answer.get("Status") != "SUCCESS":
            raise _failure(resource, function, str(answer.get("Reason")))
        data[logical_id] = answer.get("Data", {})
    return data


def _failure(resource: "Resource", function: str, reason: str) -> click.ClickException:
    return click.ClickException(
        f"template.yaml, {resource.logical_id}: {function} did not make it: {reason}; see its log"
    )


@contextlib.contextmanager
def listen_for_answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield an address on loopback and the list of answers that are PUT there; other requests get 403."""
    answers: list[dict[str, Any]] = []
    secret_path = f"/{uuid.uuid4()}"

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            is_local = is_loopback(self.headers.get("host", ""), port)
            is_allowed = is_local and hmac.compare_digest(self.path.encode(), secret_path.encode())
            if is_allowed:
                answers.append(json.loads(body))
            self.send_response(200 if is_allowed else 403)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="answers")
        thread.start()
        try:
            yield f"http://{HOST}:{port}{secret_path}", answers
        finally:
            server.shutdown()
            thread.join()
