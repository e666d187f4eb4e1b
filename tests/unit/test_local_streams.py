"""A stream delivers the records that an earlier run left, then new ones, and skips none."""

import threading

import pytest

from tavus_callbacks_cli.local_stack.triggers import streams
from tavus_callbacks_cli.local_stack.triggers.batches import RetryRules

MAPPING = streams.StreamMapping("m", "table", "Function", (), 2, RetryRules(), None)


class Client:
    """A stream with one shard, whose records are numbers."""

    def __init__(self, *numbers):
        self.numbers = numbers

    def list_streams(self, TableName):  # noqa: N803 - botocore's own name
        """Name the stream."""
        return {"Streams": [{"StreamArn": f"arn:{TableName}"}]}

    def describe_stream(self, **_):
        """Name the shard."""
        return {"StreamDescription": {"Shards": [{"ShardId": "s"}]}}

    def get_shard_iterator(self, **_):
        """Begin at the first record."""
        return {"ShardIterator": 0}

    def get_records(self, ShardIterator, **_):  # noqa: N803 - botocore's own name
        """Return all records that are left."""
        return {"Records": records(*self.numbers[ShardIterator:]), "NextShardIterator": len(self.numbers)}


def records(*numbers):
    """Make stream records."""
    return [{"dynamodb": {"SequenceNumber": number}} for number in numbers]


def follow(client, backlog=(), answers=(), seconds_to_end=None):
    """Follow a stream that ends at once; return the delivered batches and the stream."""
    batches, left = [], list(answers)

    def deliver(_shard, batch):
        batches.append([record["dynamodb"]["SequenceNumber"] for record in batch])
        assert {"arn:table"} == {record["eventSourceARN"] for record in batch}
        return left.pop(0) if left else True

    stream = streams.Stream(MAPPING, client, deliver, backlog)
    ended = threading.Event()
    ended.set()
    with pytest.MonkeyPatch.context() as patch:
        if seconds_to_end is not None:
            patch.setattr(streams, "_SECONDS_TO_END", seconds_to_end)
        stream.follow(threading.Event(), ended)
    return batches, stream


def test_the_backlog_is_delivered_first():
    """In batches of its own, and as new: no record is too old because the stack was stopped."""
    backlog = records(1, 2, 3)
    batches, stream = follow(Client(4, 5, 6), backlog)

    assert [[1, 2], [3], [4, 5], [6]] == batches
    assert stream.has_caught_up.is_set()
    assert all(record["dynamodb"]["ApproximateCreationDateTime"] > 0 for record in backlog)


def test_nothing_follows_a_batch_that_was_not_delivered():
    """A later batch would confirm the records before it."""
    batches, stream = follow(Client(4, 5, 6), records(1, 2, 3), answers=[True, False])
    stream.deliver_new()

    assert [[1, 2], [3]] == batches


def test_the_end_does_not_wait_for_all_records():
    """The next run delivers what is left."""
    assert [] == follow(Client(4, 5, 6), records(1), seconds_to_end=-1)[0]
