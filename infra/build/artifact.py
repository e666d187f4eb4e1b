#!/usr/bin/env python3
"""Builds what one function ships to Lambda, on any machine, for the runtime that template.yaml declares.

Plain `sam build` ships no bytecode and whatever pip finds. This takes the locked wheels of the target, leaves
out what nobody reads at run time and compiles ahead. It may be the first thing that runs on a machine, so it
stands on the standard library alone; hence it reads template.yaml by line: YAML is not in there, and the
library that sam has is out of reach.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
# What a function ships unless its Metadata says `Requirements: <another lock>`.
REQUIREMENTS = "requirements/lambda.txt"
# Metadata is read for plugins and optional e-mail checks only, and this code has neither.
UNREAD = ("bin", "*.dist-info", "**/tests", "**/__pycache__", "**/*.pyi", "**/py.typed")
# Zip files know no time before 1980; a day later is safe in every time zone.
LONG_AGO = 315_619_200
WHO = "import sys; v = sys.version_info; print(f'{v[0]}.{v[1]}', v[3], sys.executable)"
NO_BYTECODE = (
    "No Python {python} here, so the package has no bytecode and a cold start imports for 890 ms "
    "instead of 390: install it (for example `uv python install {python}`) and build again.\n"
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
    directory = Path(artifacts_dir).resolve()
    target = read_target(ROOT / "template.yaml", function)
    install_wheels(target, directory)
    shutil.copytree(ROOT / "functions" / "tavus_callbacks", directory / "tavus_callbacks")
    remove_unread(directory)
    compile_ahead(target, directory)
    make_reproducible(directory)


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
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # it may have gone with its folder


def compile_ahead(target: Target, directory: Path) -> None:
    """Add bytecode that is used as it is, whatever the times of files; only the same minor version can."""
    python = find_python(target.python)
    if python is None:
        # To standard output: of a build that succeeds, sam shows nothing else.
        sys.stdout.write(NO_BYTECODE.format(python=target.python))
        return
    how = ["--invalidation-mode", "unchecked-hash", "-s", str(directory), "-p", "/var/task"]
    command = [python, "-m", "compileall", "-q", *how, str(directory)]
    if _run(command, PYTHONHASHSEED="0").returncode:
        raise BuildError("compileall failed: its words are above")


def find_python(version: str) -> str | None:
    """Return a released Python of exactly that minor version, or None."""
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
        how = ["--managed-python", "--no-python-downloads"]
        yield from _run([uv, "python", "find", *how, version], capture=True).stdout.splitlines()


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
