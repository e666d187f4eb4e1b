"""An API that may be busy for a while: a request is repeated until it is answered, or for five minutes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tavus_callbacks_cli.targets.api_client import ApiClient, Unavailable

T = TypeVar("T")

# Seconds: the first and the longest pause between two attempts, and all pauses for one request.
_FIRST, _LONGEST, _MOST = 1.0, 60.0, 300.0


@dataclass(slots=True)
class PatientApi:
    """Reads from an API as ApiClient does; `report` is told of each pause."""

    api: ApiClient
    report: Callable[[str], object]
    _has_answered: bool = field(default=False, init=False)

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object of an answer; raises click.ClickException."""
        return self._ask(lambda: self.api.get(path, params))

    def content(self, path: str) -> bytes:
        """Return the bytes of an answer; raises click.ClickException."""
        return self._ask(lambda: self.api.content(path))

    def _ask(self, request: Callable[[], T]) -> T:
        pause, waited = _FIRST, 0.0
        while True:
            try:
                answer = request()
            except Unavailable as error:
                # A wrong address never answers, and nobody waits five minutes to learn that.
                if error.status is None and not self._has_answered:
                    raise
                seconds = pause if error.retry_after is None else max(error.retry_after, _FIRST)
                if waited + seconds > _MOST:
                    raise Unavailable(
                        f"{error.message} Start the same command again later: it continues where it stopped."
                    ) from error
                self.report(
                    f"{error.message.removesuffix(' Try again in a moment.')} Waiting {seconds:.0f} s."
                )
                time.sleep(seconds)
                pause, waited = min(2 * pause, _LONGEST), waited + seconds
            else:
                self._has_answered = True
                return answer
