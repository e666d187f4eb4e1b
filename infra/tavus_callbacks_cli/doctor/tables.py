"""Checks of the two tables: point-in-time recovery, the expiry of old rows, and a live callback token."""

from datetime import UTC, datetime

from tavus_callbacks_cli.doctor.examination import Examination, Finding, failure, ok
from tavus_callbacks_cli.output.shell import aws, line
from tavus_callbacks_cli.tokens import list_tokens

_EXPIRY = "expires_at"

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
        return ok("can be restored to any second of the last days")
    return failure(
        f"Point-in-time recovery of {table} is {status.lower()}.",
        f"`{aws('dynamodb update-continuous-backups --table-name', table, *_RECOVERY)}`",
    )


def expiry(examination: Examination) -> Finding:
    """Check that old rows are removed."""
    table = examination.tables.events.name
    answer = examination.deployment.client("dynamodb").describe_time_to_live(TableName=table)
    ttl = answer["TimeToLiveDescription"]
    if ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING") and ttl.get("AttributeName") == _EXPIRY:
        return ok(f"rows go when {_EXPIRY} has passed")
    specification = f"Enabled=true,AttributeName={_EXPIRY}"
    options = ("--table-name", table, "--time-to-live-specification", specification)
    return failure(
        f"Nothing expires in {table}: its time to live is {ttl['TimeToLiveStatus'].lower()}.",
        f"`{line('aws', 'dynamodb', 'update-time-to-live', *options)}`",
    )


def senders(examination: Examination) -> Finding:
    """Check that somebody can send: a callback token other than the doctor's own is live."""
    now = datetime.now(UTC)
    live = [token for token in list_tokens(examination.tables.tokens) if token.is_live(now)]
    labels = {token.label for token in live if token.scope == "callback"} - {examination.probe.label}
    if labels:
        return ok(f"live for {', '.join(sorted(labels))}")
    return failure(
        "No callback token is live: whatever Tavus sends is refused.",
        f"`{examination.deployment.command('token create', options=['--label', 'production'])}`",
    )
