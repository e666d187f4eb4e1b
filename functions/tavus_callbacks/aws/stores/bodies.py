"""Bodies too large for a row, in a bucket of their own: the object is written first, then the row."""

from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.common.compression import unpack
from tavus_callbacks.domain.common.digests import WHOLE, digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from tavus_callbacks.domain.common.compression import Packed

# Stored bytes up to which a row is cheaper than an object. Write units of 1 KB cost $0.625 a million and puts
# $5 a million, so the two meet at 8 KB; a JSON body of about 45 KB deflates to that.
ROW_BODY_LIMIT = 8 * 1024


class Bodies(NamedTuple):
    """The bucket; every method raises StoreDown. The client is made when the first large body comes."""

    bucket: str
    client: "Callable[[], S3Client]" = clients.s3

    def put(self, packed: "Packed", prefix: "Callable[[], str]") -> dict[str, Any]:
        """Return the attributes of a row that has this body. A large one is put under `prefix()` first."""
        attributes = {"encoding": packed.encoding, "body_size": packed.size}
        if len(packed.data) <= ROW_BODY_LIMIT:
            return {**attributes, "body": packed.data}
        return {**attributes, "body_key": self.upload(prefix(), packed.data)}

    def read(self, row: dict[str, Any]) -> bytes:
        """Return the body of a row, from the row or from the bucket."""
        data = bytes(row["body"]) if "body" in row else self.download(row["body_key"])
        return unpack(data, row["encoding"])

    def upload(self, prefix: str, data: bytes) -> str:
        """Put an object under its digest and return its key."""
        key = f"{prefix}/{digest(data, WHOLE)}"
        with store_down():
            self.client().put_object(Bucket=self.bucket, Key=key, Body=data)
        return key

    def remove(self, key: str) -> None:
        """Delete an object, whether it exists or not."""
        with store_down():
            self.client().delete_object(Bucket=self.bucket, Key=key)

    def download(self, key: str) -> bytes:
        """Return the content of an object."""
        with store_down():
            return self.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
