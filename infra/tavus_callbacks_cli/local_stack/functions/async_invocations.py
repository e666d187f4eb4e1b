"""Asynchronous invocations: taken at once, made later, repeated when they fail, kept when they always do.

Lambda waits one and two minutes before it repeats; somebody who watches would not.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.functions.dead_letters import bucket_of
from tavus_callbacks_cli.local_stack.functions.functions import FunctionFailed
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_RETRIES = 2
_PAUSES = (0.2, 0.4)
_THREADS = 8

Give = Callable[[str, Any], None]


@dataclass(frozen=True)
class Config:
    """How often a function's asynchronous invocations are repeated, and where what failed goes."""

    retries: int = _RETRIES
    failed_bucket: str | None = None


@dataclass(frozen=True)
class Failed:
    """An event that no invocation took, with the reason of the last."""

    function: str
    config: Config
    event: Any
    invocations: int
    why: str


def configs_of(template: "Template") -> dict[str, Config]:
    """Read the EventInvokeConfigs of a template, by the logical id of the function."""
    return {
        template.function(resource.properties["FunctionName"]): _config(resource)
        for resource in template.of_type("AWS::Lambda::EventInvokeConfig")
    }


def _config(resource: "Resource") -> Config:
    properties = resource.properties
    try:
        bucket = bucket_of(properties.get("DestinationConfig"))
    except ValueError as error:
        remedy = "let infra/tavus_callbacks_cli/local_stack/functions/dead_letters.py write there"
        raise uninterpretable(resource.logical_id, str(error), remedy) from error
    return Config(int(properties.get("MaximumRetryAttempts", _RETRIES)), bucket)


@contextlib.contextmanager
def invoking(
    configs: dict[str, Config], invoke: Callable[[str, Any], Any], failed: Callable[[Failed], None]
) -> Iterator[Give]:
    """Yield what takes events for functions; the end waits for those under way and repeats no more."""
    ended = threading.Event()
    with ThreadPoolExecutor(_THREADS, "asynchronous") as threads:

        def take(function: str, event: Any) -> None:
            config = configs.get(function, Config())
            threads.submit(_invoke, function, config, event, invoke=invoke, failed=failed, ended=ended)

        try:
            yield take
        finally:
            ended.set()


def _invoke(  # noqa: PLR0913 - one argument a part of the world
    function: str,
    config: Config,
    event: Any,
    *,
    invoke: Callable[[str, Any], Any],
    failed: Callable[[Failed], None],
    ended: threading.Event,
) -> None:
    why = ""
    for retry in range(config.retries + 1):
        if retry and ended.wait(_PAUSES[min(retry, len(_PAUSES)) - 1]):
            return
        try:
            invoke(function, event)
        except FunctionFailed as error:
            why = str(error)
        else:
            return
    failed(Failed(function, config, event, config.retries + 1, why))
