"""The stack's bucket of recordings, the only one that is ever read."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code, store_down
from tavus_callbacks.domain.callbacks.recording_owner import other_form
from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as HEAD describes it; `size` in bytes."""

    key: str
    size: int
    content_type: str | None
    version: str | None
    storage_class: str | None
    modified_at: datetime

    def to_map(self) -> dict[str, Any]:
        """Return the attributes that a recording's row stores."""
        members = asdict(self) | {"modified_at": iso(self.modified_at)}
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class RecordingsBucket:
    """The bucket by its name."""

    client: "S3Client"
    name: str

    def remove(self, key: str, version: str) -> None:
        """Delete one version of an object for good, whether it exists or not."""
        with store_down():
            self.client.delete_object(Bucket=self.name, Key=key, VersionId=version)

    def find(self, key: str) -> StoredObject | None:
        """Look for an object under its key, then under the key's other form; raises StoreDown."""
        return self._head(key) or self._head(other_form(key))

    def _head(self, key: str) -> StoredObject | None:
        with store_down():
            try:
                answer = self.client.head_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if error_code(error) in ("404", "NoSuchKey"):
                    return None
                raise
        # An archived object with a readable copy counts as readable (header `x-amz-restore`).
        is_restored = 'ongoing-request="false"' in answer.get("Restore", "")
        return StoredObject(
            key=key,
            size=answer["ContentLength"],
            content_type=answer.get("ContentType"),
            version=answer.get("VersionId"),
            storage_class=None if is_restored else answer.get("StorageClass"),
            modified_at=answer["LastModified"],
        )
