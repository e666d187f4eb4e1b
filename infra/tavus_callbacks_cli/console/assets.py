"""The static files of the page."""

from importlib.resources import files

from tavus_callbacks_cli.console.answers import answer, content_policy
from tavus_callbacks_cli.local_stack.http.payload import Answer

_FOLDER = files("tavus_callbacks_cli.console") / "static"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def asset(name: str, cdn_url: str | None) -> Answer | None:
    """Return a static file, or None if there is no file of this name."""
    # The names are listed, so a path cannot leave the folder.
    if name not in {file.name for file in _FOLDER.iterdir()}:
        return None
    content_type = _TYPES[name.rpartition(".")[2]]
    policy = ("content-security-policy", content_policy(cdn_url))
    return answer(200, content_type, (_FOLDER / name).read_bytes(), policy)
