"""Builds the packages to compare: ours for this machine, and baselines as their documentation builds them."""

import dataclasses
import importlib.util
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.rie import Tools

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".aws-sam" / "bench"
BASELINES = Path(__file__).with_name("baselines")
LOCK = ROOT / "requirements" / "bench.txt"

_TEXTBOOK = """
    annotated-types aws-lambda-powertools aws-xray-sdk boto3 botocore jmespath pydantic pydantic-core
    python-dateutil s3transfer six typing-extensions typing-inspection urllib3 wrapt
"""
_FLASK = "blinker click flask gunicorn itsdangerous jinja2 markupsafe werkzeug"
_CLIENT = "awslambdaric simplejson snapshot-restore-py"


def artifact() -> ModuleType:
    """Return the build's own module: infra/build/artifact.py."""
    sys.path.insert(0, str(ROOT / "infra" / "build"))
    spec = importlib.util.spec_from_file_location("artifact", ROOT / "infra" / "build" / "artifact.py")
    if spec is None or spec.loader is None:
        raise ImportError("infra/build/artifact.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["artifact"] = module
    spec.loader.exec_module(module)
    return module


@dataclasses.dataclass(frozen=True, slots=True)
class Packages:
    """Folders as Lambda unpacks them; `target` holds ours for the architecture of a deployment."""

    ours: Path
    signing: Path
    textbook: Path
    imports: Path
    flask: Path
    target: dict[str, Path]
    tools: Tools


def package(function: str, name: str) -> tuple[str, Path]:
    """Build what a function ships, for this machine's processor; return its Python and its folder.

    Raises LookupError without a Python of the version in template.yaml.
    """
    build = artifact()
    target, folder = _here(build, function), FOLDER / name
    python = build.find_python(target.python)
    if python is None:
        raise LookupError(
            f"Python {target.python} is missing, which template.yaml declares. "
            f"Install it, for example with `uv python install {target.python}`."
        )
    shutil.rmtree(folder, ignore_errors=True)
    build.build(target, folder)
    return python, folder


def _here(build: ModuleType, function: str) -> Any:
    """Return the target of a function with this machine's processor."""
    target = build.read_target(ROOT / "template.yaml", function)
    return dataclasses.replace(target, platform=_platform(build))


def prepare() -> Packages:
    """Build everything again, except for wheels that exist."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    build = artifact()
    deployed = {name: build.read_target(ROOT / "template.yaml", name) for name in _functions()}
    python, ours = package("ReceiveFunction", "ours")
    _, signing = package("ReadFunction", "signing")
    for name in ("ReceiveFunction", "ReadFunction"):
        build.build(deployed[name], FOLDER / name)
    textbook = _install(python, "textbook", _TEXTBOOK, compiled=False)
    shutil.copy(BASELINES / "textbook" / "app.py", textbook)
    return Packages(
        ours=ours,
        signing=signing,
        textbook=textbook,
        imports=build.packages(_here(build, "ReceiveFunction"), trimmed=False),
        flask=_install(python, "flask", _FLASK, compiled=True),
        target={name: FOLDER / name for name in ("ReceiveFunction", "ReadFunction")},
        tools=Tools(_emulator(), _install(python, "client", _CLIENT, compiled=True), python),
    )


def _functions() -> list[str]:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    return re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function$", template, re.MULTILINE)


def _platform(build: ModuleType) -> str:
    architecture = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    return str(build.PLATFORMS[architecture])


def _emulator() -> Path:
    """Return AWS's emulator, which comes with the SAM command line."""
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    emulators = sorted(
        (ROOT / ".venv-sam").glob(f"lib/*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}")
    )
    if not emulators:
        raise LookupError("the Runtime Interface Emulator is missing: `infra/checks/venv sam` installs it")
    # The file in the environment may not be executable, and it is not ours to change.
    emulator = FOLDER / "aws-lambda-rie"
    shutil.copy(emulators[0], emulator)
    emulator.chmod(0o755)
    return emulator


def _install(python: str, name: str, packages: str, *, compiled: bool) -> Path:
    """Install locked packages into a folder; plain `sam build` unpacks wheels without compiling."""
    folder = FOLDER / name
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
        lock.write("".join(_locked(package) for package in packages.split()))
        lock.flush()
        how = [
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary=:all:",
            "--no-deps",
            "--require-hashes",
        ]
        compiling = "--compile" if compiled else "--no-compile"
        command = [python, "-m", "pip", "install", *how, compiling, "-r", lock.name, "--target", str(folder)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # noqa: S603 - our own words
    return folder


def _locked(package: str) -> str:
    match = re.search(
        rf"^{re.escape(package)}==.*\n(?:    .*\n)*", LOCK.read_text(encoding="utf-8"), re.MULTILINE
    )
    if match is None:
        raise LookupError(f"requirements/bench.txt has no {package}: make lock")
    return re.sub(r"^    #.*\n", "", match[0], flags=re.MULTILINE)


def zipped(folder: Path) -> int:
    """Return the size of a folder as `sam deploy` zips it, in bytes."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.tell()
