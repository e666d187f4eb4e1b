"""Asynchronous invocations: accepted at once, made later, retried, and written as dead letters if all fail.

Lambda waits one and two minutes before its retries. The pauses here are short, for people who watch.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.functions.dead_letters import FailedEvent, bucket_of
from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Template

_RETRIES = 2
_PAUSES = (0.2, 0.4)

# Calls the function with the logical id.
InvokeByName = Callable[[str, Any], Any]
Submit = Callable[[str, Any], "Future[bool]"]


@dataclass(frozen=True)
class AsyncConfig:
    """The retries of a function's asynchronous invocations, and the bucket for dead letters."""

    retries: int = _RETRIES
    failed_bucket: str | None = None


def async_configs_of(template: "Template") -> dict[str, AsyncConfig]:
    """Return the EventInvokeConfigs of a template, by the logical id of the function."""
    configs = {}
    for resource in template.of_type("AWS::Lambda::EventInvokeConfig"):
        properties = resource.properties
        function = template.function(properties["FunctionName"])
        try:
            bucket = bucket_of(properties.get("DestinationConfig"))
        except ValueError as error:
            remedy = "let infra/tavus_callbacks_cli/local_stack/functions/dead_letters.py write there"
            raise uninterpretable(resource.logical_id, str(error), remedy) from error
        configs[function] = AsyncConfig(int(properties.get("MaximumRetryAttempts", _RETRIES)), bucket)
    return configs


@contextlib.contextmanager
def run_async_invocations(
    configs: dict[str, AsyncConfig],
    invoke: InvokeByName,
    write_dead_letter: Callable[[str, FailedEvent], None],
) -> Iterator[Submit]:
    """Yield a function that accepts events; the end of the block waits for current ones and stops retries.

    Its results tell whether the invocations succeeded or were given up. They are False if the stack ended.
    """
    ended = threading.Event()
    with ThreadPoolExecutor(8, "asynchronous") as threads:

        def run(function: str, event: Any) -> bool:
            if ended.is_set():
                return False
            config = configs.get(function, AsyncConfig())
            try:
                _invoke_with_retries(partial(invoke, function, event), config.retries, ended)
            except FunctionFailed as error:
                if ended.is_set():
                    return False
                if config.failed_bucket:
                    failed = FailedEvent(function, event, config.retries + 1, str(error))
                    write_dead_letter(config.failed_bucket, failed)
            return True

        try:
            yield lambda function, event: threads.submit(run, function, event)
        finally:
            ended.set()


def _invoke_with_retries(invoke: Callable[[], Any], retries: int, ended: threading.Event) -> None:
    """Return once an invocation succeeds; raises the last FunctionFailed, early if the stack ends."""
    for retry in range(retries + 1):
        try:
            invoke()
        except FunctionFailed:
            if retry == retries or ended.wait(_PAUSES[min(retry, len(_PAUSES) - 1)]):
                raise
        else:
            return
