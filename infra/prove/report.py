"""The report of a proof as Markdown and JSON, written again after each step."""

import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import replace_tokens
from tavus_callbacks_cli.output.files import replace_file, write_json
from tavus_callbacks_cli.output.text import duration, escape

Status = Literal["passed", "failed", "skipped"]

_ACCOUNT = re.compile(r"\b\d{12}\b")
UNVERIFIED = (
    "Unverified: no one has run `make prove` on AWS yet, so its steps for AWS may themselves be wrong. "
    "They are tested against stand-ins only."
)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a step; `seen` has no token and no signed link."""

    name: str
    status: Status
    seconds: float
    seen: str


@dataclass(slots=True)
class Report:
    """The report of one proof; `parameters` are names without values, `bill` is a month in dollars."""

    stack: str
    place: str
    parameters: list[str]
    started_at: datetime
    results: list[Result] = field(default_factory=list)
    bill: dict[str, float] = field(default_factory=dict)

    @property
    def is_proven(self) -> bool:
        """Tell whether no step failed and at least one passed."""
        statuses = {result.status for result in self.results}
        return "failed" not in statuses and "passed" in statuses

    def add(self, name: str, status: Status, seconds: float, seen: str) -> Result:
        """Add the result of a step, without tokens and account numbers."""
        self.results.append(
            Result(name, status, round(seconds, 1), _ACCOUNT.sub("…", replace_tokens(seen, "tcb_…")))
        )
        return self.results[-1]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "unverified": UNVERIFIED,
            **asdict(self),
            "started_at": iso(self.started_at),
            "month": round(sum(self.bill.values()), 2),
            "is_proven": self.is_proven,
        }

    def as_markdown(self) -> str:
        """Return the report as Markdown."""
        parameters = ", ".join(self.parameters) or "none"
        rows = (
            f"| {each.name} | {each.status} | {duration(each.seconds)} | {_cell(each.seen)} |"
            for each in self.results
        )
        bill = "".join(f"- {name}: ${dollars:.2f}\n" for name, dollars in self.bill.items())
        month = (
            f"${sum(self.bill.values()):.2f}, without callbacks and without free tiers" if bill else "unknown"
        )
        return (
            f"# Proof of {self.stack}, {self.started_at:%Y-%m-%d %H:%M} UTC\n\n{UNVERIFIED}\n\n"
            f"Place: {self.place}. Parameters that differ from the defaults: {parameters}.\n\n"
            "| step | status | duration | what was seen |\n|---|---|---:|---|\n" + "\n".join(rows) + "\n\n"
            f"Estimated bill of a month: {month}.\n\n{bill}"
        )

    def write(self, folder: Path) -> Path:
        """Write both files and return the path of the Markdown."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.stack}-{self.started_at:%Y%m%d-%H%M%S}.md"
        replace_file(path, self.as_markdown().encode())
        write_json(path.with_suffix(".json"), self.as_json())
        return path


def _cell(text: str) -> str:
    return escape(" ".join(text.split())).replace("|", "\\|")
