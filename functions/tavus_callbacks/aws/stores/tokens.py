"""Looking tokens up: by digest, remembered a minute, and longer only while the store does not answer."""

import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.domain.common.errors import Refused, StoreDown
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.common.token import Scope, TokenRecord, digest_token, is_well_formed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

# A revoked token is refused after this long while the store answers …
FRESH = timedelta(minutes=1)
# … and after this long while it does not.
GRACE = timedelta(minutes=15)
# One sentence for every reason, so that an answer tells a stranger nothing.
REFUSAL = "No live token of the right scope. `tavus-callbacks token create` makes one."
# How exact `token list` shows the last use: one small write an hour and runtime.
USE_RESOLUTION = timedelta(hours=1)


class _Remembered:
    __slots__ = ("looked_up_at", "record", "use_noted_at")

    def __init__(self, record: TokenRecord, looked_up_at: datetime, use_noted_at: datetime | None) -> None:
        self.record, self.looked_up_at, self.use_noted_at = record, looked_up_at, use_noted_at


class Tokens:
    """The tokens table as a function may use it: to look one up, never to make one."""

    def __init__(
        self,
        client: "DynamoDBClient",
        tokens_table: str,
        events_table: str,
        clock: "Callable[[], datetime]" = now,
    ) -> None:
        self.client, self.tokens_table, self.events_table = client, tokens_table, events_table
        self.clock = clock
        self._remembered: dict[str, _Remembered] = {}

    def authenticate(self, token: str, scope: Scope) -> TokenRecord:
        """Return the live token's record; raises Refused, or StoreDown where nothing remembered helps."""
        if not is_well_formed(token):
            raise Refused(REFUSAL, "malformed")
        given = digest_token(token)
        record = self._record(given)
        if record is None or not hmac.compare_digest(record.digest, given):
            raise Refused(REFUSAL, "unknown")
        refusal = record.refusal(scope, iso(self.clock()))
        if refusal is not None:
            raise Refused(REFUSAL, refusal)
        return record

    def note_use(self, record: TokenRecord) -> str | None:
        """Note that a token was used, at most once an hour, in a row of the events table.

        Returns the failure's code where the store was down: what was asked for is done all the same.
        """
        remembered, at = self._remembered.get(record.digest), self.clock()
        if remembered is None:
            return None
        if remembered.use_noted_at is not None and at - remembered.use_noted_at < USE_RESOLUTION:
            return None
        item = {**keys.token_use(record.token_id), "type": "use", "used_at": iso(at)}
        try:
            with store_down():
                self.client.put_item(TableName=self.events_table, Item=write_item(item))
        except StoreDown as error:
            return str(error)
        remembered.use_noted_at = at
        return None

    def _record(self, token_digest: str) -> TokenRecord | None:
        remembered = self._remembered.get(token_digest)
        age = self.clock() - remembered.looked_up_at if remembered else None
        if remembered and age is not None and age < FRESH:
            return remembered.record
        try:
            return self._look_up(token_digest)
        except StoreDown:
            if remembered and age is not None and age < GRACE:
                return remembered.record
            raise

    def _look_up(self, token_digest: str) -> TokenRecord | None:
        at = self.clock()
        with store_down():
            answer = self.client.get_item(
                TableName=self.tokens_table,
                Key=write_item({"token_digest": token_digest}),
                ConsistentRead=True,
            )
        if "Item" not in answer:
            self._remembered.pop(token_digest, None)
            return None
        item, before = read_item(answer["Item"]), self._remembered.get(token_digest)
        # A newer command line may note more of a token than this runtime knows of.
        known = {name: item[name] for name in TokenRecord._fields if name in item}
        record = TokenRecord(digest=item["token_digest"], **known)
        self._remembered[token_digest] = _Remembered(record, at, before.use_noted_at if before else None)
        return record
