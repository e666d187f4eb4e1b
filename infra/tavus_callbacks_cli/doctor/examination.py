"""What a check is given and what it answers."""

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
    """What a check found, in a sentence; `fix` is what to do where that is not as it should be."""

    status: Status
    detail: str
    fix: str | None = None


class NotTried(Exception):
    """The check needs what another one has not brought about; the message names it."""


def ok(detail: str) -> Finding:
    """Find that all is well."""
    return Finding("ok", detail)


def warning(detail: str, fix: str) -> Finding:
    """Find what works and yet should be known."""
    return Finding("warning", detail, fix)


def failed(detail: str, fix: str) -> Finding:
    """Find a fault."""
    return Finding("failed", detail, fix)


def skipped(reason: str) -> Finding:
    """Find that there is nothing to look at here."""
    return Finding("skipped", reason)
