"""The secret that signs pushes. It is read again every minute, because it can be rotated."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code, store_down
from tavus_callbacks.domain.common.timestamps import now

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# A new secret is used within a minute, and Secrets Manager may return the value before for a few seconds.
FRESH_FOR = timedelta(seconds=50)


@dataclass(slots=True)
class PushSecret:
    """The secret's versions. The previous one signs too, until your server has the new one."""

    client: "SecretsManagerClient"
    name: str
    clock: Callable[[], datetime] = now
    _versions: tuple[str, ...] = ()
    _read_at: datetime | None = None

    def versions(self) -> tuple[str, ...]:
        """Return the current version, and the previous one if there is one; raises StoreDown."""
        at = self.clock()
        if self._read_at is None or at - self._read_at > FRESH_FOR:
            versions = (self._read_version("AWSCURRENT"), self._read_version("AWSPREVIOUS"))
            self._versions, self._read_at = tuple(filter(None, versions)), at
        return self._versions

    def _read_version(self, stage: str) -> str | None:
        with store_down():
            try:
                return self.client.get_secret_value(SecretId=self.name, VersionStage=stage)["SecretString"]
            except ClientError as error:
                if stage == "AWSPREVIOUS" and error_code(error) == "ResourceNotFoundException":
                    return None
                raise
