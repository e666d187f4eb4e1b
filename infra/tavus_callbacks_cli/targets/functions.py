"""Calling the functions of a stack: on AWS by Lambda, for a local stack in workers of our own."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.functions.local_function import LocalFunction
    from tavus_callbacks_cli.targets.aws_stack import Deployment

# Calls a function by its name with an event; returns its answer, or raises FunctionError.
Invoke = Callable[[str, Any], Any]


class FunctionError(Exception):
    """A function failed; the text says how."""


@contextmanager
def function_caller(deployment: "Deployment") -> Iterator[Invoke]:
    """Yield what calls the functions of a stack; workers that it started end with the block."""
    if not deployment.is_local:
        yield partial(invoke_on_aws, deployment)
        return
    with ExitStack() as cleanup:
        start = cache(lambda name: _start_worker(deployment, name, cleanup))
        yield lambda name, event: invoke_worker(start(name), event)


def invoke_on_aws(deployment: "Deployment", name: str, event: Any) -> Any:
    """Return a function's answer; raises FunctionError."""
    answer = deployment.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    content = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise FunctionError(str((content or {}).get("errorType", answer["FunctionError"])))
    return content


def _start_worker(deployment: "Deployment", name: str, cleanup: ExitStack) -> "LocalFunction":
    import tempfile
    from pathlib import Path

    from tavus_callbacks_cli.local_stack.functions.local_function import (
        FunctionHost,
        LocalFunction,
        functions_of,
    )
    from tavus_callbacks_cli.local_stack.state import template_path
    from tavus_callbacks_cli.local_stack.template.template import load_template

    logs = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
    # Only the stack itself knows the keys of its functions. These workers run with the person's key.
    session: Any = deployment.session
    key_id = session.get_credentials().access_key
    place = FunctionHost(deployment.endpoint_url or "", logs, lambda _: key_id)
    template = load_template(template_path(), dict(deployment.parameters))
    functions = functions_of(template, place)
    worker = LocalFunction(next(each for each in functions if each.arn.endswith(f":{name}")))
    cleanup.callback(worker.stop)
    return worker


def invoke_worker(worker: "LocalFunction", event: Any) -> Any:
    """Return the answer of a worker; raises FunctionError."""
    from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed

    try:
        return worker.invoke(event)
    except FunctionFailed as error:
        raise FunctionError(str(error)) from error
