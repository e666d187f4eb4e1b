"""The private key that signs URLs. The function `keys` makes it; only Secrets Manager holds it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tavus_callbacks.aws.errors import store_down

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def make_private_key() -> str:
    """Make a P-256 key and return it as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_key(private_pem: str) -> str:
    """Return the public half as PEM, as CloudFront takes it."""
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def load_signer(client: "SecretsManagerClient", secret: str) -> Callable[[bytes], bytes]:
    """Read the secret's key; return a function that signs bytes by ECDSA with SHA-256, in DER."""
    with store_down():
        pem = client.get_secret_value(SecretId=secret)["SecretString"]
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the signing key is not an elliptic-curve key")
    return lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))
