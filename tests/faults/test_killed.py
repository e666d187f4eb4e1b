"""The receiving worker is killed at random moments under load: nothing is lost, nothing doubled."""

import json
import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from bodies import TIME, noise

pytestmark = [pytest.mark.stack, pytest.mark.more, pytest.mark.xdist_group("stack")]

# Longer where somebody asks for it: `make chaos`.
SECONDS = float(os.environ.get("CHAOS_SECONDS", "3"))
SENDERS = 3
# A subject is read again in one go, so each gets so many callbacks.
PER_SUBJECT = 25
AT_MOST_BETWEEN_KILLS = 0.4


def workers(stack, function):
    """Return the processes that run a function now."""
    return [one.process for one in list(stack.functions.invokes[function].__self__._workers)]


def kill_now_and_then(stack, ended, kills):
    """Kill a receiving worker again and again, at no particular moment."""
    while not ended.wait(random.uniform(0, AT_MOST_BETWEEN_KILLS)):  # noqa: S311 - any moment will do
        for process in workers(stack, "ReceiveFunction")[:1]:
            process.kill()
            kills.append(process.pid)


def callbacks(subject):
    """Write the callbacks of a subject: small and large, each once."""
    for number in range(PER_SUBJECT):
        body = {"conversation_id": subject, "event_type": "x.y", "timestamp": TIME, "interaction_id": number}
        yield json.dumps(
            body | ({"noise": noise(30_000)} if number % 5 == 0 else {"number": number})
        ).encode()


def send(stack, ends):
    """Post callbacks until time is up, again where there is no 200; return (subject, body, answers)."""
    sent = []
    with httpx.Client(timeout=30) as client:
        while time.monotonic() < ends:
            subject = uuid4().hex
            for body in callbacks(subject):
                first = client.post(stack.running.callback_url, content=body).status_code
                again = (
                    first
                    if first == 200
                    else client.post(stack.running.callback_url, content=body).status_code
                )
                sent.append((subject, body, (first, again)))
    return sent


def kept(stack, subject):
    """Return the bodies of a subject's events, and how often each is kept."""
    headers = {"authorization": f"Bearer {stack.running.read_token}"}
    found, cursor = Counter(), ""
    while cursor is not None:
        query = {"kind": "conversation", "subject": subject, "limit": "200", "cursor": cursor}
        page = httpx.get(f"{stack.running.api_url}/events", params=query, headers=headers, timeout=30).json()
        for event in page["events"]:
            found.update(json.dumps(one["body"]).encode() for one in (event, *event.get("variants", ())))
        cursor = page["cursor"]
    return found


def test_a_killed_receiver_loses_and_doubles_nothing(stack, record_property):
    """Whatever moment it is: a 200 means kept, and a callback that was sent again is there once."""
    ended, kills = threading.Event(), []
    killer = threading.Thread(target=kill_now_and_then, args=(stack, ended, kills))
    killer.start()
    with ThreadPoolExecutor(SENDERS) as pool:
        ends = time.monotonic() + SECONDS
        sent = [one for found in pool.map(lambda _: send(stack, ends), range(SENDERS)) for one in found]
    ended.set()
    killer.join()

    events = {subject: kept(stack, subject) for subject in {subject for subject, *_ in sent}}
    lost = [body for subject, body, answers in sent if 200 in answers and not events[subject][body]]
    doubled = [body for found in events.values() for body, count in found.items() if count > 1]
    unanswered = sum(answers[0] != 200 for *_, answers in sent)
    figures = {"sent": len(sent), "kills": len(kills), "first answer not 200": unanswered}
    record_property("figures", figures)
    print(figures, "lost", len(lost), "doubled", len(doubled))  # noqa: T201 - what `make chaos` is run for
    assert ([], []) == (lost, doubled)
    assert kills
    assert {200, 500} >= {answer for *_, answers in sent for answer in answers}
