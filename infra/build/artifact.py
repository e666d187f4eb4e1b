#!/usr/bin/env python3
"""Builds what one function ships to Lambda, on any machine, for the runtime that template.yaml declares.

Plain `sam build` ships no bytecode and whatever pip finds. This takes the locked wheels of the target, leaves
out what nobody reads at run time and compiles ahead. It may be the first thing that runs on a machine, so it
stands on the standard library alone; hence it reads template.yaml by line: YAML is not in there, and the
library that sam has is out of reach. The wheels of a lock are prepared once, below .aws-sam/packages, and
copied for each function.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import trim

ROOT = Path(__file__).resolve().parents[2]
OURS = ROOT / "functions" / "tavus_callbacks"
# Beside what sam writes; `sam build` leaves it alone, and removing it costs a download only.
PREPARED = ROOT / ".aws-sam" / "packages"
PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
# What a function ships unless its Metadata says `Requirements: <another lock>`.
REQUIREMENTS = "requirements/lambda.txt"
# Metadata is read for plugins and optional e-mail checks only, and this code has neither.
UNREAD = ("bin", "*.dist-info", "**/tests", "**/__pycache__", "**/*.pyi", "**/py.typed")
# Zip files know no time before 1980; a day later is safe in every time zone.
LONG_AGO = 315_619_200
WHO = "import sys; v = sys.version_info; print(f'{v[0]}.{v[1]}', v[3], sys.executable)"
NO_BYTECODE = (
    "No Python {python} here and uv could not fetch it, so the package has no bytecode and a cold start "
    "imports for 890 ms instead of 390: install it (for example `uv python install {python}`) and build "
    "again.\n"
)


class BuildError(Exception):
    """What stops the build, and what to do next."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the artifact must run on: a minor version such as "3.13", a platform tag of wheels, their lock."""

    python: str
    platform: str
    requirements: str


def main(function: str, artifacts_dir: str) -> None:
    """Fill the empty folder `artifacts_dir` with what `function`, a logical id of template.yaml, needs."""
    target = read_target(ROOT / "template.yaml", function)
    build(target, Path(artifacts_dir).resolve(), trimmed=os.environ.get("TRIM") != "0")


def build(target: Target, directory: Path, *, trimmed: bool = True) -> None:
    """Fill a folder for a target; untrimmed it has the whole of botocore and boto3."""
    shutil.copytree(packages(target, trimmed=trimmed), directory, dirs_exist_ok=True)
    shutil.copytree(OURS, directory / OURS.name)
    remove_unread(directory / OURS.name)
    if find_python(target.python) is None:
        # To standard output: of a build that succeeds, sam shows nothing else.
        sys.stdout.write(NO_BYTECODE.format(python=target.python))
    compile_ahead(target, directory, directory / OURS.name)
    make_reproducible(directory)


def packages(target: Target, *, trimmed: bool) -> Path:
    """Return the folder of a target's packages, ready to be copied; prepared where it is not there yet."""
    words = trim.words_of(OURS / "aws" / "clients.py") if trimmed else frozenset()
    folder = PREPARED / _digest(target, trimmed, sorted(words))
    if not folder.exists():
        PREPARED.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PREPARED) as making:
            directory = Path(making) / "packages"
            install_wheels(target, directory)
            remove_unread(directory)
            if trimmed:
                trim.trim(directory, words)
            compile_ahead(target, directory, directory)
            _rename(directory, folder)
    return folder


def _digest(target: Target, *state: object) -> str:
    """Name what a folder of packages is made of: their lock, this code, the Python that compiles."""
    read = [ROOT / target.requirements, Path(__file__), Path(trim.__file__)]
    made_of = [target, find_python(target.python), *state, *(path.read_bytes() for path in read)]
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]


def _rename(directory: Path, folder: Path) -> None:
    try:
        directory.rename(folder)
    except OSError:
        # Another build at the same time was quicker: what it made is the same.
        if not folder.exists():
            raise


def read_target(template: Path, function: str) -> Target:
    """Read runtime and architecture of a function; both must be plain lines of its own."""
    if not template.exists():
        raise BuildError(f"{template} is missing: run sam build with build_in_source = true (samconfig.toml)")
    block = re.search(rf"^  {re.escape(function)}:\n((?:   .*\n|\s*\n)+)", template.read_text(), re.MULTILINE)
    if block is None:
        raise BuildError(f"template.yaml has no resource {function}")
    python = _line_of(function, block[1], r"Runtime: python(3\.\d+)", "Runtime: python3.13")
    architecture = _line_of(
        function, block[1], r"Architectures: \[(arm64|x86_64)\]", "Architectures: [arm64]"
    )
    locked = re.search(r"^ +Requirements: (\S+) *$", block[1], re.MULTILINE)
    return Target(python, PLATFORMS[architecture], locked[1] if locked else REQUIREMENTS)


def _line_of(function: str, block: str, pattern: str, example: str) -> str:
    found = re.search(rf"^ +{pattern} *$", block, re.MULTILINE)
    if found is None:
        raise BuildError(f"template.yaml: {function} needs a line of its own like `{example}`")
    return found[1]


def install_wheels(target: Target, directory: Path) -> None:
    """Unpack the locked wheels of the target; only wheels can be had for a machine that this is not."""
    wheels = ["--platform", target.platform, "--implementation", "cp", "--python-version", target.python]
    locked = [
        "--only-binary=:all:",
        "--no-deps",
        "--require-hashes",
        "-r",
        str(ROOT / target.requirements),
    ]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    command = [sys.executable, "-m", "pip", "install", *quiet, *wheels, *locked, "--target", str(directory)]
    # People who guard their system's Python with these settings mean it, but this touches a folder only.
    if _run(command, PIP_REQUIRE_VIRTUALENV="0", PIP_USER="0").returncode:
        raise BuildError("pip could not fetch the locked wheels: its words are above")


def remove_unread(directory: Path) -> None:
    """Remove what no import and no call reads: it would only be fetched at every cold start."""
    for path in [path for pattern in UNREAD for path in directory.glob(pattern)]:
        trim.remove(path)


def compile_ahead(target: Target, directory: Path, part: Path) -> None:
    """Add bytecode to a part of an artifact, used as it is whatever the times of files.

    Only the same minor version can make it; without one this does nothing.
    """
    python = find_python(target.python)
    if python is None:
        return
    how = ["--invalidation-mode", "unchecked-hash", "-s", str(directory), "-p", "/var/task"]
    command = [python, "-m", "compileall", "-q", *how, str(part)]
    if _run(command, PYTHONHASHSEED="0").returncode:
        raise BuildError("compileall failed: its words are above")


@cache
def find_python(version: str) -> str | None:
    """Return a released Python of exactly that minor version, fetched if need be, or None."""
    for candidate in _pythons(version):
        # A shim of pyenv answers only to the version that is chosen; others do not read this.
        answer = _run([candidate, "-I", "-c", WHO], capture=True, PYENV_VERSION=version)
        if answer.returncode == 0 and answer.stdout.startswith(f"{version} final "):
            return answer.stdout.split(maxsplit=2)[2].strip()
    return None


def _pythons(version: str) -> Iterator[str]:
    yield sys.executable
    for folder in os.get_exec_path():
        if python := shutil.which(f"python{version}", path=folder):
            yield python
    if uv := shutil.which("uv") or shutil.which("uv", path=ROOT / ".venv" / "bin"):
        find = [uv, "python", "find", "--managed-python", "--no-python-downloads", version]
        yield from _run(find, capture=True).stdout.splitlines()
        # Not there at all: uv keeps what it fetches for the next build, and where it cannot, says so here.
        _run([uv, "python", "install", "--no-bin", version], capture=True)
        yield from _run(find, capture=True).stdout.splitlines()


def make_reproducible(directory: Path) -> None:
    """Level times, and modes too: with a private umask Lambda could not read the files."""
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (LONG_AGO, LONG_AGO))


def _run(
    command: list[str], *, capture: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(  # noqa: S603 - a list without a shell, made of this file's own words and paths
        command, env=env, capture_output=capture, text=True, check=False
    )


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BuildError as error:
        sys.exit(f"infra/build: {error}")
