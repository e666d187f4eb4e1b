"""The metadata of wheel and sdist: what they declare, and the README as PyPI shows it."""

import ast
import importlib.util
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions
from pathlib import Path

import pytest
from click.testing import CliRunner

from tavus_callbacks import VERSION
from tavus_callbacks_cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "functions/tavus_callbacks", ROOT / "infra/tavus_callbacks_cli")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEXT = """# Title

![A picture](docs/picture.svg)

[A page](docs/page.md#part), [a heading](#title) and [elsewhere](https://example.com/a).
"""


def load_hooks():
    """Return the module of the hooks, which hatchling also loads by its path."""
    spec = importlib.util.spec_from_file_location("wheel_hooks", ROOT / "infra/build/wheel.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks = load_hooks()


def test_with_an_address_every_link_leads_to_the_source_of_the_version():
    """Pages and pictures of the repository have addresses of their own."""
    urls = {"Source": "https://github.com/someone/tavus-callbacks"}
    metadata = {"version": "1.2.3", "urls": urls}

    hooks.Metadata(str(ROOT), {}).update(metadata)

    description = metadata["readme"]["text"]
    assert "](https://github.com/someone/tavus-callbacks/raw/v1.2.3/docs/picture.svg)" in description
    assert "](https://github.com/someone/tavus-callbacks/blob/v1.2.3/docs/cli.md)" in description
    assert "](docs/" not in description


def test_without_an_address_there_is_no_link_that_leads_nowhere():
    """The words of a link stay; a picture goes."""
    assert hooks.unlink(TEXT) == (
        "# Title\n\nA page, [a heading](#title) and [elsewhere](https://example.com/a).\n"
    )


def test_the_local_stack_requires_the_moto_of_the_tests():
    """`make lock` may bring a newer one; then pyproject.toml follows."""
    [required] = [name for name in PROJECT["optional-dependencies"]["local"] if name.startswith("moto")]

    assert f"\nmoto=={required.partition('==')[2]} " in (ROOT / "requirements/dev.txt").read_text()


def test_a_new_version_is_known_before_it_is_installed(monkeypatch):
    """A release sets VERSION in a clone, whose environment still has the metadata of the version before."""

    def fail(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", fail)
    # It may have taken the function when it was loaded.
    document = importlib.reload(importlib.import_module("tavus_callbacks_cli.openapi.document")).document()
    printed = CliRunner().invoke(main, ["--version"])

    assert VERSION == document["info"]["version"]
    assert f"version {VERSION}\n" in printed.output


def imported(root):
    """Yield the names of the packages that the code of a package imports, but for type checking alone."""
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def declared(*extras):
    """Return the distributions that the project, or some of its extras, require by name."""
    requirements = list(PROJECT["dependencies"])
    for extra in extras:
        requirements += PROJECT["optional-dependencies"][extra]
    names = [re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements]
    return set(names)


@pytest.mark.parametrize(
    ("package", "extras"), [(PACKAGES[0], ("lambda", "cli")), (PACKAGES[1], ("lambda", "cli", "local"))]
)
def test_every_import_is_declared(package, extras):
    """No package is there only because another one requires it, but for parts of declared ones."""
    parts = {"botocore": "boto3", "pydantic-core": "pydantic", "werkzeug": "moto"}
    distributions = packages_distributions()
    modules = {name for name in imported(package) if name not in sys.stdlib_module_names}
    modules -= {name for name in modules if name.startswith(("tavus_callbacks", "mypy_boto3"))}

    found = {distributions[name][0].lower().replace("_", "-") for name in modules}

    assert set() == {parts.get(name, name) for name in found} - declared(*extras)
