"""What starts functions besides requests: streams of tables, queues, and events of buckets by the bus."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.functions import async_invocations
from tavus_callbacks_cli.local_stack.functions.dead_letters import Shard, keep_discarded, keep_event
from tavus_callbacks_cli.local_stack.functions.functions import FunctionFailed
from tavus_callbacks_cli.local_stack.triggers import event_bus, queues, schedules, streams
from tavus_callbacks_cli.local_stack.triggers.batches import Discarded, Record, Surroundings, deliver

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tavus_callbacks_cli.local_stack.http.gateway import Invoke
    from tavus_callbacks_cli.local_stack.services.moto_server import Embedded
    from tavus_callbacks_cli.local_stack.template.template import Template

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


@dataclass(frozen=True)
class Triggers:
    """The triggers of a template."""

    mappings: list[streams.Mapping]
    queues: list[queues.QueueMapping]
    rules: list[event_bus.Rule]
    schedules: list[schedules.Schedule]
    configs: dict[str, async_invocations.Config]


@dataclass(frozen=True)
class Functions:
    """The functions to start, by logical id; `watchers` are told function and reason of each failure."""

    template: "Template"
    invokes: "dict[str, Invoke]"
    watchers: list[Callable[[str, str], None]] = field(default_factory=list)

    def invoke(self, function: str, event: Any) -> Any:
        """Call a function; raises FunctionFailed after telling the watchers."""
        try:
            return self.invokes[function](event)
        except FunctionFailed as error:
            for watch in self.watchers:
                watch(function, str(error))
            raise

    def arn(self, function: str) -> str:
        """Return the ARN of a function."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.template.resources[function].name}"


def triggers_of(template: "Template") -> Triggers:
    """Read the triggers; raises click.ClickException naming the resource that has no meaning here."""
    return Triggers(
        streams.mappings_of(template),
        queues.queue_mappings_of(template),
        event_bus.rules_of(template),
        schedules.schedules_of(template),
        async_invocations.configs_of(template),
    )


@contextlib.contextmanager
def pulling(
    triggers: Triggers, embedded: "Embedded", functions: Functions, *, hurry: bool = False
) -> Iterator[None]:
    """Let writes, object events and time start functions until the block ends; nothing before it does.

    With `hurry` schedules come round every second.
    """
    s3 = embedded.clients().s3
    with contextlib.ExitStack() as cleanup:
        given_up = partial(_keep_event, s3, functions)
        give = cleanup.enter_context(async_invocations.invoking(triggers.configs, functions.invoke, given_up))
        for mapping in triggers.mappings:
            cleanup.enter_context(_mapped(mapping, embedded, s3, functions))
        for queue in triggers.queues:
            cleanup.enter_context(_drained(queue, embedded, functions))
        for schedule in triggers.schedules:
            cleanup.enter_context(schedules.ticking(schedule, functions.invoke, hurry=hurry))
        put = partial(event_bus.put, triggers.rules, invoke=give)
        with embedded.listening(lambda event: put(event) if event else None):
            yield


@contextlib.contextmanager
def _mapped(
    mapping: streams.Mapping, embedded: "Embedded", s3: "S3Client", functions: Functions
) -> Iterator[None]:
    ended, woken = threading.Event(), threading.Event()
    world = partial(_world, mapping, s3, functions, ended)

    def take(shard: Shard, records: list[Record]) -> None:
        deliver(records, mapping.rules, world(shard))

    with (
        streams.following(mapping, embedded.streams(), woken, take),
        contextlib.ExitStack() as cleanup,
        embedded.listening(lambda _event: woken.set()),
    ):
        cleanup.callback(ended.set)
        yield


@contextlib.contextmanager
def _drained(queue: queues.QueueMapping, embedded: "Embedded", functions: Functions) -> Iterator[None]:
    woken, invoke = threading.Event(), partial(functions.invoke, queue.function)
    with (
        embedded.listening(lambda _event: woken.set()),
        queues.draining(queue, embedded.sqs(), woken, invoke),
    ):
        yield


def _world(
    mapping: streams.Mapping, s3: "S3Client", functions: Functions, ended: threading.Event, shard: Shard
) -> Surroundings:
    def discard(what: Discarded) -> None:
        if mapping.failed_bucket:
            keep_discarded(s3, mapping.failed_bucket, functions.arn(mapping.function), shard, what)

    return Surroundings(
        invoke=partial(functions.invoke, mapping.function),
        discard=discard,
        wait=lambda failures: not ended.wait(min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE)),
        clock=time.time,
    )


def _keep_event(s3: "S3Client", functions: Functions, failed: async_invocations.Failed) -> None:
    bucket = failed.config.failed_bucket
    if bucket:
        keep_event(s3, bucket, functions.arn(failed.function), failed)
