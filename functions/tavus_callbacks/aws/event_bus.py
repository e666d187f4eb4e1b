"""The stack's event bus: pushes go onto it, and rules take them from there to the team's own code."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.pushes.push import SOURCE, Push

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

# Of one request: entries, and bytes of details. AWS raised its limit to 1 MB in 2026; nothing here needs it.
_ENTRIES, _BYTES = 10, 250 * 1024
_TRIES = 3
# Characters that EventBridge takes; an event type may have 200, and the detail has all of them.
_LONGEST_TYPE = 128


@dataclass(frozen=True, slots=True)
class Bus:
    """The bus."""

    client: "EventBridgeClient"
    name: str

    def put(self, pushes: Iterable[Push]) -> None:
        """Put pushes; raises StoreDown where one is not certainly there, and then each may be."""
        waiting = [self._entry(push) for push in pushes]
        for _ in range(_TRIES):
            refused = [self._refused(request) for request in _requests(waiting)]
            waiting = [entry for entry, _ in chain.from_iterable(refused)]
            if not waiting:
                return
        raise StoreDown(next(why for each in refused for _, why in each))

    def _entry(self, push: Push) -> dict[str, Any]:
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": push.type[:_LONGEST_TYPE],
            "Detail": push.detail(),
        }

    def _refused(self, request: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
        """Put entries and return those that were not taken, each with the code that says why."""
        with store_down():
            answer = self.client.put_events(Entries=list(request))  # type: ignore[arg-type]  # made above
        codes = (one.get("ErrorCode") for one in answer["Entries"])
        return [(entry, code) for entry, code in zip(request, codes, strict=True) if code]


def _requests(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    request: list[dict[str, Any]] = []
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
