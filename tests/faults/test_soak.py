"""Mixed load for a while, as fast as two cores carry it: nothing lost, nothing doubled, memory flat."""

import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from statistics import mean, quantiles
from uuid import uuid4

import httpx
import pytest
from bodies import TIME, noise

from tavus_callbacks_cli.local_stack.account import isolated_session

pytestmark = [pytest.mark.stack, pytest.mark.more, pytest.mark.xdist_group("stack")]

# Longer where somebody asks for it: `make soak`.
SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
SENDERS = 3
# Workers have seen the largest bodies after this part of the time; from then on they may not grow.
WARM_UP = 0.3
GROWTH = 1.15
PAGE = os.sysconf("SC_PAGE_SIZE")

WRITERS = [
    (80, lambda number: {"number": number}),
    (10, lambda _: {"number": 1}),
    (5, lambda number: {"number": number, "noise": noise(60_000)}),
    (1, lambda number: {"number": number, "noise": noise(1_000_000)}),
]
GARBAGE = 4


def content(rng, subject, number):
    """Write one callback of the mix: mostly small, some repeated, some large, some garbage."""
    choice = rng.uniform(0, sum(weight for weight, _ in WRITERS) + GARBAGE)
    for weight, write in WRITERS:
        if choice < weight:
            body = {"conversation_id": subject, "event_type": "x.y", "timestamp": TIME, **write(number)}
            return json.dumps({**body, "interaction_id": body["number"]}).encode()
        choice -= weight
    return f"no sense {number}".encode()


def send(stack, seed, ends):
    """Post until time is up; return (subject, number) of what was acknowledged, seconds, and all answers."""
    rng, sent, seconds, answers = Random(seed), set(), [], Counter()  # noqa: S311 - a mix, no secret
    headers = {"authorization": f"Bearer {stack.running.read_token}"}
    with httpx.Client(timeout=30) as client:
        while time.monotonic() < ends:
            subject = uuid4().hex
            for number in range(2, 40):
                body = content(rng, subject, number)
                started = time.monotonic()
                status = client.post(stack.running.callback_url, content=body).status_code
                seconds.append(time.monotonic() - started)
                answers[status] += 1
                # More than two cores can carry is answered 503: not acknowledged, so not lost.
                assert status in (400 if body.startswith(b"no") else 200, 503)
                if status == 200:
                    sent.add((subject, json.loads(body)["number"]))
            client.get(f"{stack.running.api_url}/events?limit=20", headers=headers).raise_for_status()
    return sent, seconds, answers


def drained(stack):
    """Wait until nothing waits in the spill."""
    client = isolated_session(stack.running.aws_access_key_id).client(
        "sqs", endpoint_url=stack.running.endpoint_url
    )
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for _ in range(60):
        url = stack.running.outputs["SpillQueueUrl"]
        counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if not any(map(int, counts.values())):
            return
        time.sleep(1)
    pytest.fail(f"the spill is not drained: {counts}")


def memory(stack):
    """Return the resident megabytes of the largest worker of each function."""
    found = {}
    for name, invoke in stack.functions.invokes.items():
        sizes = [resident(one.process.pid) for one in list(invoke.__self__._workers)]
        found[name] = max(sizes, default=0)
    return found


def resident(pid):
    """Return the resident megabytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def watch(stack, ends):
    """Take the memory of the workers once a second until time is up."""
    samples = []
    while time.monotonic() < ends:
        time.sleep(1)
        samples.append(memory(stack))
    return samples


def kept(stack, subjects):
    """Return how often each (subject, number) is kept, by the rows themselves."""
    table = stack.running.outputs["EventsTableName"]
    client = isolated_session(stack.running.aws_access_key_id).client(
        "dynamodb", endpoint_url=stack.running.endpoint_url
    )
    found = Counter()
    for subject in subjects:
        query = {"KeyConditionExpression": "pk = :pk AND begins_with(sk, :e)", "ProjectionExpression": "sk"}
        values = {":pk": {"S": f"conversation#{subject}"}, ":e": {"S": "e1#"}}
        answer = client.query(TableName=table, ExpressionAttributeValues=values, **query)
        found[subject] += len(answer["Items"])
    return found


def test_mixed_load_loses_nothing_and_takes_no_more_memory(stack):
    """Every acknowledged callback is a row of its own, and no worker grows once it is warm."""
    ends = time.monotonic() + SECONDS
    with ThreadPoolExecutor(SENDERS + 1) as pool:
        watching = pool.submit(watch, stack, ends)
        parts = list(pool.map(lambda seed: send(stack, seed, ends), range(SENDERS)))
    samples = watching.result()
    drained(stack)
    sent = set().union(*(found for found, *_ in parts))
    seconds = [one for _, part, _ in parts for one in part]
    answers = sum((found for *_, found in parts), Counter())

    by_subject = Counter(subject for subject, _ in sent)
    warm = samples[int(len(samples) * WARM_UP) :]
    half = len(warm) // 2
    before, after = (
        {name: mean(sample[name] for sample in part) for name in warm[0]}
        for part in (warm[:half], warm[half:])
    )
    print(  # noqa: T201 - what `make soak` is run for
        f"\n{len(seconds)} callbacks in {SECONDS:.0f} s, {len(seconds) / SECONDS:.0f} a second, "
        f"p99 {quantiles(seconds, n=100)[98]:.2f} s, answers {dict(answers)}, memory (MB) "
        + ", ".join(f"{name} {before[name]:.0f} → {after[name]:.0f}" for name in before)
    )
    there = kept(stack, by_subject)
    assert not by_subject - there
    assert not [subject for subject, count in there.items() if count > by_subject[subject] + answers[503]]
    assert not [name for name in before if after[name] > before[name] * GROWTH + 5]
