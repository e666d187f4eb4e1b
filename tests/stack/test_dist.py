"""Installing without a clone: the content of wheel and sdist, and the local stack run from each.

DIST names a folder with both; without it they are built. The wheel runs with the versions of the other tests,
the sdist with the lowest that pyproject.toml allows.
"""

import contextlib
import email
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
LOCK, LOWEST = ROOT / "requirements" / "dev.txt", ROOT / "requirements" / "lowest.txt"
PLACES = {"functions/tavus_callbacks": "tavus_callbacks", "infra/tavus_callbacks_cli": "tavus_callbacks_cli"}
# Modules of the folder where the command is typed: Python would take them for its own.
HOSTILE = ("json.py", "queue.py", "select.py", "tavus_callbacks.py")

pytestmark = pytest.mark.more


def run(*command, **options):
    """Run a command and return its output; its errors fail the test."""
    done = subprocess.run(  # noqa: S603 - our own commands
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=100, **options
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Return the folder with the wheel and the sdist of this version."""
    if chosen := os.environ.get("DIST"):
        return Path(chosen).resolve()
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--directory", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(dist):
    """Return the only wheel."""
    [path] = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def sdist(dist):
    """Return the only sdist."""
    [path] = dist.glob("*.tar.gz")
    return path


def sources():
    """Return the files of both packages as git knows them."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PLACES, cwd=ROOT)
    return {name for name in listed.splitlines() if (ROOT / name).is_file()}


def test_the_wheel_has_the_packages_and_the_template(wheel):
    """Nothing is missing, and no test, cache or measurement comes along."""
    folder = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
    names = {
        name.replace(place, package, 1)
        for name in sources()
        for place, package in PLACES.items()
        if name.startswith(f"{place}/")
    }
    about = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")

    with zipfile.ZipFile(wheel) as archive:
        found = archive.namelist()
        template = archive.read("tavus_callbacks_cli/template.yaml")

    assert sorted(names | {"tavus_callbacks_cli/template.yaml"} | {f"{folder}/{name}" for name in about}) == (
        sorted(found)
    )
    assert (ROOT / "template.yaml").read_bytes() == template


def test_the_sdist_has_what_a_build_needs(sdist):
    """It has the sources, the template, and what a person reads first."""
    about = {"PKG-INFO", "pyproject.toml", ".gitignore", "template.yaml", "infra/build/wheel.py"}
    read = {"README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "SUPPORT.md"}

    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}

    assert sources() | about | read == found


def test_the_sdist_builds_the_same_wheel(wheel, sdist, tmp_path):
    """Somebody who builds from the sdist gets the wheel of PyPI, byte for byte."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()

    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "--directory", tmp_path, cwd=source)

    assert wheel.read_bytes() == (tmp_path / wheel.name).read_bytes()


def test_no_link_of_the_description_is_broken_on_pypi(wheel):
    """PyPI has none of our files, so each link is absolute or stays within the page."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        description = email.message_from_bytes(archive.read(name)).get_payload(decode=True).decode()

    targets = re.findall(r"\]\(([^)]*)\)", description)
    headings = re.findall(r"^#+ (.*)$", description, re.MULTILINE)
    anchors = {f"#{heading.lower().replace(' ', '-')}" for heading in headings}
    assert "## Quick start" in description
    assert [] == [each for each in targets if not each.startswith("https://") and each not in anchors]


def test_pypi_takes_both(wheel, sdist):
    """Twine finds no fault in the metadata. The description is Markdown, which always renders."""
    run(ROOT / ".venv-dist/bin/twine", "check", "--strict", wheel, sdist)


def environment(home, **variables):
    """Return the environment of a person who has nothing of ours: an empty home, no settings."""
    ours = ("AWS_", "TAVUS_", "XDG_", "PYTHON", "COV", "VIRTUAL_ENV")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**inherited, "HOME": str(home), **variables}


def install(folder, requirement, lock=LOCK):
    """Install a requirement into an empty environment and return its command."""
    run(UV, "venv", "--quiet", "--no-python-downloads", "--python", sys.executable, folder)
    # A build of the sdist uses the locked hatchling too.
    locks = ("--constraint", lock, "--build-constraint", LOCK)
    run(UV, "pip", "install", "--quiet", "--python", folder / "bin/python", *locks, requirement)
    return [str(folder / "bin" / "tavus-callbacks")]


def installed_sdist(sdist, folder):
    """Return the command that an installation of the sdist has, and no variables."""
    return install(folder, f"tavus-callbacks[local] @ {sdist.as_uri()}", LOWEST), {}


def run_by_uvx(wheel, folder):
    """Return the README's command for uvx, and variables by which it takes the wheel, not the one of PyPI."""
    [line] = re.findall(r"^(uvx .*) local$", (ROOT / "README.md").read_text(), re.MULTILINE)
    folder.mkdir()
    constraints = folder / "constraints.txt"
    constraints.write_text(f"tavus-callbacks @ {wheel.as_uri()}\n{LOCK.read_text()}")
    cache = run(UV, "cache", "dir").strip()
    variables = {
        "UV_CONSTRAINT": str(constraints),
        "UV_CACHE_DIR": cache,
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
    }
    _, *words = shlex.split(line)
    return [str(UV.with_name("uvx")), *words], variables


@contextlib.contextmanager
def running(command, folder, variables):
    """Run `local` until it is ready; yield the content of its ready file. Ctrl-C ends it."""
    ready = folder.parent / "ready.json"
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "local", "--port", "0", "--ready", str(ready)],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    try:
        deadline = time.monotonic() + 100
        while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert ready.exists(), process.communicate(timeout=5)[0] if process.poll() is not None else "no start"
        yield json.loads(ready.read_text())
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=20)
        assert 0 == process.returncode, output
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("make", [run_by_uvx, installed_sdist])
def test_the_local_stack_runs_in_an_empty_folder(make, request, tmp_path):
    """`local`, `simulate`, `show`, `sync` and the console need no clone and no file of the folder."""
    distribution = request.getfixturevalue("wheel" if make is run_by_uvx else "sdist")
    command, variables = make(distribution, tmp_path / "environment")
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    for name in HOSTILE:
        (folder / name).write_text("raise SystemExit('a module of the current folder was imported')\n")
    given = environment(home, **variables)

    with running(command, folder, given) as ready:

        def ours(*words):
            return json.loads(run(*command, *words, "--local", "--json", cwd=folder, env=given))

        callbacks = ours("simulate", "conversation")["callbacks"]
        shown = ours("show", callbacks[0]["answer"]["subject"])
        page = httpx.get(ready["api_url"], trust_env=False)
        ours("sync", "calls.db")

    assert all(each["is_expected"] for each in callbacks)
    assert "ended" == shown["status"]
    assert "<title>" in page.text
    with contextlib.closing(sqlite3.connect(folder / "calls.db")) as copy:
        assert [(shown["conversation_id"],)] == copy.execute(
            "select conversation_id from conversations"
        ).fetchall()
    assert {*HOSTILE, "calls.db"} == {path.name for path in folder.iterdir()}
    [state] = filter(Path.is_dir, (home / ".local/state/tavus-callbacks").iterdir())
    assert state.name == str(httpx.URL(ready["api_url"]).port)


@pytest.mark.parametrize(
    ("extras", "words", "answer"),
    [("", ("--help",), "[cli]"), ("[cli]", ("local", "--port", "0"), "[local]")],
)
def test_a_command_without_its_packages_names_the_extra(wheel, tmp_path, extras, words, answer):
    """One sentence says what to install, instead of a traceback."""
    command = install(tmp_path / "environment", f"tavus-callbacks{extras} @ {wheel.as_uri()}")

    done = subprocess.run(  # noqa: S603 - our own command
        [*command, *words], env=environment(tmp_path), capture_output=True, text=True, check=False, timeout=60
    )

    assert 1 == done.returncode
    assert "" == done.stdout
    [sentence] = done.stderr.splitlines()
    assert f"pip install 'tavus-callbacks{answer}'" in sentence


def test_every_command_helps_without_the_local_stack(wheel, tmp_path):
    """With [cli] alone, `--help` loads each command."""
    command = install(tmp_path / "environment", f"tavus-callbacks[cli] @ {wheel.as_uri()}")

    printed = run(*command, "--help", env=environment(tmp_path))

    assert "local " in printed
