"""Bodies of 5.9 MB, each of another shape, and a process of its own for what one of them costs.

Run as a script it reads one body, given by its path, and prints the seconds of CPU and the bytes of memory.
"""

import gzip
import json
import random
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

# Bytes of a body: within Lambda's 6 MB there is room for the rest of a request.
SIZE = 5_900_000
ENVELOPE = (
    '{"conversation_id":"c1","event_type":"application.transcription_ready","properties":{"transcript":'
)
SHUTDOWN = '{"conversation_id":"c1","event_type":"system.shutdown","properties":'
TOKEN = "tcb_0123456789ABCDEFGHIJKLMNOPQR"
SPEECH = "Well, at 10:30, or later: yes, no, {maybe} [or so], I see: 1,2,3. "


class Cost(NamedTuple):
    """Seconds of CPU, peak memory in MiB, and what became of the body."""

    seconds: float
    mebibytes: float
    outcome: str


def _filled(before: str, unit: str, after: str, between: str = ",") -> bytes:
    """Repeat a unit until the body has its size."""
    each = len((unit + between).encode())
    times = (SIZE - len((before + after).encode())) // each
    return (before + between.join([unit] * times) + after).encode()


def _list(unit: str) -> Callable[[], bytes]:
    return lambda: _filled(ENVELOPE + "[", unit, "]}}")


def _some(unit: str, count: int) -> Callable[[], bytes]:
    """Fill the size with a string behind so many units."""

    def made() -> bytes:
        items = ",".join([unit] * count)
        return _filled(f'{ENVELOPE}[{items}],"x":"', "x", '"}}', "")

    return made


def _string(unit: str) -> Callable[[], bytes]:
    return lambda: _filled(SHUTDOWN + '{"x":"', unit, '"}}', "")


def _text(unit: str) -> Callable[[], bytes]:
    """Make a body that is not JSON, of one unit."""
    return lambda: _filled("", unit, "", "")


def _members(write: Callable[[int], str], count: int | None = None) -> Callable[[], bytes]:
    def made() -> bytes:
        before, after, members, size = SHUTDOWN + "{", "}}", [], 0
        while size < SIZE - 200 and (count is None or len(members) < count):
            members.append(write(len(members)))
            size += len(members[-1]) + 1
        if count is not None:
            members.append('"pad":"' + "x" * (SIZE - size - 200) + '"')
        return (before + ",".join(members) + after).encode()

    return made


def _nested(inner: str, tail: str = "") -> Callable[[], bytes]:
    unit = "[" * 95 + inner + "]" * 95
    return lambda: _filled(f'{SHUTDOWN}{{"x":[', unit, f"]{tail}}}}}")


def _turns() -> bytes:
    """Make an ordinary transcript: 30,000 turns with four members, commas and colons in the speech."""
    turns, count = [], 30_000
    said = SPEECH * 4
    for number in range(count):
        content = said[: (SIZE - 300) // count - 83]
        role = ("user", "assistant")[number % 2]
        start = round(number * 1.5 + 0.25, 2)
        turns.append({"role": role, "content": content, "seconds_from_start": start, "duration": 1.25})
    body = json.loads(ENVELOPE + "[]}}")
    body["properties"]["transcript"] = turns
    return json.dumps(body).encode()


def _random() -> bytes:
    """Make JSON of random values, the same one each time."""
    chance, values, size = random.Random(12), [], 0  # noqa: S311 - no secret
    while size < SIZE - 400:
        value: object = chance.random() if chance.random() < 0.5 else "é\\" * chance.randrange(60)
        for _ in range(chance.randrange(4)):
            value = [value] if chance.random() < 0.5 else {"k": value}
        values.append(json.dumps(value))
        size += len(values[-1]) + 1
    return f"{ENVELOPE}[{','.join(values)}]}}}}".encode()


def _deflated(unit: bytes) -> Callable[[], bytes]:
    return lambda: gzip.compress(unit * (16_000_000 // len(unit)), mtime=0)


def _empty_members() -> bytes:
    empty = gzip.compress(b"", mtime=0)
    return empty * (SIZE // len(empty))


_ECHO = f'"webhook_url":"https://a.example.com/callbacks/{TOKEN}?a=1&b=2"'
_NESTED_ECHO = _ECHO.replace('"', '\\"')

PLAIN = "plain string"
ORDINARY = "ordinary transcript"
# The dearest of those below. `make test-all` counts their instructions.
WORST = (
    "lists nested 95 deep, a surrogate",
    "100,000 empty objects",
    "100,000 turns of one member",
    "short echoed URLs",
    "gzip of echoed URLs",
)

SHAPES: dict[str, Callable[[], bytes]] = {
    ORDINARY: _turns,
    "lists nested 95 deep": _nested("1"),
    "lists nested 95 deep, a surrogate": _nested("1", ',"\\ud83d"'),
    "a surrogate in each of lists nested 95 deep": _nested('"\\ud83d"'),
    "objects nested 95 deep": lambda: _filled(f'{SHUTDOWN}{{"x":[', '{"a":' * 95 + "1" + "}" * 95, "]}}"),
    "a million brackets, unclosed": _text("["),
    "a million braces, unclosed": _text('{"a":'),
    "empty objects": _list("{}"),
    "empty lists": _list("[]"),
    "spaced empty objects": _list("{ }"),
    "100,000 empty objects": _some("{}", 99_900),
    "100,000 turns of one member": _some('{"content":"x"}', 99_900),
    "70,000 turns without words": _some('{"role":"user","a":""}', 74_000),
    "turns with objects as content": _some('{"role":"tool","content":{}}', 49_900),
    "numbers": _list("1"),
    "zeros, as many as may be": _some("0", 299_000),
    "nulls": _list("null"),
    "empty strings": _list('""'),
    "floats": _list("0.1e-7"),
    "floats of 4,000 digits": _list("0." + "1" * 4000),
    "whole numbers of 4,300 digits": _list("9" * 4300),
    "whole numbers of 600 digits": _list("9" * 600),
    "numbers beyond a float": _list("1e400"),
    "members with one letter": _members(lambda number: f'"{chr(97 + number % 26)}":{number % 10}'),
    "members, each another": _members(lambda number: f'"{number:x}":1', 149_000),
    "members with long names": _members(lambda number: f'"{number:030}":1'),
    "members repeated": _some('{"a":1,"a":2}', 74_000),
    "escaped quotes": _string('\\"'),
    "escaped backslashes": _string("\\\\"),
    "escaped line breaks": _string("\\n"),
    "escaped NULs": _string("\\u0000"),
    "escaped letters": _string("\\u0074"),
    "escaped look-alikes of tokens": _string("\\u0074cb_"),
    "unpaired surrogates": _string("\\ud83d"),
    "paired surrogates": _string("\\ud83d\\ude00"),
    "a surrogate in each short string": _some('"\\ud83d"', 149_000),
    "emoji": _string("🎬"),
    "accents": _string("é"),
    "look-alikes of tokens": _string("tcb_"),
    "tokens": _string(TOKEN + " "),
    "encoded tokens": _string(TOKEN.replace("_", "%5F") + " "),
    "words with escapes": _string("%41" * 7 + " "),
    "echoed URLs of escapes": _list('{"webhook_url":"' + "%41" * 300 + '"}'),
    "echoed URLs": _list("{" + _ECHO + "}"),
    "short echoed URLs": _list('{"webhook_url":""}'),
    "echoed URLs in a string": _string('\\"webhook_url\\":\\"\\",'),
    "long echoed URLs in a string": _string(_NESTED_ECHO + ","),
    "an echoed URL of escapes, behind many": lambda: _filled(
        SHUTDOWN + '{"x":[' + '{"webhook_url":""},' * 1001 + '{"webhook_url":"', "\\n", '"}]}}', ""
    ),
    "echoed URLs with queries": _list('{"callback_url":"?' + "&" * 200 + '"}'),
    "echoed URLs with many short tags": _list('{"webhook_url":"?' + "a&" * 9900 + '"}'),
    "short words with escapes": _string("%41 "),
    "quotes, unclosed": _text('"\\"'),
    "commas and colons in speech": _string(SPEECH),
    "random values": _random,
    "bytes that are not text": lambda: b"\xff\x00" * (SIZE // 2),
    "UTF-16 look-alikes": lambda: ("tcb_" * (SIZE // 8)).encode("utf-16"),
    "short words of UTF-16": lambda: b"t\0c\0 " * (SIZE // 5),
    "gzip of NULs": _deflated(b"\0"),
    "gzip of NULs and letters": _deflated(b"t\0c\0b\0_\0"),
    "gzip of echoed URLs": _deflated(b'\\"webhook_url\\":\\"\\",'),
    "empty members of gzip": _empty_members,
    "zlib of look-alikes": lambda: zlib.compress(b"tcb_" * 4_000_000),
}


def plain() -> bytes:
    """Make a body that is one long string."""
    return _string("x")()


def cost_of(body: bytes, folder: Path) -> Cost:
    """Measure what `receive` does to a body before it is stored, in a process of its own."""
    path = folder / "body"
    path.write_bytes(body)
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, __file__, str(path)], capture_output=True, text=True, check=True, timeout=300
    )
    seconds, mebibytes, outcome = done.stdout.strip().split(" ", 2)
    return Cost(float(seconds), float(mebibytes), outcome)


def _peak() -> float:
    """Return the most memory that this process had; `ru_maxrss` would count the parent's before the exec."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    if found is None:
        raise LookupError("the peak of memory is read from Linux's /proc")
    return int(found[1]) / 1024


def main(path: str) -> None:
    """Read one body and print what it took."""
    from tavus_callbacks.domain.callbacks.event import Callback
    from tavus_callbacks.domain.callbacks.intake import Rejection, read_callback

    received_at = datetime(2026, 11, 20, tzinfo=UTC)
    small = b'{"conversation_id":"c1","event_type":"application.transcription_ready"}'
    for raw in (small, b"no JSON"):
        read_callback(Callback(raw, "", "label", received_at))
    body = Path(path).read_bytes()
    began = time.process_time()
    read = read_callback(Callback(body, "a=1", "label", received_at))
    seconds = time.process_time() - began
    peak = _peak()
    outcome = str(read.error) if isinstance(read, Rejection) else f"filed, {', '.join(read.issues)[:60]}"
    sys.stdout.write(f"{seconds:.3f} {peak:.0f} {outcome[:90]}\n")


if __name__ == "__main__":
    main(sys.argv[1])
