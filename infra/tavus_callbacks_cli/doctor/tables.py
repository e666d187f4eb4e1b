"""Checks of the two tables: point-in-time recovery, expiry of old rows, and a live callback token."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import TokenRecord
from tavus_callbacks_cli.doctor.examination import Examination, Finding, failure, ok, warning
from tavus_callbacks_cli.doctor.removal import is_doctors
from tavus_callbacks_cli.output.shell import aws, line
from tavus_callbacks_cli.output.text import moment
from tavus_callbacks_cli.tokens import list_tokens

_EXPIRY = "expires_at"
# As long as `token rotate` keeps the URL before it valid.
_SOON = timedelta(days=7)
# Times are compared as text.
_NEVER = "9999"

_RECOVERY = ("--point-in-time-recovery-specification", "PointInTimeRecoveryEnabled=true")


def events_recovery(examination: Examination) -> Finding:
    """Check that the events can be restored to any second."""
    return _recovery(examination, examination.tables.events.name)


def tokens_recovery(examination: Examination) -> Finding:
    """Check that the tokens can be restored to any second."""
    return _recovery(examination, examination.tables.tokens.name)


def _recovery(examination: Examination, table: str) -> Finding:
    client = examination.deployment.client("dynamodb")
    backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    status = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus", "unknown")
    if status == "ENABLED":
        return ok("Point-in-time recovery is on.")
    return failure(
        f"Point-in-time recovery of {table} is {status.lower()}.",
        f"`{aws('dynamodb update-continuous-backups --table-name', table, *_RECOVERY)}`",
    )


def expiry(examination: Examination) -> Finding:
    """Check that DynamoDB removes expired rows."""
    table = examination.tables.events.name
    answer = examination.deployment.client("dynamodb").describe_time_to_live(TableName=table)
    ttl = answer["TimeToLiveDescription"]
    if ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING") and ttl.get("AttributeName") == _EXPIRY:
        return ok(f"Rows expire at the time in {_EXPIRY}.")
    specification = f"Enabled=true,AttributeName={_EXPIRY}"
    options = ("--table-name", table, "--time-to-live-specification", specification)
    return failure(
        f"No row of {table} expires, because its time to live is {ttl['TimeToLiveStatus'].lower()}.",
        f"`{line('aws', 'dynamodb', 'update-time-to-live', *options)}`",
    )


def senders(examination: Examination) -> Finding:
    """Check that a callback token is live, other than those of a doctor, and that none expires soon."""
    now = datetime.now(UTC)
    ends = _last_expiry(list_tokens(examination.tables.tokens), now)
    command = examination.deployment.command
    if not ends:
        return failure(
            "No callback token is live, so every callback is refused.",
            f"`{command('token create', options=['--label', 'production'])}`",
        )
    for label, end in ends.items():
        if end < iso(now + _SOON):
            return warning(
                f"The last callback token of label {label} expires at {moment(end, with_zone=True)}. "
                "Callbacks that come later are refused and not kept.",
                f"`{command('token rotate', label, options=['--expires', '90d'])}`, "
                "and give the new URL to Tavus",
            )
    return ok(f"Valid tokens: {', '.join(ends)}.")


def _last_expiry(tokens: Iterable[TokenRecord], now: datetime) -> dict[str, str]:
    """Return the labels of live callback tokens, and when the last token of each expires."""
    ends: dict[str, str] = {}
    for token in sorted(tokens, key=lambda token: token.label):
        if token.is_live(now) and token.scope == "callback" and not is_doctors(token.label):
            ends[token.label] = max(token.expires_at or _NEVER, ends.get(token.label, ""))
    return ends
