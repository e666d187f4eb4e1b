"""How a token may be written: the forms that docs/security.md lists, with examples of each."""

import base64
import gzip
import zlib
from functools import partial

from samples import TOKEN

SHORT = TOKEN[:26]


def percent(text, characters=None):
    """Percent-encode the given characters, or all."""
    return "".join(f"%{ord(each):02X}" if characters is None or each in characters else each for each in text)


def escape(text, characters=None, slashes="\\"):
    """Write the given characters, or all, as JSON escapes."""
    return "".join(
        f"{slashes}u{ord(each):04x}" if characters is None or each in characters else each for each in text
    )


def in_json(written):
    """Return a body that holds it."""
    return f'{{"a": "see {written} here"}}'


PLAIN = [TOKEN, SHORT, TOKEN[:20], f"tcb_{'0' * 16}", f"tcb_{'z' * 28}"]
PERCENT = [
    *(percent(TOKEN, each) for each in ("_", "t", "cb", TOKEN[4:9], None)),
    percent(SHORT, "_").replace("F", "f"),
    percent(percent(TOKEN, "_"), "%"),
    percent(percent(percent(SHORT), "%"), "%"),
    percent(percent(percent(TOKEN, "_"))),
    SHORT.replace("_", "%" + "25" * 40 + "5F"),
    SHORT.replace("_", "%%35F"),
]
ESCAPED = [
    *(escape(TOKEN, each) for each in ("_", "t", "tcb", TOKEN[4:9], None)),
    *(escape(SHORT, each, "\\" * 3) for each in ("_", "S", None)),
    escape(SHORT, "_").replace("f", "F"),
    SHORT.replace("t", "\\u005cu0074"),
    SHORT.replace("t", "\\u005cu005cu0074"),
]
MIXED = [
    escape(percent(TOKEN, "_"), "t"),
    "\\u0074cb%5F" + SHORT[4:],
    escape(percent(SHORT, "_"), "%"),
    escape(percent(SHORT, "_")),
    percent(escape(TOKEN, "t")),
    percent(escape(escape(TOKEN, "t"), "\\")),
    escape(percent(escape(SHORT, "_")), "%"),
]

# Encodings that are found in any text, and so in UTF-16 and compressed too.
FOUND = {
    "plain or shortened to 16 characters": PLAIN,
    "percent-encoded to any depth": PERCENT,
    "JSON escapes to any depth": ESCAPED,
    "percent-encoded JSON escapes": MIXED,
}
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
# From a body in text to its bytes; each is tried with every example above.
IN_BYTES = {
    "UTF-16 or UTF-32": [partial(str.encode, encoding=name) for name in WIDE],
    "gzip or zlib up to 6 MiB": [
        lambda body: gzip.compress(body.encode()),
        lambda body: zlib.compress(body.encode()),
        lambda body: gzip.compress(b"{}") + gzip.compress(body.encode()),
    ],
}
# Encodings that are not found: docs/security.md says why that is accepted.
REMAINS = {
    "base64, hexadecimal or encryption": [
        base64.b64encode(TOKEN.encode()).decode(),
        TOKEN.encode().hex(),
    ],
    "HTML entities or other escapes": [
        TOKEN.replace("_", "&#95;"),
        TOKEN.replace("_", "\\x5f"),
        TOKEN.replace("_", "+AF8-"),
    ],
    "split, reversed or in upper case": [
        TOKEN[:12] + " " + TOKEN[12:],
        TOKEN[::-1],
        TOKEN.replace("tcb", "TCB"),
    ],
}
