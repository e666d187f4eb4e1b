"""The triggers that start functions besides requests: streams, queues, schedules, and events on the bus."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.functions.async_invocations import (
    AsyncConfig,
    Submit,
    async_configs_of,
    run_async_invocations,
)
from tavus_callbacks_cli.local_stack.functions.dead_letters import (
    DiscardedRecords,
    FailedEvent,
    Shard,
    write_discarded,
    write_failed_event,
)
from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed
from tavus_callbacks_cli.local_stack.services.moto_server import OBJECTS, QUEUES
from tavus_callbacks_cli.local_stack.triggers import event_bus, queues, schedules, streams
from tavus_callbacks_cli.local_stack.triggers.batches import Delivery, Record, deliver

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mypy_boto3_s3 import S3Client

    from tavus_callbacks_cli.local_stack.functions.local_function import Invoke
    from tavus_callbacks_cli.local_stack.services.embedded import Backlog, EmbeddedServices
    from tavus_callbacks_cli.local_stack.template.template import Template

# Seconds between attempts at a batch, doubled each time. Lambda's own pauses are not documented.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
# A function that fails all the time must not keep the stack from starting.
_SECONDS_TO_CATCH_UP = 60


@dataclass(frozen=True)
class Triggers:
    """The triggers of a template."""

    streams: list[streams.StreamMapping]
    queues: list[queues.QueueMapping]
    rules: list[event_bus.Rule]
    schedules: list[schedules.Schedule]
    async_configs: dict[str, AsyncConfig]


@dataclass(frozen=True)
class Functions:
    """The functions to start, by logical id; `watchers` get function and reason of each failure."""

    template: "Template"
    invokes: "dict[str, Invoke]"
    watchers: list[Callable[[str, str], None]] = field(default_factory=list)

    def invoke(self, function: str, event: Any) -> Any:
        """Call a function; raises FunctionFailed after notifying the watchers."""
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
    """Return the triggers of a template; raises click.ClickException naming an unsupported resource."""
    return Triggers(
        streams.stream_mappings_of(template),
        queues.queue_mappings_of(template),
        event_bus.rules_of(template),
        schedules.schedules_of(template),
        async_configs_of(template),
    )


@contextlib.contextmanager
def run_triggers(
    triggers: Triggers,
    services: "EmbeddedServices",
    functions: Functions,
    backlog: "Backlog",
    *,
    hurry: bool = False,
) -> Iterator[None]:
    """Let writes, object events and time start functions from now until the block ends.

    The backlog is delivered first, for a minute at most. With `hurry`, schedules run every second.
    """
    s3 = services.clients().s3

    def write_dead_letter(bucket: str, failed: FailedEvent) -> None:
        write_failed_event(s3, bucket, functions.arn(failed.function), failed)

    with contextlib.ExitStack() as cleanup:
        invoke_later = cleanup.enter_context(
            run_async_invocations(triggers.async_configs, functions.invoke, write_dead_letter)
        )
        put = partial(_put_event, triggers.rules, invoke_later, services.confirm_event)
        streams_ = [
            cleanup.enter_context(_run_stream(mapping, services, s3, functions, backlog))
            for mapping in triggers.streams
        ]
        for queue in triggers.queues:
            cleanup.enter_context(_run_queue(queue, services, functions))
        for schedule in triggers.schedules:
            cleanup.enter_context(schedules.run_schedule(schedule, functions.invoke, hurry=hurry))
        with services.watch(OBJECTS, lambda event: put(event) if event else None):
            deliveries = [put(event) for event in backlog.events]
            deadline = time.monotonic() + _SECONDS_TO_CATCH_UP
            for has_caught_up in [*(stream.has_caught_up for stream in streams_), *deliveries]:
                has_caught_up.wait(max(0, deadline - time.monotonic()))
            yield


def _put_event(
    rules: list[event_bus.Rule], invoke_later: Submit, confirm: Callable[[str], None], event: dict[str, Any]
) -> threading.Event:
    """Give an event to the functions of the rules that match; confirm it, and set the result, afterwards."""
    is_done = threading.Event()
    invocations = [invoke_later(function, event) for function in event_bus.targets_of(rules, event)]
    unfinished = set(invocations)

    def finish(invocation: "Future[bool]") -> None:
        unfinished.discard(invocation)
        if not unfinished and not is_done.is_set():
            if all(each.result() for each in invocations):
                confirm(event["id"])
            is_done.set()

    for invocation in invocations:
        invocation.add_done_callback(finish)
    if not invocations:
        confirm(event["id"])
        is_done.set()
    return is_done


def pause_after(failures: int) -> float:
    """Return the seconds to wait after so many failures of a stream's batch, which may be thousands."""
    return min(_FIRST_PAUSE * float(2 ** min(failures, 10)), _LONGEST_PAUSE)


@contextlib.contextmanager
def _run_queue(
    queue: queues.QueueMapping, services: "EmbeddedServices", functions: Functions
) -> Iterator[None]:
    woken, invoke = threading.Event(), partial(functions.invoke, queue.function)
    with (
        services.watch(QUEUES, lambda _event: woken.set()),
        queues.drain_queue(queue, services.sqs(), woken, invoke),
    ):
        yield


@contextlib.contextmanager
def _run_stream(
    mapping: streams.StreamMapping,
    services: "EmbeddedServices",
    s3: "S3Client",
    functions: Functions,
    backlog: "Backlog",
) -> Iterator[streams.Stream]:
    ended, woken = threading.Event(), threading.Event()

    def deliver_batch(shard: Shard, records: list[Record]) -> bool:
        def discard(discarded: DiscardedRecords) -> None:
            if mapping.failed_bucket:
                arn = functions.arn(mapping.function)
                write_discarded(s3, mapping.failed_bucket, arn, shard, discarded)

        delivery = Delivery(
            invoke=partial(functions.invoke, mapping.function),
            discard=discard,
            wait=lambda failures: not ended.wait(pause_after(failures)),
            clock=time.time,
        )
        is_delivered = deliver(records, mapping.rules, delivery)
        if is_delivered:
            services.confirm_records(mapping.mapping_id, records[-1]["dynamodb"]["SequenceNumber"])
        return is_delivered

    due = backlog.records.get(mapping.mapping_id, ())
    stream = streams.Stream(mapping, services.streams(), deliver_batch, due)
    with (
        stream.run(woken),
        contextlib.ExitStack() as cleanup,
        services.watch(mapping.mapping_id, lambda _event: woken.set()),
    ):
        cleanup.callback(ended.set)
        yield stream
