#!/usr/bin/env python3
"""Builds the package of a function for Lambda, on any machine, for the runtime that template.yaml declares.

Plain `sam build` ships no bytecode and whatever pip resolves. This build takes the locked wheels of the
target, leaves out files that nothing reads at run time, and compiles ahead. It may be the first program that
runs on a machine, so it needs only the standard library. That has no YAML parser, so the build reads
template.yaml by line. The wheels of a lock are prepared once in .aws-sam/packages and copied for each
function.
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
# Files of OURS that a function reads. With `*.py` they are all of OURS that an artifact holds.
DATA = ("openapi.json", "runbooks.md")
# `sam build` does not touch this folder; removing it only costs a download.
PREPARED = ROOT / ".aws-sam" / "packages"
PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
# The lock of a function, unless its Metadata says `Requirements: <another lock>`.
REQUIREMENTS = "requirements/lambda.txt"
# Only plugins and optional e-mail checks read metadata, and this code has neither.
UNREAD = ("bin", "*.dist-info", "**/tests", "**/__pycache__", "**/*.pyi", "**/py.typed")
# Zip files cannot hold times before 1980; a day later is safe in every time zone.
LONG_AGO = 315_619_200
WHO = "import sys; v = sys.version_info; print(f'{v[0]}.{v[1]}', v[3], sys.executable)"
NO_BYTECODE = (
    "No Python {python} here and uv could not fetch it, so the package has no bytecode and a cold start "
    "imports for 890 ms instead of 390: install it (for example `uv python install {python}`) and build "
    "again.\n"
)


class BuildError(Exception):
    """The build cannot continue; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """The runtime of a package: a minor version such as "3.13", a platform tag of wheels, their lock."""

    python: str
    platform: str
    requirements: str


def main(function: str, artifacts_dir: str) -> None:
    """Fill the empty folder `artifacts_dir` with the package of `function`, a logical id of template.yaml."""
    target = read_target(ROOT / "template.yaml", function)
    build(target, Path(artifacts_dir).resolve(), trimmed=os.environ.get("TRIM") != "0")


def build(target: Target, directory: Path, *, trimmed: bool = True) -> None:
    """Fill a folder for a target; untrimmed it has all of botocore and boto3."""
    shutil.copytree(packages(target, trimmed=trimmed), directory, dirs_exist_ok=True)
    copy_ours(directory / OURS.name)
    if find_python(target.python) is None:
        # On stdout: sam shows nothing else of a build that succeeds.
        sys.stdout.write(NO_BYTECODE.format(python=target.python))
    compile_ahead(target, directory, directory / OURS.name)
    make_reproducible(directory)


def copy_ours(directory: Path) -> None:
    """Copy our modules and data files; any other file beside them (.env, .git, a link) stays here."""
    for source in [*our_modules(), *(OURS / name for name in DATA)]:
        if not source.is_file():
            raise BuildError(f"{source} is missing: check it out again, or remove it from DATA in {__file__}")
        copy = directory / source.relative_to(OURS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def our_modules() -> Iterator[Path]:
    """Yield each module that an import statement can name."""
    for path in OURS.rglob("*.py"):
        names = path.relative_to(OURS).with_suffix("").parts
        if all(name.isidentifier() for name in names) and not path.is_symlink():
            yield path


def packages(target: Target, *, trimmed: bool) -> Path:
    """Return the folder of a target's packages; prepare it if it does not exist."""
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
            try:
                directory.rename(folder)
            except OSError:
                # Another build at the same time was faster; its result is the same.
                if not folder.exists():
                    raise
    return folder


def _digest(target: Target, *state: object) -> str:
    """Return a digest of what decides a folder of packages: the lock, this code, the Python that compiles."""
    files = [ROOT / target.requirements, Path(__file__), Path(trim.__file__)]
    inputs = [target, find_python(target.python), *state, *(path.read_bytes() for path in files)]
    return hashlib.sha256(repr(inputs).encode()).hexdigest()[:16]


def read_target(template: Path, function: str) -> Target:
    """Read the runtime and architecture of a function; each must be on a line of its own."""
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
    match = re.search(rf"^ +{pattern} *$", block, re.MULTILINE)
    if match is None:
        raise BuildError(f"template.yaml: {function} needs a line of its own like `{example}`")
    return match[1]


def install_wheels(target: Target, directory: Path) -> None:
    """Unpack the locked wheels of the target; only wheels can be installed for another machine."""
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
    # These settings protect the Python of a system, but this command only fills a folder.
    if _run(command, PIP_REQUIRE_VIRTUALENV="0", PIP_USER="0").returncode:
        raise BuildError("pip could not fetch the locked wheels: see its output above")


def remove_unread(directory: Path) -> None:
    """Remove files that no import and no call reads; every cold start would fetch them."""
    for path in [path for pattern in UNREAD for path in directory.glob(pattern)]:
        trim.remove(path)


def compile_ahead(target: Target, directory: Path, part: Path) -> None:
    """Add bytecode to a part of a package; Python uses it whatever the times of the files.

    This needs a Python of the same minor version; without one it does nothing.
    """
    python = find_python(target.python)
    if python is None:
        return
    how = ["--invalidation-mode", "unchecked-hash", "-s", str(directory), "-p", "/var/task"]
    command = [python, "-m", "compileall", "-q", *how, str(part)]
    if _run(command, PYTHONHASHSEED="0").returncode:
        raise BuildError("compileall failed: see its output above")


@cache
def find_python(version: str) -> str | None:
    """Return a released Python of exactly that minor version, fetched if necessary, or None."""
    for candidate in _pythons(version):
        # A shim of pyenv runs only the version in this variable; other programs ignore it.
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
        # uv stores the Python that it fetches for the next build; if it cannot fetch one, it prints the
        # reason.
        _run([uv, "python", "install", "--no-bin", version], capture=True)
        yield from _run(find, capture=True).stdout.splitlines()


def make_reproducible(directory: Path) -> None:
    """Set the same time on all files, and modes that Lambda can read even after a private umask."""
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
