"""An API that may be busy for a while: a request is repeated until it is answered, or for five minutes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tavus_callbacks_cli.operations.events import PATIENCE, ask_patiently
from tavus_callbacks_cli.targets.api_client import ApiClient, Unavailable

T = TypeVar("T")


@dataclass(slots=True)
class PatientApi:
    """Reads from an API as ApiClient does; `report` gets a sentence for each pause."""

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
        try:
            answer = ask_patiently(request, self.report, patience=PATIENCE, is_first=not self._has_answered)
        except Unavailable as error:
            if error.status is None and not self._has_answered:
                raise
            raise Unavailable(
                f"{error.message} Start the same command again later: it continues where it stopped."
            ) from error
        self._has_answered = True
        return answer
