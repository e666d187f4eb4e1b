"""Reading a deployed stack with AWS credentials: the code of its ReadFunction runs in this process.

To the caller it looks like HTTP, so that commands need only one way of asking.
"""

import os
import threading
from typing import TYPE_CHECKING

import click
import httpx

from tavus_callbacks.domain.common.errors import CallbackError, StoreDown
from tavus_callbacks.runtime.http import problem
from tavus_callbacks_cli.local_stack.http.payload import Request, make_answer, make_event
from tavus_callbacks_cli.local_stack.http.routes import Route
from tavus_callbacks_cli.targets.aws_errors import aws_errors, error_advice
from tavus_callbacks_cli.targets.aws_stack import function_environment

if TYPE_CHECKING:
    from boto3 import Session

FUNCTION = "ReadFunction"

# Powertools keeps the current event on the class of the router, so two requests at once would mix.
_RESOLVING = threading.Lock()


def in_process_client(session: "Session", stack: str) -> httpx.Client:
    """Return a client of a deployed stack; gives this process the environment of the stack's ReadFunction."""
    variables = function_environment(session, stack, FUNCTION)
    os.environ.update(variables, AWS_DEFAULT_REGION=session.region_name)
    return httpx.Client(base_url=f"https://{stack}.invalid", transport=InProcessTransport())


class InProcessTransport(httpx.BaseTransport):
    """Answers requests one by one with the code of ReadFunction, whose environment this process has."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the API would; raises click.ClickException if AWS refuses for good."""
        # The handler reads the environment when it is first asked.
        from tavus_callbacks.handlers.read import resolve

        path, _, query = request.url.raw_path.partition(b"?")
        event = make_event(Request("GET", path, query), Route("GET", request.url.path, FUNCTION), {})
        try:
            with _RESOLVING, aws_errors():
                answer = make_answer(resolve(event, None))
        except CallbackError as error:
            # The text of a StoreDown is AWS's code. With advice, it does not pass by itself.
            advice = error_advice(str(error)) if isinstance(error, StoreDown) else None
            if advice:
                raise click.ClickException(advice) from error
            answer = make_answer(problem(error))
        return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body)
