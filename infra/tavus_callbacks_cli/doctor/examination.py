"""The input and the result of a check."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tavus_callbacks_cli.doctor.probe import Probe
    from tavus_callbacks_cli.targets.aws_stack import Deployment
    from tavus_callbacks_cli.targets.store import Tables

Status = Literal["ok", "warning", "failed", "skipped"]

REDEPLOY = "Deploy this version again: `sam build && sam deploy`."


@dataclass(frozen=True, slots=True)
class Examination:
    """A stack, its tables and the probe that is sent through it."""

    deployment: "Deployment"
    tables: "Tables"
    probe: "Probe"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check, in sentences; `fix` says what to do about it."""

    status: Status
    detail: str
    fix: str | None = None


def ok(detail: str, later: str | None = None) -> Finding:
    """Return that all is well; `later` says what to do in time."""
    return Finding("ok", detail, later)


def warning(detail: str, fix: str) -> Finding:
    """Return that it works, but with a risk that people should know."""
    return Finding("warning", detail, fix)


def failure(detail: str, fix: str) -> Finding:
    """Return a fault."""
    return Finding("failed", detail, fix)


def skip(reason: str) -> Finding:
    """Return that there is nothing to check here."""
    return Finding("skipped", reason)
