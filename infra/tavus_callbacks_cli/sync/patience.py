"""An API that may be busy for a while: a request is repeated until it is answered, or for five minutes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from tavus_callbacks_cli.operations.events import PATIENCE, ask_patiently
from tavus_callbacks_cli.targets.api_client import ApiClient, Unavailable

T = TypeVar("T")


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
        def ask() -> T:
            try:
                answer = request()
            except Unavailable as error:
                # A wrong address never answers, and nobody waits five minutes to learn that.
                if error.status is None and not self._has_answered:
                    raise click.ClickException(error.message) from error
                raise
            self._has_answered = True
            return answer

        try:
            return ask_patiently(ask, self.report, patience=PATIENCE)
        except Unavailable as error:
            raise Unavailable(
                f"{error.message} Start the same command again later: it continues where it stopped."
            ) from error
