"""Bodies too large for a row lie in a bucket of their own: the object first, the row that names it second."""

from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.common.compression import unpack
from tavus_callbacks.domain.common.digests import WHOLE, digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from tavus_callbacks.domain.common.compression import Packed

# Stored bytes up to which a row is cheaper than an object: at $0.625 a million write units of 1 KB and
# $5 a million puts the two meet at 8 KB; a JSON body of about 45 KB deflates to that.
INLINE_LIMIT = 8 * 1024


class Bodies(NamedTuple):
    """The bodies bucket; the client is asked for when the first large body comes."""

    bucket: str
    client: "Callable[[], S3Client]" = clients.s3

    def attributes(self, packed: "Packed", prefix: "Callable[[], str]") -> dict[str, Any]:
        """Return a row's attributes for its body; puts a large body under `prefix()` into the bucket."""
        attributes = {"encoding": packed.encoding, "body_size": packed.size}
        if len(packed.data) <= INLINE_LIMIT:
            return {**attributes, "body": packed.data}
        return {**attributes, "body_key": self.upload(prefix(), packed.data)}

    def read(self, item: dict[str, Any]) -> bytes:
        """Return the body of a row, wherever it lies."""
        data = bytes(item["body"]) if "body" in item else self.download(item["body_key"])
        return unpack(data, item["encoding"])

    def upload(self, prefix: str, data: bytes) -> str:
        """Put an object under its digest and return its key."""
        key = f"{prefix}/{digest(data, WHOLE)}"
        with store_down():
            self.client().put_object(Bucket=self.bucket, Key=key, Body=data)
        return key

    def remove(self, key: str) -> None:
        """Remove an object of the bucket, whether it is there or not."""
        with store_down():
            self.client().delete_object(Bucket=self.bucket, Key=key)

    def download(self, key: str) -> bytes:
        """Return an object of the bucket."""
        with store_down():
            return self.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
