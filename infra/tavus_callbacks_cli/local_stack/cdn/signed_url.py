"""What CloudFront checks of a signed URL with a canned policy, written apart from the code that signs.

The policy is built again from the URL as it came over the wire, without the signing parameters, so a link
whose encoding changed on its way is refused here as there. Codes and sentences are CloudFront's.
Source: "Create a signed URL using a canned policy" of the AWS documentation.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_SIGNING = ("Expires", "Signature", "Key-Pair-Id", "Policy", "Hash-Algorithm")
_HASHES = ("SHA1", "SHA256")
_FROM_CLOUDFRONT = str.maketrans("-_~", "+=/")


class Refused(Exception):
    """CloudFront's 403: its code and sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """A URL without its signing parameters, and these, as they came."""

    url: str
    query: str
    signing: Mapping[str, str]


def read_target(base_url: str, path: str, query: str) -> Asked:
    """Take the signing parameters out of a query; nothing is decoded, the others stay, empty ones too."""
    parts = query.split("&") if query else []
    signing = {name: value for name, _, value in (part.partition("=") for part in parts) if name in _SIGNING}
    kept = [part for part in parts if part.partition("=")[0] not in _SIGNING]
    others = "&".join(kept)
    return Asked(f"{base_url}{path}{'?' if kept else ''}{others}", others, signing)


def verify(asked: Asked, keys: "Mapping[str, EllipticCurvePublicKey]", now: float) -> None:
    """Raise Refused unless one of the trusted keys signed the URL for a time that is not over."""
    key = _key(asked, keys)
    if "Policy" in asked.signing:
        # It would count instead of Expires, and this project signs none.
        raise Refused("MalformedPolicy", "Malformed Policy")
    expires = asked.signing.get("Expires", "")
    if not (expires.isascii() and expires.isdigit()):
        raise Refused("MissingParameter", "Missing Expires or Policy query parameter or cookie value")
    _verify_signature(asked, key, expires)
    if now >= int(expires):
        raise Refused("AccessDenied", "Access denied")


def _key(asked: Asked, keys: "Mapping[str, EllipticCurvePublicKey]") -> "EllipticCurvePublicKey":
    key_id = asked.signing.get("Key-Pair-Id")
    if not key_id:
        raise Refused("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
    if key_id not in keys:
        raise Refused("InvalidKey", "Unknown Key")
    return keys[key_id]


def _verify_signature(asked: Asked, key: "EllipticCurvePublicKey", expires: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    algorithm = asked.signing.get("Hash-Algorithm", "SHA1")
    if algorithm not in _HASHES:
        raise Refused("AccessDenied", "Access denied")
    digest = hashes.SHA256() if algorithm == "SHA256" else hashes.SHA1()  # noqa: S303  # nosec B303  # CloudFront's default
    try:
        key.verify(_signature(asked), _canned_policy(asked.url, expires), ec.ECDSA(digest))
    except InvalidSignature:
        raise Refused("AccessDenied", "Access denied") from None


def _signature(asked: Asked) -> bytes:
    sent = asked.signing.get("Signature", "")
    if not sent:
        raise Refused("MissingSignature", "Missing Signature query parameter or cookie value")
    try:
        return base64.b64decode(sent.translate(_FROM_CLOUDFRONT), validate=True)
    except binascii.Error:
        raise Refused("MalformedSignature", "Could not unencode Signature") from None


def _canned_policy(url: str, expires: str) -> bytes:
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}'
    return f'{{"Statement":[{{"Resource":"{url}","Condition":{condition}}}]}}'.encode()
