"""The page Stats of the console as one HTML file that loads nothing."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from tavus_callbacks_cli.output.text import json_text

_STATIC = files("tavus_callbacks_cli.console") / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "/console/([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)

_MAIN = """
const { about, ...data } = JSON.parse(document.getElementById("data").textContent);
const lines = [h("h1", {}, "Tavus conversations"), h("div", { class: "left-out" }, h("p", {}, said(about)))];
document.body.append(h("main", {}, lines, report(data)));
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
<title>Tavus conversations</title>
<style>{style}</style>
</head>
<body>
<noscript>This report needs JavaScript.</noscript>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def report(statistics: Mapping[str, Any], about: str) -> str:
    """Return the report of an answer of `GET /stats`; `about` says which conversations it is about."""
    style = (_STATIC / "style.css").read_text(encoding="utf-8")
    script = join_modules("report.js") + _MAIN
    policy = _POLICY.format(script=_hash(script), style=_hash(style))
    # No text can end the element that holds it, or open a comment.
    data = json_text({**statistics, "about": about}, indent=None).replace("<", r"\u003c")
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
