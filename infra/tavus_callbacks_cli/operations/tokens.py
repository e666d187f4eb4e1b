"""Making, listing, rotating and revoking tokens: with the operator's own credentials, never by a function."""

from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import Scope, TokenRecord, digest_token, new_token

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mypy_boto3_dynamodb.service_resource import Table


def _item(record: TokenRecord) -> dict[str, Any]:
    item = {name: value for name, value in record._asdict().items() if value is not None}
    item["token_digest"] = item.pop("digest")
    return item


def _record(item: dict[str, Any]) -> TokenRecord:
    return TokenRecord(digest=item["token_digest"], **{k: v for k, v in item.items() if k != "token_digest"})


def create_token(table: "Table", *, label: str, scope: Scope, now: "datetime") -> str:
    """Keep a new token's digest and return the token itself, which nobody can read again."""
    token = new_token()
    record = TokenRecord(digest=digest_token(token), label=label, scope=scope, created_at=iso(now))
    table.put_item(Item=_item(record), ConditionExpression="attribute_not_exists(token_digest)")
    return token


def list_tokens(table: "Table") -> list[TokenRecord]:
    """Return every record, live or not, oldest first."""
    pages = table.meta.client.get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True)
    records = [_record(item) for page in pages for item in page["Items"]]
    return sorted(records, key=lambda record: (record.created_at, record.digest))


def live_tokens(table: "Table", *, label: str, now: "datetime") -> list[TokenRecord]:
    """Return the label's records that are accepted at `now`."""
    return [record for record in list_tokens(table) if record.label == label and record.is_live(now)]


def rotate_token(table: "Table", *, label: str, grace: "timedelta", now: "datetime") -> str:
    """Make a new token of the label and scope; the ones before it expire after `grace`.

    Raises LookupError where the label has no live token.
    """
    before = live_tokens(table, label=label, now=now)
    if not before:
        raise LookupError(label)
    token = create_token(table, label=label, scope=before[-1].scope, now=now)
    for record in before:
        last = iso(now + grace)
        _put(table, record._replace(expires_at=min(last, record.expires_at or last)))
    return token


def revoke_token(table: "Table", *, label: str, now: "datetime") -> int:
    """Revoke the label's live tokens and return how many; the records stay, so that use is seen."""
    before = live_tokens(table, label=label, now=now)
    for record in before:
        _put(table, record._replace(revoked_at=iso(now)))
    return len(before)


def _put(table: "Table", record: TokenRecord) -> None:
    table.put_item(Item=_item(record), ConditionExpression="attribute_exists(token_digest)")
