"""Plots as SVG: bars with their values as tooltips, in the colours of the page around them."""

import html
from collections.abc import Sequence
from math import inf

from tavus_callbacks_cli.output.text import escape

Bar = tuple[str, float]

_WIDTH, _HEAD, _HEIGHT, _FOOT = 720, 20, 150, 34
_WIDEST = 80
_ROW, _NAME = 26, 220
# The most labels below bars that do not overlap.
_LABELS = 10
# Letters that fit beside a bar.
_LETTERS = 34


def escape_html(text: str) -> str:
    """Return anybody's text as HTML: no markup, and control characters as the terminal shows them."""
    return html.escape(escape(text))


def columns(bars: Sequence[Bar], *, about: str) -> str:
    """Return bars side by side, for values in an order: days, sizes."""
    most, step = _maximum(bars), _WIDTH / max(len(bars), 1)
    every = -(-len(bars) // _LABELS)
    parts = []
    for number, (name, value) in enumerate(bars):
        middle, top = (number + 0.5) * step, _HEAD + (1 - value / most) * _HEIGHT
        width = min(step * 0.8, _WIDEST)
        parts.append(_bar(middle - width / 2, top, width, _HEAD + _HEIGHT - top, f"{name}: {value:g}"))
        if number % every == 0:
            parts.append(_text(middle, _HEAD + _HEIGHT + 20, name, "middle"))
        if value and every == 1:
            parts.append(_text(middle, top - 5, f"{value:g}", "middle"))
    return _svg(_HEAD + _HEIGHT + _FOOT, about, parts)


def lines(bars: Sequence[Bar], *, about: str) -> str:
    """Return bars below each other, for values with names: reasons, labels."""
    most, parts = _maximum(bars), []
    for number, (name, value) in enumerate(bars):
        top = number * _ROW
        width = value / most * (_WIDTH - _NAME - 60)
        parts.append(_text(_NAME - 8, top + 17, name, "end"))
        parts.append(_bar(_NAME, top + 4, width, _ROW - 8, f"{name}: {value:g}"))
        parts.append(_text(_NAME + width + 6, top + 17, f"{value:g}", "start"))
    return _svg(len(bars) * _ROW + 4, about, parts)


def histogram(values: Sequence[float], edges: Sequence[float], unit: str) -> list[Bar]:
    """Return how many values lie between edges; the last bar counts everything above."""
    bars: list[Bar] = []
    for low, high in zip(edges, [*edges[1:], inf], strict=True):
        name = f"{low:g}+ {unit}" if high == inf else f"{low:g}-{high:g} {unit}"
        bars.append((name, sum(low <= value < high for value in values)))
    return bars


def _maximum(bars: Sequence[Bar]) -> float:
    return max((value for _, value in bars), default=0) or 1


def _svg(height: float, about: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{escape_html(about)}">'
        f"{''.join(parts)}</svg>"
    )


def _bar(x: float, y: float, width: float, height: float, tooltip: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="bar" {place} rx="2"><title>{escape_html(tooltip)}</title></rect>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    short = text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape_html(short)}</text>'
