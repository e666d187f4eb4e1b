"""Markdown of strangers for a terminal: its addresses are shown, and no control character gets through."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown

from tavus_callbacks_cli.output.text import escape

# HTML, pictures and definitions of links stay text. An entity could stand for a control character.
_TEXT = ["html_inline", "html_block", "image", "entity", "reference"]
_PARSER = MarkdownIt().enable("table").disable(_TEXT)


class _Heading(Heading):
    """A heading at the left, without a frame."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class SafeMarkdown(Markdown):
    """Markdown whose text is escaped, with line feeds as they are and the address of each link behind it."""

    elements: ClassVar = {**Markdown.elements, "heading_open": _Heading}

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = list(_keep_lines(_PARSER.parse("\n".join(map(escape, text.split("\n"))))))


def _keep_lines(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "softbreak":
            token.type = "hardbreak"
        if token.children:
            token.children = list(_keep_lines(token.children))
        yield token
