"""Reading a deployed stack with AWS credentials: its ReadFunction's own code, run in this process.

It looks like HTTP to the caller, so that the commands know one way of asking.
"""

import os
from typing import TYPE_CHECKING

import click
import httpx

from tavus_callbacks.domain.common.errors import CallbackError, StoreDown
from tavus_callbacks.runtime.http import problem
from tavus_callbacks_cli.local_stack.http.payload import Request, make_answer, make_event
from tavus_callbacks_cli.local_stack.http.routes import Route
from tavus_callbacks_cli.targets.stack_outputs import aws_errors, environment, refusal

if TYPE_CHECKING:
    from boto3 import Session

FUNCTION = "ReadFunction"


def take_environment(session: "Session", stack: str) -> None:
    """Set this process up as the stack's ReadFunction is: tables, bucket, region."""
    variables = environment(session, stack, FUNCTION)
    os.environ.update(variables, AWS_DEFAULT_REGION=session.region_name)


class DirectTransport(httpx.BaseTransport):
    """Answers requests by calling the reader's code; `take_environment` comes first."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the API would; raises click.ClickException where AWS refuses."""
        # It reads the environment when it is first asked.
        from tavus_callbacks.handlers.read import resolve

        path, _, query = request.url.raw_path.partition(b"?")
        event = make_event(Request("GET", path, query), Route("GET", request.url.path, FUNCTION), {})
        try:
            with aws_errors():
                answer = make_answer(resolve(event, None))
        except CallbackError as error:
            _raise_refusal(error)
            answer = make_answer(problem(error))
        return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body)


def _raise_refusal(error: CallbackError) -> None:
    """Raise what will not pass by itself; a StoreDown's text is AWS's code."""
    reason = refusal(str(error)) if isinstance(error, StoreDown) else None
    if reason:
        raise click.ClickException(reason) from error
