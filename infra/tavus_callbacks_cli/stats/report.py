"""The console's Stats page as one HTML file that loads nothing: its style, its script, and the data."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from tavus_callbacks_cli.output.text import json_text

_STATIC = files("tavus_callbacks_cli.console") / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "/console/([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)

_MAIN = """
const { about, grouped, ...data } = JSON.parse(document.getElementById("data").textContent);
const NAMES = { day: "day", label: "token label", "end-reason": "end reason" };
const address = (name) => `#${encodeURIComponent(name)}`;
const main = h("main");
function draw() {
  const by = Object.keys(grouped).find((name) => address(name) === location.hash) ?? data.by;
  const links = Object.keys(grouped).map((name) =>
    h("a", { href: address(name), "aria-current": name === by && "true" }, said(NAMES[name] ?? name)));
  const choice = h("div", { class: "group-by", role: "group", "aria-label": "Group by" },
    h("span", { class: "dim" }, "By"), links);
  fill(main, h("div", { class: "head" }, h("h1", {}, "Stats"), choice),
    h("div", { class: "left-out" }, h("p", {}, said(about))), report({ ...data, by, groups: grouped[by] }));
}
addEventListener("hashchange", draw);
document.body.append(main);
draw();
"""
_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stats of Tavus conversations</title>
<style>{style}</style>
</head>
<body>
<noscript>This report needs JavaScript.</noscript>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def report(
    statistics: Mapping[str, Any], grouped: Mapping[str, Sequence[Mapping[str, Any]]], about: str
) -> str:
    """Return the page for an answer of `GET /stats`, with the sums of other keys to choose from.

    `grouped` has the groups by key, `about` says which conversations are summed up.
    """
    style = (_STATIC / "style.css").read_text(encoding="utf-8")
    script = join_modules("report.js") + _MAIN
    policy = _POLICY.format(script=_hash(script), style=_hash(style))
    # No text can end the element that holds it, or open a comment.
    data = json_text({**statistics, "grouped": grouped, "about": about}, indent=None).replace("<", r"\u003c")
    return _PAGE.format(policy=policy, style=style, data=data, script=script)


def join_modules(name: str) -> str:
    """Return a module of the console and all that it imports as one script."""
    sources: dict[str, str] = {}

    def add(name: str) -> None:
        source = (_STATIC / name).read_text(encoding="utf-8")
        for imported in _IMPORT.findall(source):
            if imported not in sources:
                add(imported)
        sources[name] = _EXPORT.sub("", _IMPORT.sub("", source))

    add(name)
    return "\n".join(sources.values())


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
