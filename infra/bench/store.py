"""A store that answers at once with fixed words, so that only our own CPU is measured.

It is DynamoDB, S3, SQS and Secrets Manager on one port, distinguished by the target header or the method. It
keeps connections alive and writes each answer in one piece: the two pieces of http.server cost 40 ms of
delayed ACK. It reads its answers from the first line of stdin, prints its port, and serves until stdin
closes.
"""

import asyncio
import json
import sys
from typing import Any

Item = dict[str, Any]

EMPTY = b"{}"
_LENGTH = b"content-length:"
# The prefix of a tombstone's key.
_TOMBSTONE = b'"tombstone#'


class Store(asyncio.Protocol):
    """One connection. `answered` counts the requests of all; `COUNT /` answers it."""

    answered = 0

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a TCP server gives
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            whole = end + 4 + _length(head)
            if b"100-continue" in head and len(self._received) == end + 4:
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self._received) < whole:
                return
            sent, self._received = self._received[end + 4 : whole], self._received[whole:]
            self._write(self._answer(head, sent))

    def _answer(self, head: bytes, sent: bytes) -> bytes:
        if head.startswith(b"count "):
            number = str(Store.answered).encode()
            return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(number), number)
        Store.answered += 1
        target = _header(head, b"x-amz-target:").rpartition(b".")[2]
        # Nobody was erased: the usual case, and the only one in which a callback is written.
        answers = {} if _TOMBSTONE in sent else self._answers
        body = answers.get(target, EMPTY if target else b"")
        length = b"0" if head.startswith(b"head ") else str(len(body)).encode()
        return (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n"
            b"last-modified: Fri, 20 Nov 2026 10:00:00 GMT\r\ncontent-length: " + length + b"\r\n\r\n" + body
        )

    def _write(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)


def _header(head: bytes, name: bytes) -> bytes:
    _, _, rest = head.partition(b"\r\n" + name)
    return rest.partition(b"\r\n")[0].strip()


def _length(head: bytes) -> int:
    return int(_header(head, _LENGTH) or 0)


async def main(answers: dict[bytes, bytes]) -> None:
    """Serve until standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Store(answers), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    stored = {b"": given.pop("", "").encode("latin-1")}
    asyncio.run(
        main({**{name.lower().encode(): json.dumps(body).encode() for name, body in given.items()}, **stored})
    )
