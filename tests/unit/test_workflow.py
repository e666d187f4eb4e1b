"""The workflow for GitHub tests what pyproject.toml promises."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())
VERSION = "Programming Language :: Python :: "


def test_every_supported_python_is_tested():
    """The matrix has the versions of the classifiers, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = [name.removeprefix(VERSION) for name in project["classifiers"] if name.startswith(VERSION)]

    assert promised == WORKFLOW["jobs"]["checks"]["strategy"]["matrix"]["python"]


def test_the_workflow_may_only_read():
    """No job has a right of its own: a pull request cannot write to the repository."""
    assert {"contents": "read"} == WORKFLOW["permissions"]
    assert not [name for name, job in WORKFLOW["jobs"].items() if "permissions" in job]
