"""The report: one HTML file that loads nothing from elsewhere, for light and dark screens."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from tavus_callbacks.domain.summaries.sums import Conversation, by_day, by_end_reason, groups, responses
from tavus_callbacks_cli.output.text import duration
from tavus_callbacks_cli.stats import plots
from tavus_callbacks_cli.stats.plots import escape_html

Group = dict[str, Any]

_MINUTES = (0, 1, 2, 5, 10, 15, 30, 60)
_SECONDS = (0, 0.5, 1, 1.5, 2, 3, 5, 10)

# The columns of the table, and their members of a group.
_COLUMNS = {
    "conversations": "conversations",
    "ended": "ended",
    "time": "seconds",
    "user turns": "user_turns",
    "replica turns": "replica_turns",
    "user words": "user_words",
    "replica words": "replica_words",
    "median response": "median_response_seconds",
    "transcripts missing": "missing_transcript",
}

_STYLE = """
:root { color-scheme: light dark;
  --back: #fff; --text: #1c2024; --dim: #60646c; --bar: #3b6fd4; --line: #e0e1e6; }
@media (prefers-color-scheme: dark) {
  :root { --back: #111214; --text: #edeef0; --dim: #9ba1a6; --bar: #7aa2f7; --line: #303236; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
p, figcaption, th, .dim { color: var(--dim); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 1rem; }
.tiles div { border: 1px solid var(--line); border-radius: 8px; padding: .7rem 1rem; }
.tiles b { display: block; font-size: 1.5rem; }
figure { margin: 2rem 0; } svg { width: 100%; height: auto; }
svg text { fill: var(--dim); font-size: 12px; } .bar { fill: var(--bar); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; min-width: 8rem; overflow-wrap: anywhere; }
"""


def report(
    conversations: Sequence[Conversation], total: Group, grouped: Sequence[Group], *, by: str, about: str
) -> str:
    """Return the report; `about` says which conversations these are."""
    parts = [*_tiles(total), *_figures(conversations), *_table(grouped, by)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Tavus conversations</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>Tavus conversations</h1><p>{escape_html(about)}</p>\n{''.join(parts)}</body></html>\n"
    )


def _tiles(total: Group) -> Iterator[str]:
    share, response = total["user_share_by_words"], total["median_response_seconds"]
    tiles = {
        "conversations": f"{total['conversations']:,}",
        "ended": f"{total['ended']:,}",
        "time together": duration(total["seconds"]),
        "median length": duration(total["median_seconds"]) or "-",
        "turns": f"{total['user_turns'] + total['replica_turns']:,}",
        "words": f"{total['user_words'] + total['replica_words']:,}",
        "user's share of words": "-" if share is None else f"{share:.0%}",
        "median response": duration(response) or "-",
        "transcripts missing": f"{total['missing_transcript']:,}",
    }
    yield '<div class="tiles">'
    yield from (f"<div><b>{escape_html(value)}</b>{escape_html(name)}</div>" for name, value in tiles.items())
    yield "</div>\n"


def _figures(conversations: Sequence[Conversation]) -> Iterator[str]:
    counts = {group["group"]: group["conversations"] for group in groups(conversations, by_day)}
    days: list[str] = []
    if counts:
        first, last = date.fromisoformat(min(counts)), date.fromisoformat(max(counts))
        days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    yield _figure("Conversations by day (UTC)", [(day, counts.get(day, 0)) for day in days], plots.columns)
    minutes = [each["duration"] / 60 for each in conversations if each["duration"] is not None]
    yield _figure("How long they lasted", plots.histogram(minutes, _MINUTES, "min"), plots.columns)
    seconds = plots.histogram(responses(conversations), _SECONDS, "s")
    yield _figure("How soon the replica answered (median of each conversation)", seconds, plots.columns)
    ended = [each for each in conversations if each["status"] == "ended"]
    reasons = [(group["group"], group["conversations"]) for group in groups(ended, by_end_reason)]
    yield _figure("Why they ended", sorted(reasons, key=lambda bar: -bar[1]), plots.lines)


def _figure(caption: str, bars: list[plots.Bar], draw: Any) -> str:
    if not any(value for _, value in bars):
        return ""
    return f"<figure><figcaption>{escape_html(caption)}</figcaption>{draw(bars, about=caption)}</figure>\n"


def _table(grouped: Sequence[Group], by: str) -> Iterator[str]:
    yield f'<div class="wide"><table><thead><tr><th>{escape_html(by)}</th>'
    yield from (f"<th>{escape_html(head)}</th>" for head in _COLUMNS)
    yield "</tr></thead><tbody>\n"
    for group in grouped:
        names = ("group", *_COLUMNS.values())
        cells = (f"<td>{escape_html(_cell(name, group[name]))}</td>" for name in names)
        yield f"<tr>{''.join(cells)}</tr>\n"
    yield "</tbody></table></div>\n"


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name.endswith("seconds"):
        return duration(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
