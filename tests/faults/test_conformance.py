"""The sixteen scenarios by which receivers of signed webhooks are judged, with a token for the signature."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tavus_callbacks.domain.common.token import new_token

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack"), pytest.mark.slow]

TIME = "2026-07-11T06:48:37.564961Z"
CANARY = "my canary sings at midnight"


@pytest.fixture
def subject():
    """Return a conversation that nobody else uses."""
    return f"c{uuid4().hex}"


def shutdown(subject, **members):
    """Write a callback."""
    return {"conversation_id": subject, "event_type": "system.shutdown", "timestamp": TIME} | members


def post(stack, body, *, token=None, **options):
    """Post a callback: a dict as JSON, anything else as it is."""
    url = stack.running.callback_url
    url = url if token is None else url.rpartition("/")[0] + f"/{token}"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = options.pop("headers", {"content-type": "application/json"})
    return httpx.post(url, content=content, headers=headers, timeout=30, **options)


def events(stack, subject):
    """Return the events of a conversation."""
    headers = {"authorization": f"Bearer {stack.running.read_token}"}
    url = f"{stack.running.api_url}/events?kind=conversation&subject={subject}"
    return httpx.get(url, headers=headers, timeout=30).json()["events"]


def send_and_hang_up(stack, body, *, whole):
    """Send a request, or all but its last byte, and close the connection without waiting for the answer."""
    address = urlsplit(stack.running.callback_url)
    content = json.dumps(body).encode()
    head = f"POST {address.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(f"{head}content-length: {len(content)}\r\n\r\n".encode())
        connection.sendall(content if whole else content[:-1])


def kill(stack, function):
    """End every process of a function."""
    for worker in list(stack.functions.invokes[function].__self__._workers):
        worker.process.kill()


def test_01_a_valid_callback_is_kept(stack, subject):
    """200, and it is there at once."""
    assert (200, "stored") == ((reply := post(stack, shutdown(subject))).status_code, reply.json()["status"])
    assert [shutdown(subject)] == [event["body"] for event in events(stack, subject)]


def test_02_a_sequential_duplicate_is_one_event(stack, subject):
    """The second answer says so."""
    answers = [post(stack, shutdown(subject)).json()["status"] for _ in range(2)]

    assert (["stored", "duplicate"], 1) == (answers, len(events(stack, subject)))


def test_03_concurrent_duplicates_are_one_event(stack, subject):
    """If eight are sent at once, one is stored."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(stack, shutdown(subject)).json()["status"], range(8)))

    assert (["duplicate"] * 7 + ["stored"], 1) == (sorted(answers), len(events(stack, subject)))


def test_04_reversed_order_gives_the_same_view(stack, subject):
    """Events stand by their own time, however they come."""
    times = [f"2026-07-11T06:48:0{second}.000000Z" for second in range(5)]
    for moment in reversed(times):
        post(stack, shutdown(subject, timestamp=moment, event_type="x.y"))

    assert times == [event["occurred_at"] for event in events(stack, subject)]


def test_05_a_sender_that_gives_up_and_comes_again_is_one_event(stack, subject):
    """It closes before the answer; what it sends again is a duplicate, or stored if the first never came."""
    send_and_hang_up(stack, shutdown(subject), whole=True)

    assert post(stack, shutdown(subject)).json()["status"] in ("duplicate", "stored")
    assert 1 == len(events(stack, subject))


def test_06_a_connection_that_breaks_within_the_body_keeps_nothing(stack, subject):
    """Half a request is not stored; the whole one, sent again, is."""
    send_and_hang_up(stack, shutdown(subject), whole=False)

    assert [] == events(stack, subject)
    assert "stored" == post(stack, shutdown(subject)).json()["status"]


def test_07_a_missing_credential_is_refused(stack, subject):
    """Without a token there is no such route, and nothing is kept."""
    assert 404 == post(stack, shutdown(subject), token="").status_code
    assert [] == events(stack, subject)


@pytest.mark.parametrize("token", ["x", "tcb_", "%00", "tcb_" + "0" * 28, "Bearer%20x", "t" * 4000])
def test_08_a_malformed_credential_is_refused(stack, subject, token):
    """401, and nothing is kept."""
    assert 401 == post(stack, shutdown(subject), token=token).status_code
    assert [] == events(stack, subject)


def test_09_a_wrong_credential_is_refused_and_answers_do_not_differ(stack, subject):
    """Unknown, malformed, or of another scope: the same status, headers and body, which name no reason."""
    wrong = (new_token(), "x", stack.running.read_token, stack.running.quarantine_token)
    replies = [post(stack, shutdown(subject), token=token) for token in wrong]

    answers = [{name: value for name, value in one.headers.items() if name != "date"} for one in replies]
    assert {401} == {one.status_code for one in replies}
    assert [answers[0]] * 4 == answers
    assert 1 == len({one.content for one in replies})
    assert [] == events(stack, subject)


def test_10_an_altered_body_overwrites_nothing(stack, subject):
    """Nothing proves which one is true: both are kept, the later as a variant."""
    post(stack, shutdown(subject))
    altered = post(stack, shutdown(subject, properties={"shutdown_reason": "forged"})).json()

    [event] = events(stack, subject)
    assert (["variant"], shutdown(subject), 1) == (altered["issues"], event["body"], len(event["variants"]))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a":NaN}', b"a=b"])
def test_11_a_malformed_body_is_refused_and_kept(stack, body):
    """4xx with a reason and the id under which it lies in quarantine."""
    reply = post(stack, body)

    assert reply.status_code in (400, 422)
    assert reply.json()["quarantine_id"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", None]
)
def test_12_a_malformed_content_type_changes_nothing(stack, subject, content_type):
    """The body is judged, not what it is called."""
    headers = {} if content_type is None else {"content-type": content_type}

    assert 200 == post(stack, shutdown(subject), headers=headers).status_code
    assert [shutdown(subject)] == [event["body"] for event in events(stack, subject)]


def test_13_a_restarted_receiver_knows_what_came_before(stack, subject):
    """A new process refuses the duplicate: nothing depends on its memory."""
    post(stack, shutdown(subject))
    kill(stack, "ReceiveFunction")
    while (reply := post(stack, shutdown(subject))).status_code != 200:
        assert 500 == reply.status_code

    assert ("duplicate", 1) == (reply.json()["status"], len(events(stack, subject)))


def test_14_a_crash_within_a_request_loses_nothing_that_was_acknowledged(stack, subject):
    """The process dies with the request in its hands: no 200, and sent again it is there once."""
    for number in range(3):
        one = f"{subject}-{number}"
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(post, stack, shutdown(one))
            time.sleep(0.002 * number)
            kill(stack, "ReceiveFunction")
            answered = first.result().status_code
        while post(stack, shutdown(one)).status_code != 200:
            pass
        assert answered in (200, 500)
        assert 1 == len(events(stack, one))


def test_15_partial_processing_is_finished_later(stack, subject):
    """Everything that follows from an event happens although the process that does it dies meanwhile."""
    ends = time.monotonic() + 90
    for number in range(4):
        post(stack, shutdown(f"{subject}-{number}"))
        kill(stack, "ProjectFunction")
    headers = {"authorization": f"Bearer {stack.running.read_token}"}
    wanted, found = {f"{subject}-{number}" for number in range(4)}, set()
    while not wanted <= found and time.monotonic() < ends:
        listed = httpx.get(f"{stack.running.api_url}/conversations", headers=headers, timeout=30).json()
        found = {one["conversation_id"] for one in listed["conversations"]}

    assert wanted <= found


def test_16_secrets_and_words_are_in_no_log_and_the_token_is_nowhere(stack, subject):
    """A canary: the token in no file of the stack's folder but the person's own, what was said in no log."""
    token = stack.running.callback_url.rpartition("/")[2]
    said = {"webhook_url": stack.running.callback_url, "properties": {"transcript": CANARY, "x": token}}
    replies = [post(stack, shutdown(subject, **said), headers={"x-secret": token, "user-agent": CANARY})]
    replies += [post(stack, json.dumps(shutdown(subject, **said)).encode()[:-1])]
    replies += [post(stack, {"nobody": CANARY, "url": token}), post(stack, said, token=token[:-1] + "!")]
    assert [200, 400, 422, 401] == [one.status_code for one in replies]
    assert events(stack, subject)
    time.sleep(1.5)

    logs = b"".join(path.read_bytes() for path in stack.state.logs.iterdir())
    kept = b"".join(path.read_bytes() for path in stack.state.data.rglob("*") if path.is_file())
    assert replies[0].json()["event_id"].encode() in logs
    assert CANARY.encode() not in logs
    assert token.encode() not in logs + kept
    assert not [one for one in replies if token in one.text]
