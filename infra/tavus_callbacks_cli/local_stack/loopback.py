"""The address that every listener of a local stack uses, and the check of the Host header."""

HOST = "127.0.0.1"
# The port of a local stack, unless an option names another one.
DEFAULT_PORT = 8787


def is_loopback(host: str, port: int | str) -> bool:
    """Tell whether a Host header is a loopback name with the port; a rebound DNS name is not."""
    return host.lower() in {f"{name}:{port}" for name in (HOST, "localhost", "[::1]")}
