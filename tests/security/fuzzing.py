"""Requests as nobody should send them: any method, path, query, header and body, and some that nearly fit."""

import gzip
import json
import random
import string
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_from_bytes

from tavus_callbacks_cli.local_stack.http.payload import Request

# Words that the logs must not hold, in every body and many headers, paths and queries.
CANARY = "canaryatmidnight"

METHODS = ("POST", "GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
PATHS = (
    "/callbacks/{token}",
    "/callbacks/{token}",
    "/callbacks/{token}",
    "/callbacks/{wrong}",
    "/callbacks/",
    "/callbacks//{token}",
    "/callbacks/{token}/",
    "/callbacks/{token}/{odd}",
    f"/callbacks/{{token}}/{CANARY}/{{token}}",
    "/events",
    "/events/{odd}/body",
    "/conversations",
    "/conversations/{odd}",
    "/conversations/{odd}/events",
    "/conversations/{odd}/transcript",
    "/conversations/{odd}/recordings",
    "/conversations/{odd}/recordings/{odd}",
    "/videos/{odd}",
    "/replicas/{odd}",
    "/subjects",
    "/quarantine",
    "/quarantine/0123456789abcdef0123456789abcdef/body",
    "/openapi.json",
    "/runbooks/{odd}",
    "/{odd}",
    "/{odd}/{odd}",
)
TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "image/png",
    "",
    "x",
    "multipart/form-data",
)
NAMES = (
    "kind",
    "subject",
    "limit",
    "cursor",
    "after",
    "tag",
    "label",
    "status",
    "missing",
    "since",
    "user",
    "format",
    "expires",
)
IDS = (
    "conversation_id",
    "video_id",
    "replica_id",
    "objective_id",
    "event_type",
    "status",
    "timestamp",
)
ODD = "\x00\x1b\n\r\t\"'\\/%?#&=.~ éß漢\u202e\ufeff\U0001f600"


def requests(seed: int, count: int, tokens: dict[str, str]) -> Iterator[Request]:
    """Make that many requests, the same for the same seed; `tokens` are those of each scope."""
    for number in range(count):
        rng = random.Random(f"{seed}-{number}")  # noqa: S311 - repeatable, no secret
        yield _request(rng, tokens)


def _request(rng: random.Random, tokens: dict[str, str]) -> Request:
    path = _path(rng, tokens)
    # Mostly the method that has a route, for behind it are the rules.
    usual = "POST" if path.startswith(b"/callbacks") else "GET"
    return Request(
        method=usual if rng.random() < 0.85 else rng.choice(METHODS),
        path=path,
        query=_query(rng),
        headers=tuple(_headers(rng, tokens)),
        body=_body(rng),
    )


def _path(rng: random.Random, tokens: dict[str, str]) -> bytes:
    wrong = rng.choice([_odd(rng), tokens["callback"][:-1], tokens["callback"] + "0", tokens["read"], "tcb_"])
    values = {"token": tokens["callback"], "wrong": quote(wrong, safe=""), "odd": quote(_name(rng), safe="~")}
    path = rng.choice(PATHS).format(**values).encode()
    return path + quote_from_bytes(rng.randbytes(3)).encode() if rng.random() < 0.05 else path


def _name(rng: random.Random) -> str:
    return _odd(rng) if rng.random() < 0.5 else f"c{rng.randint(1, 30)}"


def _query(rng: random.Random) -> bytes:
    if rng.random() < 0.4:
        return b""
    pairs = [f"{rng.choice(NAMES)}={quote(_value(rng), safe='')}" for _ in range(rng.randint(1, 14))]
    text = "&".join(pairs).encode()
    return text + rng.choice([b"", b"&", b"&=", b"&%zz", b"&%ff=%fe", b"&a"]) if rng.random() < 0.3 else text


def _value(rng: random.Random) -> str:
    return rng.choice(
        [_odd(rng), "conversation", "0", "-1", "9" * 30, CANARY, "c1", "2026-01-01", "true", ""]
    )


def _headers(rng: random.Random, tokens: dict[str, str]) -> Iterator[tuple[bytes, bytes]]:
    yield b"content-type", rng.choice(TYPES).encode()
    bearer = rng.choice([tokens["read"], tokens["quarantine"], tokens["callback"], "x", CANARY, ""])
    scheme = rng.choice(["Bearer", "Bearer", "Bearer", "BEARER", "Basic", "", "Bearer "])
    if rng.random() < 0.7:
        yield b"authorization", f"{scheme} {bearer}".encode()
    if rng.random() < 0.1:
        yield b"content-encoding", rng.choice([b"gzip", b"br", b"identity", b"\xff", CANARY.encode()])
    for _ in range(rng.randint(0, 4)):
        name = "x-" + "".join(rng.choices(string.ascii_letters, k=6))
        yield name.encode(), rng.choice([CANARY.encode(), b"\xff\xfe", b"a,b;c=d", b"", b"0" * 2000])


def _odd(rng: random.Random) -> str:
    letters = rng.choice([ODD, string.printable, string.ascii_letters])
    return "".join(rng.choices(letters, k=rng.choice([0, 1, 5, 30, 250])))


def _body(rng: random.Random) -> bytes:
    written = rng.choice(_WRITERS)(rng)
    if rng.random() < 0.25:
        return _mutated(rng, written)
    return written


def _callback(rng: random.Random) -> bytes:
    members: dict[str, Any] = {
        # Ids are logged, so no canary is one.
        name: rng.choice([f"c{rng.randint(1, 9)}", _odd(rng), None, 7, True, [], {}, "\ud800"])
        for name in rng.sample(IDS, rng.randint(1, 5))
    }
    members["properties"] = _json(rng, 3)
    if rng.random() < 0.7:
        members |= {"conversation_id": f"c{rng.randint(1, 30)}", "event_type": "system.shutdown"}
    return json.dumps({**members, "said": CANARY}, ensure_ascii=rng.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )


def _anything(rng: random.Random) -> bytes:
    return json.dumps([CANARY, _json(rng, 4)]).encode()


def _deep(rng: random.Random) -> bytes:
    depth = rng.choice([50, 99, 101, 3000, 60_000])
    return (
        b'{"conversation_id":"c1","event_type":"x","said":"%s","d":' % CANARY.encode()
        + b"[" * depth
        + b"]" * depth
        + b"}"
    )


def _numbers(rng: random.Random) -> bytes:
    number = rng.choice(["NaN", "-Infinity", "1e999", "9" * 5000, "0x1", "1.", "-0", "1e-400", "00"])
    return f'{{"conversation_id":"c1","event_type":"x","said":"{CANARY}","n":{number}}}'.encode()


def _encoded(rng: random.Random) -> bytes:
    text = json.dumps({"conversation_id": "c1", "event_type": "x", "said": CANARY})
    encoding = rng.choice(["utf-16", "utf-32", "utf-8-sig", "utf-7", "cp500"])
    return text.encode(encoding)


def _bytes(rng: random.Random) -> bytes:
    return CANARY.encode() + rng.randbytes(rng.choice([0, 1, 20, 5000]))


def _gzipped(rng: random.Random) -> bytes:
    packed = gzip.compress(_callback(rng))
    return packed[: rng.choice([2, len(packed) // 2, len(packed), len(packed)])]


def _json(rng: random.Random, depth: int) -> Any:
    plain: list[Callable[[], Any]] = [
        lambda: None,
        lambda: rng.choice([True, False]),
        lambda: rng.choice([0, -1, 10**40, 0.1, 1e308]),
        lambda: _odd(rng),
        lambda: "\ud800",
        lambda: CANARY,
    ]
    if depth == 0 or rng.random() < 0.5:
        return rng.choice(plain)()
    if rng.random() < 0.5:
        return [_json(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    return {_odd(rng): _json(rng, depth - 1) for _ in range(rng.randint(0, 4))}


def _mutated(rng: random.Random, body: bytes) -> bytes:
    mutated = bytearray(body)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(mutated) + 1)
        mutated[place : place + rng.randint(0, 3)] = rng.choice(
            [b"", b"\x00", b"\xc0", b'"', b"\\u", b"{", b"}}"]
        )
    return bytes(mutated)


_WRITERS = (
    _callback,
    _callback,
    _callback,
    _callback,
    _anything,
    _deep,
    _numbers,
    _encoded,
    _bytes,
    _gzipped,
)
