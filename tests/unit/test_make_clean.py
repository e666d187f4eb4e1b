"""`make clean` leaves a clone as `git clone` made it, with the data of its local stacks."""

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Python's and an editor's, and what a person asked for by name.
OTHERS = {"__pycache__", "*.egg-info", "build", "report.html", "uv.lock"}


def made():
    """Return the names of files and folders that the targets make, as git ignores them."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()} - OTHERS
    scripts = [path.read_text() for path in (ROOT / "infra/checks").iterdir() if path.is_file()]
    environments = {f".venv-{name}" for text in scripts for name in re.findall(r"checks/venv (\w+)", text)}
    packages = {
        str(path.parent.relative_to(ROOT) / "node_modules") for path in ROOT.glob("tests/*/package.json")
    }
    assert environments
    assert packages
    names = {*ignored, *environments, *packages} - {"node_modules"}
    return {name.replace("*", "") for name in names}


def test_clean_removes_all_that_is_made_but_for_the_data(tmp_path):
    """Everything that the targets made disappears; `.local` and sources stay."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in [*made(), "tests/unit"]:
        (tmp_path / name).mkdir(parents=True)

    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, timeout=20)  # noqa: S607 - the make of the person

    assert {".local", "Makefile", "tests"} == {path.name for path in tmp_path.iterdir()}
    assert not list(tmp_path.glob("tests/*/node_modules"))
    assert (tmp_path / "tests/unit").is_dir()
