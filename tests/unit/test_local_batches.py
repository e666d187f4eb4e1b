"""A stream's records reach a function in order, again when it failed, and not for ever."""

import pytest

from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed
from tavus_callbacks_cli.local_stack.triggers.batches import Delivery, RetryRules, deliver
from tavus_callbacks_cli.local_stack.triggers.triggers import pause_after

NOW = 1_000_000.0


def record(number, age=0):
    """Make a record of a stream."""
    return {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": NOW - age}}


def numbers(records):
    """Return which records these are."""
    return [int(one["dynamodb"]["SequenceNumber"]) for one in records]


class World:
    """A function that fails on poison a number of times, and records its events."""

    def __init__(self, poison=(), failures=10**9, patience=10**9, answers=None):
        self.poison, self.failures, self.patience = set(poison), failures, patience
        self.answers = answers
        self.calls, self.discarded = [], []

    def invoke(self, event):
        """Be called as a function."""
        self.calls.append(numbers(event["Records"]))
        if self.answers is not None:
            return self.answers.pop(0)
        bad = [number for number in self.calls[-1] if number in self.poison]
        if bad and self.failures:
            self.failures -= 1
            raise FunctionFailed("poison")
        return None

    def wait(self, _failures):
        """Wait no time, while there is patience."""
        self.patience -= 1
        return self.patience >= 0

    def deliver(self, rules, *ages):
        """Deliver four records, or one for each age in seconds."""
        records = [record(number, age) for number, age in enumerate(ages or [0] * 4, 1)]
        deliver(records, rules, Delivery(self.invoke, self.discard, self.wait, lambda: NOW))

    def discard(self, what):
        """Record the discarded records."""
        self.discarded.append((numbers(what.records), what.condition, what.invocations))


def test_a_batch_that_is_taken_is_given_once():
    """One call, all records, in order."""
    world = World()
    world.deliver(RetryRules())

    assert [[1, 2, 3, 4]] == world.calls


def test_a_failed_batch_comes_again_whole():
    """Without bisecting the same records are given until they are taken."""
    world = World(poison={2}, failures=2)
    world.deliver(RetryRules())

    assert [[1, 2, 3, 4]] * 3 == world.calls
    assert [] == world.discarded


def test_retries_end_and_the_batch_is_discarded():
    """Called once and as often again as the mapping says, then given up."""
    world = World(poison={2})
    world.deliver(RetryRules(retries=2))

    assert 3 == len(world.calls)
    assert [([1, 2, 3, 4], "RetryAttemptsExhausted", 3)] == world.discarded


def test_bisecting_finds_the_poison_and_costs_no_retry():
    """Halves are given in order; only the record that fails alone is discarded."""
    world = World(poison={3})
    world.deliver(RetryRules(retries=1, bisects=True))

    assert [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [4]] == world.calls
    assert [([3], "RetryAttemptsExhausted", 2)] == world.discarded


def test_a_partial_answer_goes_on_behind_the_last_that_was_taken():
    """Records before the first failure are done; the others come again."""
    failed = [{"itemIdentifier": "4"}, {"itemIdentifier": "3"}]
    world = World(answers=[{"batchItemFailures": failed}, {"batchItemFailures": []}])
    world.deliver(RetryRules(takes_partial_answers=True))

    assert [[1, 2, 3, 4], [3, 4]] == world.calls


def test_a_partial_answer_counts_as_a_call():
    """A record that always fails is discarded with the later ones, unless batches are bisected."""
    three = {"batchItemFailures": [{"itemIdentifier": "3"}]}
    whole, halved = World(answers=[three] * 3), World(answers=[three, three, three, three, None])
    whole.deliver(RetryRules(retries=2, takes_partial_answers=True))
    halved.deliver(RetryRules(retries=2, takes_partial_answers=True, bisects=True))

    assert [([3, 4], "RetryAttemptsExhausted", 3)] == whole.discarded
    assert [[1, 2, 3, 4], [3, 4], [3], [3], [4]] == halved.calls
    assert [([3], "RetryAttemptsExhausted", 3)] == halved.discarded


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_an_answer_without_failures_is_success(answer):
    """As Lambda reads it."""
    world = World(answers=[answer])
    world.deliver(RetryRules(takes_partial_answers=True))

    assert 1 == len(world.calls)


@pytest.mark.parametrize(
    "answer",
    [
        "text",
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "99"}]},
        {"batchItemFailures": [{"wrong": "3"}]},
        {"batchItemFailures": ["3"]},
    ],
)
def test_an_answer_that_names_no_record_fails_the_batch(answer):
    """Nothing is lost by an answer that makes no sense."""
    world = World(answers=[answer, None])
    world.deliver(RetryRules(takes_partial_answers=True))

    assert [[1, 2, 3, 4]] * 2 == world.calls


def test_an_answer_is_not_read_where_the_mapping_does_not_say_so():
    """Without ReportBatchItemFailures, any answer is success."""
    world = World(answers=[{"batchItemFailures": [{"itemIdentifier": "1"}]}])
    world.deliver(RetryRules())

    assert [[1, 2, 3, 4]] == world.calls


def test_records_that_are_too_old_are_discarded_unseen():
    """A function gets no record that exceeds the mapping's maximum age."""
    world = World()
    world.deliver(RetryRules(max_age=60), 61, 10, 90, 0)

    assert [[2, 4]] == world.calls
    assert [([1, 3], "RecordAgeExceeded", 0)] == world.discarded


def test_a_stack_that_ends_waits_for_nothing():
    """When the stack ends, failed records stay undelivered."""
    world = World(poison={1}, patience=2)
    world.deliver(RetryRules())

    assert 3 == len(world.calls)
    assert [] == world.discarded


def test_the_pauses_grow_up_to_a_limit():
    """The pause of the last of 10,000 retries is still seconds."""
    pauses = [pause_after(failures) for failures in (0, 1, 2, 10_000)]

    assert [0.1, 0.2, 0.4, 2.0] == pauses
