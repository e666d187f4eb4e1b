"""The secret that signs pushes: read from Secrets Manager, again after a while, for it can be rotated."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import code, store_down
from tavus_callbacks.domain.common.timestamps import now

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_FRESH = timedelta(minutes=5)


@dataclass(slots=True)
class PushSecret:
    """The secret's versions: while a target learns the new one, the one before signs too."""

    client: "SecretsManagerClient"
    name: str
    clock: Callable[[], datetime] = now
    _known: tuple[str, ...] = ()
    _read_at: datetime | None = None

    def versions(self) -> tuple[str, ...]:
        """Return the current version and the one before, if there is one; raises StoreDown."""
        at = self.clock()
        if self._read_at is None or at - self._read_at > _FRESH:
            found = (self._version("AWSCURRENT"), self._version("AWSPREVIOUS"))
            self._known, self._read_at = tuple(filter(None, found)), at
        return self._known

    def _version(self, stage: str) -> str | None:
        with store_down():
            try:
                return self.client.get_secret_value(SecretId=self.name, VersionStage=stage)["SecretString"]
            except ClientError as error:
                if stage == "AWSPREVIOUS" and code(error) == "ResourceNotFoundException":
                    return None
                raise
