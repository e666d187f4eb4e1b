"""`tavus-callbacks console`: the address is printed once, and Ctrl-C ends it at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from click.testing import CliRunner

from samples import TOKEN
from tavus_callbacks_cli.console.links import conversation_address
from tavus_callbacks_cli.local_stack.http.payload import Answer
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.main import main

COMMAND = (sys.executable, "-c", "from tavus_callbacks_cli.main import main; main()", "console")


@pytest.fixture
def api():
    """Serve an API that answers the end of its reader's token, and nothing at `/slow` before the end."""
    has_ended = threading.Event()

    def handle(request):
        if request.path == b"/slow":
            has_ended.wait(60)
        token = dict(request.headers).get(b"authorization", b"").decode()
        return Answer(200, (("content-type", "application/json"),), f'{{"token": "{token[-4:]}"}}'.encode())

    with take_port(0) as listener, serve(listener, handle):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        has_ended.set()


def test_the_printed_address_signs_in_until_ctrl_c(api):
    """Standard output holds only the address, no browser opens, and a slow API does not delay the end.

    A script that starts it in the background lets it ignore SIGINT, which a child inherits.
    """
    environment = {**os.environ, "TAVUS_CALLBACKS_URL": api, "TAVUS_CALLBACKS_READ_TOKEN": TOKEN}
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = subprocess.Popen(  # noqa: S603 - our own command
        (*COMMAND, "c123456"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    address = process.stdout.readline().strip()
    url, _, fragment = address.partition("/#key=")
    key, _, route = fragment.partition("/")
    own = {"sec-fetch-site": "same-origin", "origin": url}
    with httpx.Client(base_url=url, headers=own, trust_env=False) as client, ThreadPoolExecutor(1) as pool:
        assert 200 == client.post("/console/session", json={"key": key}).status_code
        assert {"token": TOKEN[-4:]} == client.get("/console/read/events").json()
        assert [] == client.get("/console/config").json()["actions"]
        slow = pool.submit(client.get, "/console/read/slow", timeout=60)
        time.sleep(0.1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        # A terminal and the program that started the command may both send one.
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        seconds = time.monotonic() - began
        assert (500, "nosniff") == (
            slow.result().status_code,
            slow.result().headers["x-content-type-options"],
        )

    assert seconds < 10
    assert (0, "") == (process.returncode, out)
    assert "conversations/c123456" == route
    assert "Traceback" not in err
    assert key not in err
    assert TOKEN not in err


def test_no_access_is_said_at_the_start():
    """Without a token there is no page to open."""
    environment = {"TAVUS_CALLBACKS_URL": "https://api.example", "TAVUS_CALLBACKS_READ_TOKEN": ""}

    result = CliRunner().invoke(main, ["console"], env=environment)

    assert (2, "") == (result.exit_code, result.stdout)
    assert "TAVUS_CALLBACKS_READ_TOKEN is not set" in result.stderr


def test_a_taken_port_names_the_option():
    """`--port` is another option here: it says which local stack."""
    environment = {"TAVUS_CALLBACKS_URL": "https://api.example", "TAVUS_CALLBACKS_READ_TOKEN": TOKEN}
    with take_port(0) as listener:
        port = listener.getsockname()[1]
        result = CliRunner().invoke(main, ["console", "--console-port", str(port)], env=environment)

    assert 1 == result.exit_code
    assert (
        f"Port {port} is taken by another program. Name another port with --console-port N" in result.stderr
    )


def test_the_key_of_a_local_stack_outlives_a_restart(tmp_path):
    """An open tab stays signed in, only this user can read the key, and a fresh start makes another."""
    first = open_state(tmp_path, 8787, fresh=False)
    key = first.console_key()

    assert key == open_state(tmp_path, 8787, fresh=False).console_key()
    assert key != open_state(tmp_path, 8788, fresh=False).console_key()
    assert 0o600 == (first.folder / "console.json").stat().st_mode & 0o777
    assert key != open_state(tmp_path, 8787, fresh=True).console_key()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"key": ""}', b'{"key": 1}'])
def test_a_broken_key_file_is_replaced(tmp_path, content):
    """No damaged file opens the console with an empty key."""
    state = open_state(tmp_path, 8787, fresh=False)
    (state.folder / "console.json").write_bytes(content)

    assert len(state.console_key()) >= 32


def test_a_conversation_stands_in_the_address():
    """The address of a conversation keeps every character of its id out of the route, and has a moment."""
    address = conversation_address("http://127.0.0.1:1/#key=k", "a/b?c#d", 61.96)

    assert "http://127.0.0.1:1/#key=k/conversations/a%2Fb%3Fc%23d?t=62.0" == address
    assert conversation_address("http://127.0.0.1:1/#key=k", "a\udcff").endswith("/conversations/a%3F")
