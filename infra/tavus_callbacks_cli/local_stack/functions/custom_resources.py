"""Custom resources: the function that a template names for one is asked as CloudFormation asks it.

It answers by a PUT to the address that it is given, on loopback here. A stack begins anew with every start,
so the request is always Create: what must last is in the data that a restart brings back.
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
from tavus_callbacks_cli.local_stack.functions.functions import FunctionFailed
from tavus_callbacks_cli.local_stack.loopback import is_loopback
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.http.gateway import Invoke
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_SUCCESS = "SUCCESS"


def makers_of(template: "Template") -> set[str]:
    """Return the functions that make custom resources; raises click.ClickException for others' functions."""
    return {_maker(resource, template) for resource in _custom(template)}


def answers_of(template: "Template", functions: "dict[str, Invoke]") -> dict[str, dict[str, Any]]:
    """Make every custom resource and return Data by logical id; raises click.ClickException if one fails."""
    return {
        resource.logical_id: _made(resource, _maker(resource, template), functions)
        for resource in _custom(template)
    }


def _custom(template: "Template") -> list["Resource"]:
    return [each for each in template.resources.values() if each.type.startswith("Custom::")]


def _maker(resource: "Resource", template: "Template") -> str:
    try:
        return template.function(resource.properties["ServiceToken"])
    except (KeyError, ValueError) as error:
        raise uninterpretable(resource.logical_id, str(error), "name a function of the template") from error


def _made(resource: "Resource", function: str, functions: "dict[str, Invoke]") -> dict[str, Any]:
    with listening() as (url, answers):
        try:
            functions[function](_request(resource, url))
        except FunctionFailed as error:
            raise _failed(resource, function, str(error)) from error
    silence: dict[str, Any] = {"Reason": "it sent no answer to the ResponseURL"}
    answer = answers[-1] if answers else silence
    if answer.get("Status") != _SUCCESS:
        raise _failed(resource, function, str(answer.get("Reason")))
    data: dict[str, Any] = answer.get("Data", {})
    return data


def _failed(resource: "Resource", function: str, reason: str) -> click.ClickException:
    return click.ClickException(
        f"template.yaml, {resource.logical_id}: {function} did not make it: {reason}; see its log"
    )


def _request(resource: "Resource", url: str) -> dict[str, Any]:
    return {
        "RequestType": "Create",
        "ServiceToken": resource.properties["ServiceToken"],
        "ResponseURL": url,
        "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local",
        "RequestId": str(uuid.uuid4()),
        "ResourceType": resource.type,
        "LogicalResourceId": resource.logical_id,
        "ResourceProperties": resource.properties,
    }


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield an address on loopback and the list of the answers that are put there; others get 403."""
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
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="answers")
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}{secret_path}", answers
        finally:
            server.shutdown()
            thread.join()
