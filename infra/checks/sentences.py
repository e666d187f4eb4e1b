#!/usr/bin/env python3
"""Find constructions that read like a translation, in documents, help texts, errors, docstrings and comments.

Usage: python infra/checks/sentences.py FILE... It exits with 1 if there are any.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

# The pattern, and what to write instead.
CONSTRUCTIONS = {
    r"(?<!there )\b(?:is|are) (?-i:none)\b": "there is no ...",
    r"\bhangs? on\b": "depends on",
    r"\bof before\b": "existing, earlier",
    r"\bshall\b": "must, or the present tense",
    r"\banew\b": "again",
    r"(?<!there )\b(?:is|are|was|were) no (?!longer|more\b|less\b|such\b|different\b)[a-z]": "is not a",
    r"\bis looked (?:at|for|after)\b": "is checked",
    r"\b(?:it|this|that|what|which|body|event|answer|row|name|status|page) tells?\b": "says, shows",
    r"\b(?:is|are|was|were|be|been) told\b": "is notified, is recognised",
    r"\bgiven to know\b": "is notified",
    r"\bto be had\b": "available",
    r"\b(?:comes?|came) round\b": "runs",
    r"\bstands? (?:in|at|on|under|below) (?:the|its|this|a|an|no|every|each|one|which|that)\b": "is in",
    r"\bby and by\b": "gradually",
    r"\bas good as\b": "almost",
    r"\bhas to do with\b": "is about",
    r"\bwant(?:s)? for\b": "needs",
}
# A relative clause without a noun, and an inverted conditional: neither is a question.
RELATIVE = re.compile(r"(?:What|Who|Whom|Whose|Of)\b[^?]*[^?\s](?=$|[.:;!])")
INVERTED = re.compile(r"(?:Is|Are|Was|Were|Has|Have|Had|Does|Did|Says|Comes|Stands)\b [^?]*$")

WORDS = re.compile("|".join(f"(?P<p{n}>{pattern})" for n, pattern in enumerate(CONSTRUCTIONS)), re.IGNORECASE)
ADVICE = list(CONSTRUCTIONS.values())

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`|<!--.*?-->|\]\([^)]*\)|^\[[^]]*\]:.*$", re.MULTILINE | re.DOTALL)
# Paragraphs, headings, list items and cells of tables are read one by one.
PARTS = re.compile(r"\n\s*\n|\n(?=#)|\n\s*(?:[-*]|\d+\.)\s+|\s\|\s|\n\|")
SENTENCE = re.compile(r"(?<=[.?!:])\s+")


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text, without marks at their beginning."""
    for part in PARTS.split(text):
        for sentence in SENTENCE.split(" ".join(part.split())):
            yield sentence.lstrip("#>*-|_ ")


def faults(text: str) -> Iterator[tuple[str, str]]:
    """Yield each refused construction of a text: the sentence, and the advice."""
    for sentence in sentences(text):
        if match := WORDS.search(sentence):
            yield sentence, f"{match[0]!r}: write {ADVICE[int(match.lastgroup[1:])]!r}"  # type: ignore[index]  # a group matched
        if RELATIVE.match(sentence):
            yield sentence, "begins with a relative clause: begin with a noun"
        if INVERTED.match(sentence) and sentence.endswith("."):
            yield sentence, "an inverted conditional: write 'If ...'"


def markdown(text: str) -> Iterator[tuple[int, str]]:
    """Yield the prose of a document, with blank lines where code was."""
    prose = FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    yield 1, CODE.sub(lambda match: "x" + "\n" * match[0].count("\n"), prose)


def python(text: str) -> Iterator[tuple[int, str]]:
    """Yield the docstrings, other texts and comments of a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, CODE.sub("x", node.value)
    yield from comments(text)


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield blocks of comment lines."""
    block: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != block[-1][0] + 1:
            yield block[0][0], " ".join(words for _, words in block)
            block = []
        block.append((token.start[0], CODE.sub("x", token.string.lstrip("#! "))))
    if block:
        yield block[0][0], " ".join(words for _, words in block)


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments and quoted texts of any other file, a line each."""
    for number, line in enumerate(text.splitlines(), start=1):
        yield number, CODE.sub("x", line.strip().lstrip("#/* "))


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a file with the number of their first line."""
    content = path.read_text(encoding="utf-8")
    read = {".md": markdown, ".py": python}.get(path.suffix, lines)
    return read(content)


def main(names: list[str]) -> int:
    """Print every fault, and return the exit code."""
    count = 0
    for path in map(Path, names):
        for number, text in texts(path):
            for sentence, advice in faults(text):
                count += 1
                sys.stdout.write(f"{path}:{number}: {advice}\n    {sentence[:160]}\n")
    sys.stderr.write(f"{count} sentences to rewrite.\n")
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
