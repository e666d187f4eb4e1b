"""A standard queue of SQS, the poller of a Lambda function before it, and the metrics that SQS sends.

From AWS's documents: a received message stays invisible for the visibility timeout; a message that was
received `maxReceiveCount` times moves to the dead-letter queue; the age of the oldest message leaves out
messages that were received "three times (or more)", in the next clause "more than three times" ("Available
CloudWatch metrics for Amazon SQS"). Unverified: a poller takes a message within seconds.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from watching import Point

# The seconds between two looks of the poller, and between two data points of a metric.
POLL, MINUTE = 5, 60
VISIBLE, NOT_VISIBLE = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"
AGE = "ApproximateAgeOfOldestMessage"


@dataclass
class _Message:
    sent_at: int
    visible_at: int
    receives: int = 0


def run_queue(  # noqa: PLR0913 - one argument for each part of the model
    queue: Mapping[str, Any],
    names: tuple[str, str],
    sent: list[int],
    fails: Callable[[int], bool],
    seconds: int,
    *,
    left_out: int = 3,
) -> Iterator[Point]:
    """Yield the metrics of a queue and of its dead-letter queue while a function takes the messages.

    `queue` has the properties of the template; `names` are those of the queue and of its dead-letter queue.
    `sent` are the seconds at which a message comes. `fails` says whether the function fails at a time. The
    age leaves out messages with `left_out` receives.
    """
    waiting: list[_Message] = []
    dead = 0
    for now in range(0, seconds, POLL):
        waiting += [_Message(at, at) for at in sent if now - POLL < at <= now]
        for message in [each for each in waiting if each.visible_at <= now]:
            if message.receives == int(queue["RedrivePolicy"]["maxReceiveCount"]):
                waiting.remove(message)
                dead += 1
            elif fails(now):
                message.receives += 1
                message.visible_at = now + int(queue["VisibilityTimeout"])
            else:
                waiting.remove(message)
        if now % MINUTE == 0:
            yield from _metrics(names, waiting, dead, now, left_out)


def _metrics(
    names: tuple[str, str], waiting: list[_Message], dead: int, now: int, left_out: int
) -> Iterator[Point]:
    visible = sum(each.visible_at <= now for each in waiting)
    ages = [now - each.sent_at for each in waiting if each.receives < left_out]
    values = {VISIBLE: visible, NOT_VISIBLE: len(waiting) - visible, AGE: max(ages, default=0)}
    for metric, value in values.items():
        yield Point("AWS/SQS", metric, frozenset({("QueueName", names[0])}), now, value)
    yield Point("AWS/SQS", VISIBLE, frozenset({("QueueName", names[1])}), now, dead)
