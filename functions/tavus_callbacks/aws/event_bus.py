"""The stack's event bus. Pushes are put onto it, and its rules deliver them to your code."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down, store_error
from tavus_callbacks.domain.pushes.push import SOURCE, Push

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

# Limits of one request: entries, and bytes of details. AWS raised its limit to 1 MB in 2026; nothing here
# needs that.
_ENTRIES, _BYTES = 10, 250 * 1024
_ATTEMPTS = 3
# Characters that EventBridge accepts. An event type may have 200; the detail has all of them.
_LONGEST_TYPE = 128

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventBus:
    """The bus by its name."""

    client: "EventBridgeClient"
    name: str

    def put(self, pushes: Iterable[Push]) -> None:
        """Put pushes; raises StoreDown if one may not have arrived, even if others have."""
        waiting: list[Entry] = [
            {
                "EventBusName": self.name,
                "Source": SOURCE,
                "DetailType": push.type[:_LONGEST_TYPE],
                "Detail": push.detail(),
            }
            for push in pushes
        ]
        codes: list[str] = []
        for _ in range(_ATTEMPTS):
            refused: list[tuple[Entry, str]] = []
            for request in _requests(waiting):
                with store_down():
                    answer = self.client.put_events(Entries=request)  # type: ignore[arg-type]  # made above
                results = zip(request, answer["Entries"], strict=True)
                refused += [(entry, each["ErrorCode"]) for entry, each in results if each.get("ErrorCode")]
            waiting, codes = [entry for entry, _ in refused], [code for _, code in refused]
            if not waiting:
                return
        # An outage first: the entries that are at fault themselves come again with the others.
        raise max(map(store_error, codes), key=attrgetter("is_outage"))


def _requests(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Divide entries into requests within the limits."""
    request: list[Entry] = []
    size = 0
    for entry in entries:
        more = len(entry["Detail"].encode())
        if request and (len(request) == _ENTRIES or size + more > _BYTES):
            yield request
            request, size = [], 0
        request.append(entry)
        size += more
    if request:
        yield request
