"""The source of the console's page: what it must not contain, and how much of it there is."""

import gzip
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "infra/tavus_callbacks_cli/console/static"
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(STATIC.iterdir())}
SCRIPTS = sorted(name for name in FILES if name.endswith(".js"))

# Each pattern with a text that it has to match, so that a wrong pattern fails.
FORBIDDEN = {
    "HTML from text": (
        r"\b(?:inner|outer)HTML|insertAdjacentHTML|createContextualFragment|DOMParser|parseHTML|setHTML|srcdoc",
        "root.innerHTML = text",
    ),
    "document.write": (r"\bdocument\s*\.\s*write", "document.write(text)"),
    "code from text": (
        r"\beval\b|\bFunction\s*\(|\bset(?:Timeout|Interval)\(\s*[\"'`]|javascript:",
        "setTimeout('go()')",
    ),
    "inline handlers": (
        r"<[^>]*\son\w+\s*=|\.on\w+\s*=\s*[\"'`]|setAttribute\(\s*[\"'`]on",
        '<p onclick="go()">',
    ),
    "style attributes": (
        r"\bstyle\s*=[^=]|[{,]\s*style\s*:|setAttribute\(\s*[\"'`]style|cssText|<style",
        'h("p", { style: "color: red" })',
    ),
    "scripts, styles and types of others": (
        r"<[^>]*(?:src|href)=\"(?!/console/)|@import|trustedTypes",
        '<script src="https://x/">',
    ),
    # `h` binds what `safeUrl` allows. The `url` of a recording has passed it; the page makes the others.
    "addresses that nobody checked": (
        (
            r"\.(?:href|src|action)\s*=(?!=| URL\.createObjectURL\()|window\.open\("
            r"|setAttribute\(\s*[\"'`](?:href|src|action)[\"'`],(?! url\))"
            r"|location\.(?:assign|replace)\((?!url\)|href\)|formatRoute\()"
        ),
        "link.href = resource.url",
    ),
    "tracks and crossorigin": (r"<track|[\"'`]track[\"'`]|crossorigin", 'h("track")'),
    "secrets that stay": (
        r"sessionStorage|indexedDB|document\.cookie|localStorage\.\w+\([^)]*(?:token|secret)",
        "document.cookie",
    ),
}
IMPORT = re.compile(r"^import \{([^}]*)\} from \"([^\"]+)\";$", re.MULTILINE)
IMPORT_LATER = re.compile(r"(?:\{ ([\w, ]+) \} = )?\(?await import\(\"([^\"]+)\"\)(?:\)\.(\w+))?")
ADDRESS = re.compile(r"[\"(](/console/[\w.]+)\"")
EXPORT = re.compile(r"^export (?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
FUNCTION = re.compile(r"^( *)(?:export )?(?:async )?(?:function\*? \w+|(?:static |get |set )?\w+)\(.*\) \{$")
MOST_LINES = 40
MOST_BYTES, MOST_BYTES_AT_FIRST = 60_000, 30_000


def packed(names) -> int:
    """Return how many bytes the files have when each is compressed."""
    return sum(len(gzip.compress(FILES[name].encode(), mtime=0)) for name in names)


def imports_of(name: str) -> list[tuple[set[str], str]]:
    """Return what a module imports when it loads and later: names, and the file."""
    later = [(names or single, at) for names, at, single in IMPORT_LATER.findall(FILES[name])]
    return [
        ({word.split(" as ")[0].strip() for word in names.split(",")} - {""}, at.removeprefix("/console/"))
        for names, at in [*IMPORT.findall(FILES[name]), *later]
    ]


def loaded_with(name: str) -> set[str]:
    """Return a module and all that it imports before it runs."""
    loaded, left = set(), [name]
    while left:
        loaded.add(current := left.pop())
        modules = {at.removeprefix("/console/") for _, at in IMPORT.findall(FILES[current])}
        left += modules - loaded
    return loaded


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_the_source_has_nothing_that_makes_code_or_elements_of_text(rule):
    """A strict policy refuses these too, but only in the browser that shows a hostile text."""
    pattern, example = FORBIDDEN[rule]
    assert re.search(pattern, example)

    lines = [
        f"{name}:{number}: {line.strip()}"
        for name, text in FILES.items()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line, re.IGNORECASE) and not line.lstrip().startswith(("//", "*", "/*"))
    ]
    assert [] == lines


@pytest.mark.parametrize("name", SCRIPTS)
def test_exported_functions_are_explained(name):
    """A comment for the reader stands above each function and class that other modules use."""
    lines = FILES[name].splitlines()
    bare = [
        line
        for above, line in zip(["", *lines], lines, strict=False)
        if re.match(r"export (?:async )?(?:function|class)", line) and not above.rstrip().endswith("*/")
    ]
    assert [] == bare


@pytest.mark.parametrize("name", SCRIPTS)
def test_modules_import_what_exists(name):
    """Every import is an absolute address of a file here, and the file exports each imported name."""
    for names, file in imports_of(name):
        assert names <= set(EXPORT.findall(FILES[file])), file


def length_of(lines: list[str], indent: str) -> int:
    """Return how many lines the body of a function has, by the indent of its end."""
    return next(at for at, line in enumerate(lines) if re.match(rf"{indent}\}}[,;)]*$", line)) - 1


@pytest.mark.parametrize("name", SCRIPTS)
def test_functions_of_the_page_are_short(name):
    """No function has more lines than a screen."""
    lines = FILES[name].splitlines()
    long = {
        line.strip(): length
        for number, line in enumerate(lines)
        if (match := FUNCTION.match(line)) and (length := length_of(lines[number:], match[1])) > MOST_LINES
    }
    assert {} == long


def test_every_file_is_used():
    """A file is the page, or a file that is used has its address."""
    used, left = set(), ["index.html"]
    while left:
        used.add(current := left.pop())
        left += {at.removeprefix("/console/") for at in ADDRESS.findall(FILES[current])} & {*FILES} - used
    assert {*FILES} == used


def test_everything_exported_is_imported():
    """Functions that no other module uses are not exported; app.js calls `show` of every page."""
    imported = {name for script in SCRIPTS for names, _ in imports_of(script) for name in names}
    exported = {name for script in SCRIPTS for name in EXPORT.findall(FILES[script])}
    assert set() == exported - imported - {"show"}


def test_all_files_fit_the_budget():
    """Compressed as one stream, the whole console has at most 60 KB."""
    assert MOST_BYTES >= len(gzip.compress("".join(FILES.values()).encode(), mtime=0))


def test_the_first_view_fits_its_budget():
    """The list and what it needs have at most 30 KB, compressed."""
    first = {"index.html", "style.css", "icon.svg"} | loaded_with("app.js") | loaded_with("conversations.js")
    assert MOST_BYTES_AT_FIRST >= packed(first)
