"""Writes docs/performance.md and its plots from measurements, ratios first: they hold elsewhere too."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.bodies import KILOBYTE, SIZES, name
from bench.counts import Count
from bench.measure import Figures, Run
from bench.packages import ROOT
from bench.plots import bars

DOCUMENT = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "plots"
_USUAL = 2 * KILOBYTE
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a run: `sizes` in bytes by package, `counts` by subject."""

    run: Run
    counts: Mapping[str, Count]
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and its goal, both in `unit`; `note` holds its spread."""

    figure: str
    goal: float
    measured: float
    unit: str
    note: str

    def row(self) -> str:
        """Return a row of a table."""
        missed = "" if self.measured <= self.goal else ", **not reached**"
        goal, measured = f"{self.goal:g}{self.unit}", f"{self.measured:.3g}{self.unit}{missed}"
        return f"| {self.figure} | {goal} | {measured} | {self.note} |"


def goals(results: Results) -> list[Goal]:
    """Return the figures with their goals."""
    run, warm = results.run, f"cpu {_USUAL}"
    receive, textbook, floor = run["receive"], run["textbook"], run["boto3 + pydantic"]
    return [
        _ratio("init ÷ textbook", 0.30, (receive, "init"), (textbook, "init")),
        _ratio("init ÷ boto3 + pydantic", 0.85, (receive, "init"), (floor, "init")),
        _ratio("warm CPU ÷ textbook", 0.35, (receive, warm), (textbook, warm)),
        _ratio("warm CPU ÷ bare put_item", 1.5, (receive, warm), (run["bare put_item"], "cpu 0")),
        _ratio("warm CPU ÷ flask + sqlite", 3, (receive, warm), (run["flask + sqlite"], warm)),
        Goal("peak memory", 50, receive.middle(f"peak {_USUAL}"), " MiB", ""),
        Goal("package of receive, project, drain, resolve", 6, _mb(results, "ReceiveFunction"), " MB", ""),
        Goal("package of read, keys", 11, _mb(results, "ReadFunction"), " MB", ""),
        *_instruction_goals(results.counts),
    ]


def _instruction_goals(counts: Mapping[str, Count]) -> list[Goal]:
    """Return the same figures in instructions, which repeat, with the same goals."""
    figures = (
        ("init instructions ÷ textbook", 0.30, "init", "textbook"),
        ("init instructions ÷ boto3 + pydantic", 0.85, "init", "boto3 + pydantic"),
        ("callback instructions ÷ textbook", 0.35, "callback", "textbook"),
        ("callback instructions ÷ bare put_item", 1.5, "callback", "bare put_item"),
    )
    return [
        Goal(figure, goal, getattr(counts["receive"], what) / getattr(counts[other], what), "", "")
        for figure, goal, what, other in figures
        if counts
    ]


def _ratio(figure: str, goal: float, ours: tuple[Figures, str], theirs: tuple[Figures, str]) -> Goal:
    measured = ours[0].middle(ours[1]) / theirs[0].middle(theirs[1])
    return Goal(figure, goal, measured, "", f"{_spread(*ours)}, {_spread(*theirs)}")


def _spread(figures: Figures, figure: str) -> str:
    return f"±{figures.spread(figure) * 50:.0f} %"


def _mb(results: Results, package: str) -> float:
    return results.sizes[package] / _MEGABYTE


def write(results: Results) -> None:
    """Write the document and its plots."""
    PLOTS.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(results), encoding="utf-8")
    for file, drawn in _plots(results).items():
        (PLOTS / file).write_text(drawn, encoding="utf-8")


def document(results: Results) -> str:
    """Return docs/performance.md."""
    template = Path(__file__).with_name("performance.md").read_text(encoding="utf-8")
    rounds = len(results.run["receive"].values["init"])
    return template.format(
        machine=f"{rounds} rounds on {platform.machine()}; "
        f"the benchmark itself runs on Python {platform.python_version()}",
        goals="\n".join(goal.row() for goal in goals(results)),
        bodies=_bodies(results.run),
        functions=_functions(results.run),
        large=f"{results.run['receive'].middle('peak 4 MB'):.0f}",
        large_time=f"{results.run['receive'].middle('share 4 MB'):.0f}",
        large_status=f"{max(results.run['receive'].values['share 4 MB status']):.0f}",
        textbook=f"{_mb(results, 'textbook'):.1f}",
    )


def _functions(run: Run) -> str:
    receivers = ("receive", "textbook", "bare put_item", "hand-signed", "boto3 + pydantic")
    others = ("read", "project", "drain", "resolve", "signing_key", "push", "watch")
    return _rows(_times(each, run[each]) for each in (*receivers, *others))


def _times(subject: str, figures: Figures) -> list[str]:
    warm = str(_USUAL if f"cpu {_USUAL}" in figures.values else 0)
    times = [f"{figures.middle(each):.0f}" for each in ("init", "first")]
    cpu, answer = (f"{figures.middle(f'{each} {warm}'):.2f}" for each in ("cpu", "warm"))
    peak = f"{figures.middle(f'peak {warm}'):.0f}"
    return [subject, *times, answer, cpu, peak, *(_share(figures, when) for when in ("cold", "warm"))]


def _share(figures: Figures, when: str) -> str:
    figure = f"share {when}"
    return f"{figures.middle(figure):.0f}" if figure in figures.values else "-"


def _bodies(run: Run) -> str:
    return _rows(
        [each, *(f"{run[each].middle(f'cpu {size}'):.2f}" for size in SIZES)]
        for each in ("receive", "textbook", "flask + sqlite")
    )


def _rows(rows: Iterable[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _plots(results: Results) -> dict[str, str]:
    run, warm = results.run, f"cpu {_USUAL}"
    init = [(each, run[each].middle("init")) for each in ("receive", "textbook", "boto3 + pydantic", "empty")]
    named = ("receive", "textbook", "flask", "flask + sqlite")
    cpu = [(each, run[each].middle(warm)) for each in named]
    cpu += [(each, run[each].middle("cpu 0")) for each in ("bare put_item", "hand-signed", "empty")]
    sizes = [(each, value / _MEGABYTE) for each, value in results.sizes.items()]
    return {
        "init.svg": bars("Init, the first part of a cold start", "ms", init),
        "cpu.svg": bars("CPU of a warm callback of 2 KB", "ms", cpu),
        "packages.svg": bars("Packages, zipped", "MB", sizes, ours="ReceiveFunction"),
        "bodies.svg": bars(
            "CPU of `receive` by size of body",
            "ms",
            [(name(size), run["receive"].middle(f"cpu {size}")) for size in SIZES],
            ours="2 KB",
        ),
    }
