"""The tokens table as a function uses it: tokens are looked up by digest and remembered for a minute.

While the store does not answer, a remembered token stays valid for longer.
"""

import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.common.digests import WHOLE, digest
from tavus_callbacks.domain.common.errors import Refused, StoreDown
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.common.token import Scope, TokenRecord, is_well_formed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

# A revoked token is refused after this time while the store answers …
FRESH = timedelta(minutes=1)
# … and after this time while it does not.
GRACE = timedelta(minutes=15)
# The same sentence for every reason, so that a stranger learns nothing from the answer.
REFUSAL = "No valid token of the right scope. Create one with `tavus-callbacks token create`."
# How exactly `token list` shows the last use: one small write an hour and runtime.
USE_RESOLUTION = timedelta(hours=1)


class _Remembered:
    __slots__ = ("looked_up_at", "record", "use_noted_at")

    def __init__(self, record: TokenRecord, looked_up_at: datetime, use_noted_at: datetime | None) -> None:
        self.record, self.looked_up_at, self.use_noted_at = record, looked_up_at, use_noted_at


class Tokens:
    """The tokens of the stack; a function looks them up and never makes one."""

    def __init__(
        self,
        client: "DynamoDBClient",
        tokens_table: str,
        events_table: str,
        clock: "Callable[[], datetime]" = now,
    ) -> None:
        self.tokens, self.events, self.clock = Table(client, tokens_table), Table(client, events_table), clock
        self._remembered: dict[str, _Remembered] = {}

    def authenticate(self, token: str, scope: Scope) -> TokenRecord:
        """Return the record of a live token; raises Refused, or StoreDown if the token is not remembered."""
        if not is_well_formed(token):
            raise Refused(REFUSAL, "malformed")
        token_digest, at = digest(token, WHOLE), self.clock()
        record = self._find(token_digest, at)
        if record is None or not hmac.compare_digest(record.digest, token_digest):
            raise Refused(REFUSAL, "unknown")
        refusal = record.refusal(scope, at)
        if refusal is not None:
            raise Refused(REFUSAL, refusal)
        return record

    def note_use(self, record: TokenRecord) -> str | None:
        """Store that a token is used, at most once an hour, in a row of the events table.

        Returns the error code if the store is down: the request goes on without the note.
        """
        remembered, at = self._remembered.get(record.digest), self.clock()
        if remembered is None:
            return None
        if remembered.use_noted_at is not None and at - remembered.use_noted_at < USE_RESOLUTION:
            return None
        try:
            self.events.put({**keys.token_use(record.token_id), "type": "use", "used_at": iso(at)})
        except StoreDown as error:
            return str(error)
        remembered.use_noted_at = at
        return None

    def _find(self, token_digest: str, at: datetime) -> TokenRecord | None:
        """Return the remembered record of a token, or look it up."""
        remembered = self._remembered.get(token_digest)
        if remembered and at - remembered.looked_up_at < FRESH:
            return remembered.record
        try:
            item = self.tokens.get({"token_digest": token_digest}, consistent=True)
        except StoreDown:
            if remembered and at - remembered.looked_up_at < GRACE:
                return remembered.record
            raise
        if item is None:
            self._remembered.pop(token_digest, None)
            return None
        # A newer command line may store more of a token than this version reads.
        fields = {name: item[name] for name in TokenRecord._fields if name in item}
        record = TokenRecord(digest=item["token_digest"], **fields)
        self._remembered[token_digest] = _Remembered(
            record, at, remembered.use_noted_at if remembered else None
        )
        return record
