"""Who may import what: the rules know nothing of AWS, and an import reads no environment."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tavus_callbacks

PACKAGE = Path(tavus_callbacks.__file__).parent
DOMAIN = sorted(path for path in (PACKAGE / "domain").rglob("*.py") if path.stem != "__init__")
FORBIDDEN_IN_DOMAIN = {
    "boto3",
    "botocore",
    "aws_lambda_powertools",
    "os",
    "logging",
    "socket",
    "urllib.request",
}


def imported(path):
    """Return every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: path.stem)
def test_the_domain_is_pure(path):
    """No rule imports AWS, the edges, a handler, or anything that does input or output."""
    modules = set(imported(path))
    ours = {name for name in modules if name.startswith("tavus_callbacks")}

    assert all(name.startswith("tavus_callbacks.domain") for name in ours)
    assert not {
        name for name in modules if name in FORBIDDEN_IN_DOMAIN or name.split(".")[0] in FORBIDDEN_IN_DOMAIN
    }


@pytest.mark.parametrize("path", sorted((PACKAGE / "aws").rglob("*.py")), ids=lambda path: path.stem)
def test_the_edges_know_no_handler(path):
    """What speaks to AWS is called by handlers and calls none."""
    ours = {name for name in imported(path) if name.startswith("tavus_callbacks.")}

    assert all(name.startswith(("tavus_callbacks.aws", "tavus_callbacks.domain")) for name in ours)


def run(code):
    """Run Python without any of the functions' environment variables."""
    keep = {"PATH", "HOME", "VIRTUAL_ENV", "COVERAGE_PROCESS_CONFIG"}
    environment = {name: value for name, value in os.environ.items() if name in keep}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - a literal


def test_consumers_can_import_the_models_without_boto3():
    """Package and models need pydantic alone: whoever consumes events installs no AWS."""
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in DOMAIN]
    blocked = "import sys; sys.modules.update(dict.fromkeys(['boto3', 'botocore', 'aws_lambda_powertools']));"

    result = run(f"{blocked} import tavus_callbacks, {', '.join(names)}")

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
