"""Bars as SVG, without a library; grey and blue are readable on white and on black."""

from collections.abc import Sequence
from html import escape

_ROW, _LEFT, _WIDTH, _RIGHT = 26, 170, 420, 110
_OURS, _OTHERS, _INK = "#2f6fed", "#9aa4b2", "#6b7280"

Bar = tuple[str, float]


def bars(title: str, unit: str, values: Sequence[Bar], ours: str = "receive") -> str:
    """Draw a bar for each value; the bar named `ours` is blue."""
    most = max(value for _, value in values)
    height = _ROW * (len(values) + 1) + 10
    rows = [_bar(number, bar, most, unit, ours) for number, bar in enumerate(values, start=1)]
    size = f'width="{_LEFT + _WIDTH + _RIGHT}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    named = f"<title>{escape(title)}</title>" + _text(0, 18, escape(title), "start")
    return "\n".join([head, named, *rows, "</svg>", ""])


def _bar(number: int, bar: Bar, most: float, unit: str, ours: str) -> str:
    name, value = bar
    top, width = _ROW * number + 4, max(1, round(_WIDTH * value / most))
    colour = _OURS if name == ours else _OTHERS
    label = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"  # noqa: PLR2004 - three digits
    return (
        _text(_LEFT - 8, top + 14, escape(name), "end")
        + f'<rect x="{_LEFT}" y="{top}" width="{width}" height="{_ROW - 8}" fill="{colour}"/>'
        + _text(_LEFT + width + 6, top + 14, f"{label} {unit}", "start")
    )


def _text(left: int, top: int, words: str, anchor: str) -> str:
    return f'<text x="{left}" y="{top}" fill="{_INK}" text-anchor="{anchor}">{words}</text>'
