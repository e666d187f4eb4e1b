"""The Host headers that local listeners accept, so that no web page and no tunnel reaches the read API."""

from urllib.parse import urlsplit

from tavus_callbacks_cli.local_stack.http.gateway import NOT_FOUND
from tavus_callbacks_cli.local_stack.http.payload import Answer, Handle, Request, gateway_answer
from tavus_callbacks_cli.local_stack.loopback import is_loopback

_FORBIDDEN = gateway_answer(403, "Forbidden")
# A proxy adds one of these, so they reveal a tunnel that rewrites Host to localhost. It is unverified which
# of them a given tunnel sends; docs/local-stack.md says so.
_PROXY_HEADERS = {
    b"cf-connecting-ip",
    b"forwarded",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
}


def loopback_only(handle: Handle, port: int) -> Handle:
    """Answer 403 unless the Host is a loopback name with the port."""

    def guarded(request: Request) -> Answer:
        return handle(request) if is_loopback(_host(request), port) else _FORBIDDEN

    return guarded


def api_hosts(handle: Handle, port: int, public_url: str | None) -> Handle:
    """Serve the whole API on loopback and only `/callbacks/` on the public host; refuse other hosts."""
    public = _netloc(public_url) if public_url else None

    def guarded(request: Request) -> Answer:
        host, is_callback = _host(request), request.path.startswith(b"/callbacks/")
        is_local = is_loopback(host, port)
        if not is_local and host.lower() != public:
            return _FORBIDDEN
        if is_callback or (is_local and not is_from_proxy(request)):
            return handle(request)
        return NOT_FOUND

    return guarded


def is_from_proxy(request: Request) -> bool:
    """Tell whether a proxy, such as a tunnel, passed the request on."""
    return any(name.lower() in _PROXY_HEADERS for name, _ in request.headers)


def _netloc(url: str) -> str:
    """Return the Host that a client of the URL sends: without a user, and without a default port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def _host(request: Request) -> str:
    hosts = [value for name, value in request.headers if name.lower() == b"host"]
    return hosts[0].decode("latin-1") if len(hosts) == 1 else ""
