"""Creates, lists, rotates and revokes tokens with the operator's credentials. No function of a stack can."""

from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.aws.stores import keys
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import Scope, TokenRecord, digest_token, new_token

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mypy_boto3_dynamodb.service_resource import Table


def create_token(
    table: "Table", *, label: str, scope: Scope, now: "datetime", expires_at: str | None = None
) -> str:
    """Store a new token's digest and return the token itself, which nobody can read again."""
    token = new_token()
    record = TokenRecord(digest_token(token), label, scope, created_at=iso(now), expires_at=expires_at)
    _put(table, record, condition="attribute_not_exists(token_digest)")
    return token


def list_tokens(table: "Table") -> list[TokenRecord]:
    """Return every record, live or not, oldest first."""
    pages = table.meta.client.get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True)
    items: list[dict[str, Any]] = [dict(item) for page in pages for item in page["Items"]]
    records = [TokenRecord(digest=item.pop("token_digest"), **item) for item in items]
    return sorted(records, key=lambda record: (record.created_at, record.digest))


def list_token_views(table: "Table", events: "Table", now: "datetime") -> list[dict[str, Any]]:
    """Return every token as JSON, with its status and its last use, which is in the events table."""
    views = []
    for record in list_tokens(table):
        status = "live" if record.is_live(now) else "expired"
        use = events.get_item(Key=keys.token_use(record.token_id)).get("Item")
        views.append(
            {
                "token_id": record.token_id,
                "label": record.label,
                "scope": record.scope,
                "status": "revoked" if record.revoked_at else status,
                "created_at": record.created_at,
                "expires_at": record.expires_at,
                "revoked_at": record.revoked_at,
                "last_used_at": str(use["used_at"]) if use else None,
            }
        )
    return views


def live_tokens(table: "Table", *, label: str, now: "datetime") -> list[TokenRecord]:
    """Return the label's records that are accepted at `now`."""
    return [record for record in list_tokens(table) if record.label == label and record.is_live(now)]


class NoLiveToken(Exception):
    """The label has no live token."""


class Rotation(NamedTuple):
    """A new token, and when it and the one before it expire."""

    token: str
    scope: Scope
    expires_at: str | None
    previous_expires_at: str


def rotate_token(
    table: "Table", *, label: str, grace: "timedelta", now: "datetime", expires_at: str | None = None
) -> Rotation:
    """Create a new token of the label and scope; the earlier ones expire after `grace` at the latest.

    The new one expires as the latest one did, unless `expires_at` is given: a rotation must not give
    anybody access for longer. Raises NoLiveToken.
    """
    before = live_tokens(table, label=label, now=now)
    if not before:
        raise NoLiveToken(label)
    latest, end = before[-1], iso(now + grace)
    expires_at = expires_at or latest.expires_at
    token = create_token(table, label=label, scope=latest.scope, now=now, expires_at=expires_at)
    for record in before:
        _put(table, record._replace(expires_at=_earlier(end, record)))
    return Rotation(token, latest.scope, expires_at, _earlier(end, latest))


def _earlier(end: str, record: TokenRecord) -> str:
    return min(end, record.expires_at or end)


def revoke_token(table: "Table", *, label: str, now: "datetime") -> int:
    """Revoke the label's live tokens and return how many. The records stay, so their use stays visible."""
    before = live_tokens(table, label=label, now=now)
    for record in before:
        _put(table, record._replace(revoked_at=iso(now)))
    return len(before)


def delete_tokens(table: "Table", events: "Table", *, label: str) -> int:
    """Delete the label's records and the rows of their last use; return how many records there were."""
    records = [record for record in list_tokens(table) if record.label == label]
    for record in records:
        # The record last: a repeat after an interruption finds the row of its use by it.
        events.delete_item(Key=keys.token_use(record.token_id))
        table.delete_item(Key={"token_digest": record.digest})
    return len(records)


def _put(table: "Table", record: TokenRecord, *, condition: str = "attribute_exists(token_digest)") -> None:
    item = {name: value for name, value in record._asdict().items() if value is not None}
    item["token_digest"] = item.pop("digest")
    table.put_item(Item=item, ConditionExpression=condition)
