"""The import contract of `pyproject.toml` reaches every file, and an import reads no environment."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tavus_callbacks

PACKAGE = Path(tavus_callbacks.__file__).parent
ROOT = PACKAGE.parents[1]
DOMAIN = sorted(path for path in (PACKAGE / "domain").rglob("*.py") if path.stem != "__init__")

# A file that breaks a rule, its text, and what the report says about it.
VIOLATIONS = {
    "an AWS library in the domain": (
        "tavus_callbacks/domain/conversations/new/deep/boto.py",
        "import boto3",
        "tavus_callbacks.domain.conversations.new.deep.boto -> boto3",
    ),
    "a lazy import up the order of the domain": (
        "tavus_callbacks/domain/common/new/lazy.py",
        "def f():\n    from tavus_callbacks.domain.pushes import push\n    return push",
        "tavus_callbacks.domain.common.new.lazy -> tavus_callbacks.domain.pushes.push",
    ),
    "an import for type checking up the layers": (
        "tavus_callbacks/domain/events/new/typed.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tavus_callbacks.aws import clients",
        "tavus_callbacks.domain.events.new.typed -> tavus_callbacks.aws.clients",
    ),
    "a handler called by a store": (
        "tavus_callbacks/aws/stores/new/calls.py",
        "from tavus_callbacks.handlers import receive",
        "tavus_callbacks.aws.stores.new.calls -> tavus_callbacks.handlers.receive",
    ),
    "output that knows the functions": (
        "tavus_callbacks_cli/output/new/knows.py",
        "from tavus_callbacks.domain.common import timestamps",
        "tavus_callbacks_cli.output.new.knows -> tavus_callbacks.domain.common.timestamps",
    ),
    "the local stack in an operation": (
        "tavus_callbacks_cli/operations/new/local.py",
        "from tavus_callbacks_cli.local_stack import stack",
        "tavus_callbacks_cli.operations.new.local -> tavus_callbacks_cli.local_stack.stack",
    ),
    "a circle of folders": (
        "tavus_callbacks/outbound/new/deep/ring.py",
        "def f():\n    from tavus_callbacks.outbound.new import ring",
        "No cycles are allowed in tavus_callbacks.outbound.new.",
    ),
    "its other half": (
        "tavus_callbacks/outbound/new/ring.py",
        "from tavus_callbacks.outbound.new.deep import ring",
        "No cycles are allowed in tavus_callbacks.outbound.new.",
    ),
    "a new layer": ("tavus_callbacks/helpers/any.py", "", "- tavus_callbacks.helpers"),
    "a new room of the domain": ("tavus_callbacks/domain/misc/any.py", "", "- tavus_callbacks.domain.misc"),
    "a new room of the command line": (
        "tavus_callbacks_cli/extras/any.py",
        "",
        "- tavus_callbacks_cli.extras",
    ),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return what import-linter says of a copy of the tree with one file more for each violation."""
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("functions/tavus_callbacks", "infra/tavus_callbacks_cli"):
        ignored = shutil.ignore_patterns("__pycache__", "*.json")
        shutil.copytree(ROOT / folder, copy / Path(folder).name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name, text, _ in VIOLATIONS.values():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.relative_to(copy).parents[:-2]:
            (copy / folder / "__init__.py").touch()
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "300"}
    result = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - a literal
    assert result.returncode == 1
    return result.stdout


@pytest.mark.parametrize("name", VIOLATIONS)
def test_no_new_folder_escapes_the_contract(report, name):
    """A rule holds for a file in any new folder, and a new room is rejected until it has a place."""
    assert VIOLATIONS[name][2] in report


@pytest.mark.parametrize("package", ["functions/tavus_callbacks", "infra/tavus_callbacks_cli"])
def test_every_folder_of_code_is_a_package(package):
    """import-linter skips a folder without `__init__.py` and all below it; ruff allows some of them."""
    folders = {folder for path in (ROOT / package).rglob("*.py") for folder in path.relative_to(ROOT).parents}
    inside = {folder for folder in folders if folder.is_relative_to(package)}

    assert not [folder for folder in inside if not (ROOT / folder / "__init__.py").is_file()]


def test_the_domain_opens_no_url():
    """The contract sees `urllib` as one package: it cannot allow `urllib.parse` alone."""
    opens = re.compile(r"urllib\.request|from urllib import .*request")

    assert not [path for path in DOMAIN if opens.search(path.read_text(encoding="utf-8"))]


def run(code):
    """Run Python without any of the functions' environment variables."""
    keep = {"PATH", "HOME", "VIRTUAL_ENV", "COVERAGE_PROCESS_CONFIG"}
    environment = {name: value for name, value in os.environ.items() if name in keep}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - a literal


def test_consumers_can_import_the_models_without_boto3():
    """The package and its domain need pydantic alone: a consumer of events installs no AWS library."""
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in DOMAIN]
    blocked = "import sys; sys.modules.update(dict.fromkeys(['boto3', 'botocore', 'aws_lambda_powertools']));"

    result = run(f"{blocked} import tavus_callbacks.models, {', '.join(names)}")

    assert (0, "") == (result.returncode, result.stderr)


@pytest.mark.parametrize("handler", ["receive", "read"])
def test_an_import_reads_no_settings(handler):
    """A handler can be imported anywhere; the environment is read with the first request."""
    code = f"""
import os
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
import tavus_callbacks.handlers.{handler}
from tavus_callbacks.runtime.settings import settings
assert settings.cache_info().misses == 0
"""
    result = run(code)

    assert (0, "") == (result.returncode, result.stderr)
