"""Files that only this user can read, written whole or appended to."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, BinaryIO


def write_json(path: Path, content: Any) -> None:
    """Write JSON with mode 0600, whole or not at all."""
    replace_file(path, json.dumps(content, indent=2).encode() + b"\n")


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file in one step, with mode 0600. No reader and no kill leaves half a file."""
    name = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException as error:
        if name:
            Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            # A full disk names no file, and the name of the temporary one helps nobody.
            error.filename = str(path)
        raise


def write_file(path: Path, content: bytes) -> None:
    """Write a file that only this user can read, whatever its mode was before.

    A pipe or a device is written to directly. For a symbolic link, the file that it points to is replaced.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
    else:
        replace_file(path.resolve(), content)


def open_append(path: Path) -> BinaryIO:
    """Open a file for appending, created with mode 0600; a wider mode is narrowed before the first write."""
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
    os.fchmod(file.fileno(), 0o600)
    return file
