"""Functions of the page that decide about hostile texts, run by Node.js without a browser."""

import json
import subprocess
from typing import Any

import pytest
from test_cli_shell import HOSTILE

from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.stats.report import join_modules

pytestmark = pytest.mark.more

ORIGIN, CDN = "http://127.0.0.1:8123", "http://127.0.0.1:9000"
PAGE = f"""
globalThis.location = {{ href: "{ORIGIN}/#/", origin: "{ORIGIN}", protocol: "http:" }};
const element = () => ({{ append() {{}}, setAttribute(name, value) {{ this[name] = value; }} }});
globalThis.document = {{ createElement: element }};
"""
# Members that every object of JavaScript has, unless it has no prototype.
INHERITED = ["constructor", "toString", "__proto__"]


def results(module: str, function: str, values: list[Any]) -> list[Any]:
    """Return what a function of a module returns for each value."""
    script = f"{PAGE}{join_modules(module)}\n"
    script += f"console.log(JSON.stringify({json.dumps(values)}.map((value) => ({function})(value) ?? null)))"
    command = ["node", "--input-type=module", "-"]
    done = subprocess.run(command, input=script.encode(), capture_output=True, check=True, timeout=20)  # noqa: S603 - our own script
    returned: list[Any] = json.loads(done.stdout)
    return returned


def test_a_copied_command_quotes_as_the_command_line_does():
    """An id in a command of the page executes nothing, and steers no terminal."""
    texts = [*HOSTILE, "=ls", "a\0b", "\u200b", "会🎥", "a b!c'd"]

    assert [shell.argument(text) for text in texts] == results("parts.js", "argument", texts)


def test_only_safe_addresses_are_bound():
    """Nothing but https, the page's own origin, and the origin of recordings becomes a link or a source."""
    safe = ["https://evil.example/x", "/console/app.js", "#/stats", f"{ORIGIN}/x"]
    media = f"{CDN}/a.mp4?Signature=b"
    unsafe = [
        *("javascript:alert(1)", " java\tscript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x"),
        *("vbscript:x", "FILE:///etc/passwd", "//evil.example/", "http://evil.example/", "https://[::1"),
        *(f"blob:{ORIGIN}/x", f"filesystem:{ORIGIN}/x", f"view-source:{ORIGIN}/", "http://127.0.0.1:8124/"),
    ]
    function = f'(value) => [h("a", {{ href: value }}).href === value, safeUrl(value, ["{CDN}"]) !== null]'

    bound = results("base.js", function, [*safe, media, *unsafe])

    assert [[True, True]] * len(safe) + [[False, True]] + [[False, False]] * len(unsafe) == bound


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("parts.js", '(value) => listCommand("list", { [value]: "x" })'),
        ("parts.js", "(value) => LISTS[value]"),
        ("parts.js", "(value) => TITLES[value]"),
    ],
)
def test_a_name_that_objects_inherit_is_unknown(module, function):
    """A kind or filter in an address can have any name."""
    assert [None] * len(INHERITED) == results(module, function, INHERITED)


def test_a_text_is_no_formula_in_the_csv():
    """No part of a text becomes a formula, even in a spreadsheet that separates at semicolons."""
    fields = {
        "=1+1": "'=1+1",
        "a;=1+1": '"a;=1+1"',
        'a",=1+1': '"a"",=1+1"',
        "a\n=1+1": "a\\u000a=1+1",
        "\x1b[2J\u202e": "\\u001b[2J\\u202e",
    }

    assert [f"{field}\n" for field in fields.values()] == results(
        "report.js", "(value) => csv([[value]])", list(fields)
    )
