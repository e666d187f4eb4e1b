"""All checks in their order. A check that fails does not stop the others."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import click
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.token import replace_tokens
from tavus_callbacks_cli.doctor import alarms, live, pushes, stack, storage, tables
from tavus_callbacks_cli.doctor.examination import (
    REDEPLOY,
    Examination,
    Finding,
    Status,
    failure,
    skip,
)
from tavus_callbacks_cli.doctor.probe import NotTried
from tavus_callbacks_cli.targets.aws_errors import error_advice, error_code

_AGAIN = "Check the network and the region, then try again in a moment."


@dataclass(frozen=True, slots=True)
class Check:
    """A check by its name; `not_here` says why a local stack skips it."""

    name: str
    look: Callable[[Examination], Finding]
    not_here: str | None = None
    is_of_recordings: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check."""

    name: str
    status: Status
    detail: str
    fix: str | None = None


CHECKS = (
    Check("outputs", stack.outputs),
    Check("triggers", stack.triggers, "A local stack has no event source mappings."),
    Check("schedule", stack.schedule, "A local stack runs its own schedule."),
    Check("concurrency", stack.concurrency, "A local stack has no concurrency limit."),
    Check("Tavus key", stack.tavus_key, "A local stack uses a stand-in for Tavus's API."),
    Check("bus", pushes.bus),
    Check("push target", pushes.target),
    Check("push secret", pushes.secret),
    Check("alarm receivers", alarms.receivers, "A local stack has no alarms."),
    Check("alarms", alarms.states, "A local stack has no alarms."),
    Check("log retention", stack.retention, "A local stack writes its logs to files."),
    Check("events recovery", tables.events_recovery),
    Check("events expiry", tables.expiry),
    Check("tokens recovery", tables.tokens_recovery),
    Check("callback token", tables.senders),
    Check("tokens", live.tokens),
    Check("trailing slash", live.trailing_slash),
    Check("callback", live.callback),
    Check("versioning", storage.versioning, is_of_recordings=True),
    Check(
        "EventBridge",
        storage.notifications,
        "The local S3 does not report this setting.",
        is_of_recordings=True,
    ),
    Check("public access", storage.public_access, is_of_recordings=True),
    Check("role trust", storage.trust, "A local stack does not assume roles.", is_of_recordings=True),
    Check(
        "role session", storage.session_length, "A local stack does not assume roles.", is_of_recordings=True
    ),
    Check("signing key", storage.signing_key, "A local stack trusts its own keys.", is_of_recordings=True),
    Check("unannounced", live.object_event, is_of_recordings=True),
    Check("announced", live.announcement, is_of_recordings=True),
    Check("link", live.link, is_of_recordings=True),
    Check("preflight", live.preflight, is_of_recordings=True),
    Check("altered link", live.altered_link, is_of_recordings=True),
    Check("unsigned URL", live.unsigned_url, is_of_recordings=True),
    Check("bare S3 URL", live.bare_object, "The local S3 allows anonymous reads.", is_of_recordings=True),
)


def examine(
    examination: Examination,
    show: Callable[[Result], object],
    during: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> list[Result]:
    """Run every check, show each result at once, and clean up whatever happens.

    `during` gets the name of a check and surrounds it.
    """
    results: list[Result] = []

    def run(check: Check) -> None:
        with during(check.name):
            finding = _find(check, examination)
        # A service may quote a token, and people paste reports into issues.
        detail, fix = (replace_tokens(text or "", "tcb_…") for text in (finding.detail, finding.fix))
        results.append(Result(check.name, finding.status, detail, fix or None))
        show(results[-1])

    try:
        for check in CHECKS:
            run(check)
    finally:
        run(Check("clean-up", live.clean_up))
    return results


def _find(check: Check, examination: Examination) -> Finding:  # noqa: PLR0911 - one return an error
    if check.is_of_recordings and not examination.deployment.has_recordings:
        return skip("The stack was deployed with Recordings=off.")
    if check.not_here and examination.deployment.is_local:
        return skip(check.not_here)
    try:
        return check.look(examination)
    except NotTried as reason:
        return skip(str(reason))
    except (StoreDown, BotoCoreError, ClientError) as error:
        return _aws_failure(error)
    except httpx.TransportError as error:
        return failure(f"No answer: {error or type(error).__name__}.", _AGAIN)
    except click.ClickException as error:
        return failure(error.message, REDEPLOY)
    # The outermost edge of a check: an error of its own is a failed check, and the others still run.
    except Exception as fault:  # noqa: BLE001
        return failure(f"The check itself failed: {type(fault).__name__} {fault}.", "Report this as a bug.")


def _aws_failure(error: StoreDown | BotoCoreError | ClientError) -> Finding:
    code = error_code(error)
    fix = error_advice(code) or _AGAIN
    if isinstance(error, BotoCoreError):
        return failure(f"AWS was not asked: {code}.", fix)
    if code.startswith("NoSuch"):
        fix = f"A resource of the stack was deleted. {REDEPLOY}"
    operation = f" to {error.operation_name}" if isinstance(error, ClientError) else ""
    return failure(f"AWS answered {code}{operation}.", fix)
