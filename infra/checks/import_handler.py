#!/usr/bin/env python3
"""Imports a handler and every native module of a built artifact: `import_handler.py ARTIFACT MODULE`.

It runs with the artifact and the standard library only, as in Lambda.
"""

import importlib
import platform
import sys
from pathlib import Path


def main(artifact: Path, handler: str) -> None:
    """Import everything from the artifact, and print a line about the machine that did it."""
    sys.path.insert(0, str(artifact))
    names = sorted(module_name(path.relative_to(artifact)) for path in artifact.rglob("*.so"))
    for name in (handler, *names):
        importlib.import_module(name)
    words = [artifact.name, handler, platform.machine(), platform.python_version(), *names]
    sys.stdout.write(" ".join(words) + "\n")


def module_name(path: Path) -> str:
    """Return the name of a native module such as `pydantic_core/_pydantic_core.cpython-313-….so`."""
    return ".".join([*path.parent.parts, path.name.partition(".")[0]])


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
