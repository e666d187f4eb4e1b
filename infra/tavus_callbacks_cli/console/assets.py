"""The static files of the page."""

from importlib.resources import files

from tavus_callbacks_cli.local_stack.http.payload import Answer

_FOLDER = files("tavus_callbacks_cli.console") / "static"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def asset(name: str) -> Answer | None:
    """Return a static file, or None if there is no file of this name."""
    # The names are listed, so a path cannot leave the folder.
    if name not in {file.name for file in _FOLDER.iterdir()}:
        return None
    content_type = _TYPES[name.rpartition(".")[2]]
    return Answer(200, (("content-type", content_type),), (_FOLDER / name).read_bytes())
