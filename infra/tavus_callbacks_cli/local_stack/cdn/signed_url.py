"""CloudFront's checks of a signed URL with a canned policy, independent of the code that signs.

The policy is rebuilt from the URL as received, without the signing parameters. A link whose encoding changed
on its way is refused, as on AWS. Codes and messages are CloudFront's. Source: "Create a signed URL using a
canned policy" of the AWS documentation.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_SIGNING = ("Expires", "Signature", "Key-Pair-Id", "Policy", "Hash-Algorithm")
_FROM_CLOUDFRONT = str.maketrans("-_~", "+=/")


class Refused(Exception):
    """CloudFront's 403: its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class SignedUrl:
    """A URL without its signing parameters, and these parameters, undecoded."""

    url: str
    query: str
    signing: Mapping[str, str]


def parse_signed_url(base_url: str, path: str, query: str) -> SignedUrl:
    """Separate the signing parameters from a query; nothing is decoded, empty parts stay."""
    parts = query.split("&") if query else []
    signing = {name: value for name, _, value in (part.partition("=") for part in parts) if name in _SIGNING}
    others = [part for part in parts if part.partition("=")[0] not in _SIGNING]
    rest = "&".join(others)
    return SignedUrl(f"{base_url}{path}{'?' if others else ''}{rest}", rest, signing)


def verify(signed: SignedUrl, keys: "Mapping[str, EllipticCurvePublicKey]", now: float) -> None:
    """Raise Refused unless a trusted key signed the URL and it has not expired."""
    key_id = signed.signing.get("Key-Pair-Id")
    if not key_id:
        raise Refused("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
    if key_id not in keys:
        raise Refused("InvalidKey", "Unknown Key")
    if "Policy" in signed.signing:
        # It would count instead of Expires, and this project signs none.
        raise Refused("MalformedPolicy", "Malformed Policy")
    expires = signed.signing.get("Expires", "")
    if not (expires.isascii() and expires.isdigit()):
        raise Refused("MissingParameter", "Missing Expires or Policy query parameter or cookie value")
    _verify_signature(signed, keys[key_id], expires)
    if now >= int(expires):
        raise Refused("AccessDenied", "Access denied")


def _verify_signature(signed: SignedUrl, key: "EllipticCurvePublicKey", expires: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    algorithm = signed.signing.get("Hash-Algorithm", "SHA1")
    if algorithm not in ("SHA1", "SHA256"):
        raise Refused("AccessDenied", "Access denied")
    digest = hashes.SHA256() if algorithm == "SHA256" else hashes.SHA1()  # noqa: S303  # nosec B303  # CloudFront's default
    text = signed.signing.get("Signature", "")
    if not text:
        raise Refused("MissingSignature", "Missing Signature query parameter or cookie value")
    try:
        signature = base64.b64decode(text.translate(_FROM_CLOUDFRONT), validate=True)
    except binascii.Error:
        raise Refused("MalformedSignature", "Could not unencode Signature") from None
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}'
    policy = f'{{"Statement":[{{"Resource":"{signed.url}","Condition":{condition}}}]}}'
    try:
        key.verify(signature, policy.encode(), ec.ECDSA(digest))
    except InvalidSignature:
        raise Refused("AccessDenied", "Access denied") from None
