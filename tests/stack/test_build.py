"""The artifacts for Lambda: complete, without unread files, made for their target, the same every time."""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = (ROOT / "template.yaml").read_text()
FUNCTIONS = re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function$", TEMPLATE, re.MULTILINE)
HANDLERS = re.findall(r"^ +Handler: (tavus_callbacks\.[\w.]+)\.handler$", TEMPLATE, re.MULTILINE)
HANDLERS_OF_QUEUES = ("tavus_callbacks.handlers.drain", "tavus_callbacks.handlers.push")
SHIPPED = (
    "template.yaml",
    "samconfig.toml",
    "requirements/lambda.txt",
    "requirements/lambda-signing.txt",
    "requirements/dev.txt",
    "functions/tavus_callbacks",
    "infra/build",
)
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
THIS_MACHINE = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64"}[platform.machine()]
UNCHECKED_HASH = 1
# A uv that has no Python before it is asked to install one.
UV = """#!/bin/sh
case "$2" in
  install) : > {folder}/installed ;;
  find) [ -e {folder}/installed ] && echo {python} ;;
esac
"""

# Bytes of a package, zipped: every cold start fetches it. docs/performance.md has the same goals.
MEGABYTE = 1_000_000
LARGEST = {"requirements/lambda.txt": 6 * MEGABYTE, "requirements/lambda-signing.txt": 11 * MEGABYTE}

# It is a script, and a script imports what lies beside it.
sys.path.insert(0, str(ROOT / "infra/build"))
_spec = importlib.util.spec_from_file_location("artifact", ROOT / "infra/build/artifact.py")
artifact = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(artifact)
sys.path.remove(str(ROOT / "infra/build"))


def run(*command, cwd, **environment):
    """Run a command to its end and return what it printed; its error output is the failure's message."""
    env = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", **environment}
    done = subprocess.run(  # noqa: S603 - a list without a shell, made of this file's own words
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def copy_project(folder):
    """Copy what the build reads, so that no file of a person's own is touched."""
    for name in SHIPPED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def make(project, function, folder):
    """Build one function as sam does, without sam."""
    folder.mkdir()
    run("make", "-f", "infra/build/Makefile", f"build-{function}", f"ARTIFACTS_DIR={folder}", cwd=project)
    return folder


def contents(folder):
    """Describe each file of a tree by digest, time and mode."""
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        str(name): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime,
            path.stat().st_mode,
        )
        for name, path in files.items()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a project in which `sam build` ran as a person runs it, with its files before and after."""
    project = copy_project(tmp_path_factory.mktemp("sam"))
    before = contents(project)
    sam = shutil.which("sam", path=f"{ROOT / '.venv-sam/bin'}{os.pathsep}{os.environ['PATH']}")
    assert sam, "make test-all installs sam"
    run(sam, "build", cwd=project)
    after = {name: file for name, file in contents(project).items() if not name.startswith(".aws-sam/")}
    return project, before, after


@pytest.mark.more
@pytest.mark.timeout(300)
class TestBuild:
    """`sam build`, with what it needs from the package index."""

    def test_every_function_is_built_with_its_handler(self, built):
        """Each function of the template has an artifact that holds the module its Handler names."""
        project, _before, _after = built

        for function, handler in zip(FUNCTIONS, HANDLERS, strict=True):
            source = project / ".aws-sam/build" / function / f"{handler.replace('.', '/')}.py"
            assert source.is_file(), source

    def test_the_wheels_are_those_of_the_target(self, built):
        """The template's runtime and architecture decide, not the machine that builds."""
        project, _before, _after = built

        binaries = {path.name for path in (project / ".aws-sam/build/ReceiveFunction").rglob("*.so")}

        assert {"_pydantic_core.cpython-313-aarch64-linux-gnu.so"} == binaries

    def test_nothing_unread_is_shipped(self, built):
        """No build code, tests, stubs, metadata or scripts reach Lambda."""
        project, _before, _after = built

        shipped = contents(project / ".aws-sam/build/ReceiveFunction")

        unread = re.compile(r"^(infra|bin|tests|requirements)/|/tests/|\.dist-info/|\.pyi$|template\.yaml$")
        assert not [name for name in shipped if unread.search(name)]

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_no_package_is_larger_than_its_goal(self, built, function):
        """Zipped as `sam deploy` zips it, 6 MB, and 11 MB with what signs."""
        project, _before, _after = built
        locked = artifact.read_target(ROOT / "template.yaml", function).requirements

        zipped = shutil.make_archive(project.parent / function, "zip", project / ".aws-sam/build" / function)

        assert LARGEST[locked] >= Path(zipped).stat().st_size

    def test_packages_are_prepared_once(self, built):
        """All functions of one lock share what pip fetched and the compiler made."""
        project, _before, _after = built

        assert len(LARGEST) == len(list((project / ".aws-sam/packages").iterdir()))

    def test_no_file_of_the_project_changes(self, built):
        """`sam build` writes below .aws-sam only."""
        _project, before, after = built

        assert before == after

    def test_the_same_input_makes_the_same_bytes(self, built, tmp_path):
        """A second build, in another folder, has the same files, times and modes."""
        project, _before, _after = built

        again = make(project, "ReceiveFunction", tmp_path / "again")

        assert contents(project / ".aws-sam/build/ReceiveFunction") == contents(again)

    def test_the_artifact_imports_from_its_own_bytecode(self, tmp_path):
        """Built for the Python of this test, each handler loads from the artifact alone, precompiled."""
        project = copy_project(tmp_path / "project")
        for_here = TEMPLATE.replace("Runtime: python3.13", f"Runtime: python{THIS_PYTHON}")
        for_here = for_here.replace("Architectures: [arm64]", f"Architectures: [{THIS_MACHINE}]")
        (project / "template.yaml").write_text(for_here)

        built = make(project, "ReadFunction", tmp_path / "artifact")

        for handler in HANDLERS:
            # Each in a process of its own, as in Lambda: Powertools' batch wants to be first (trim.py).
            load = f"import sys; sys.path.insert(0, {str(built)!r}); import {handler}; "
            show = f"print(sys.modules[{handler!r}].__cached__)"
            cached = run(sys.executable, "-I", "-S", "-B", "-c", load + show, cwd=tmp_path).strip()
            assert UNCHECKED_HASH == Path(cached).read_bytes()[4]


def test_runtime_and_architecture_are_read_from_the_template():
    """The build's target is the one that template.yaml declares."""
    target = artifact.read_target(ROOT / "template.yaml", "ReceiveFunction")

    assert artifact.Target("3.13", "manylinux2014_aarch64", "requirements/lambda.txt") == target


@pytest.mark.parametrize(
    ("function", "line", "message"),
    [
        ("Nobody", "", "no resource Nobody"),
        ("ReceiveFunction", "Runtime: python3.13", "needs a line of its own like `Runtime: python3.13`"),
        (
            "ReceiveFunction",
            "Architectures: [arm64]",
            "needs a line of its own like `Architectures: [arm64]`",
        ),
    ],
)
def test_a_template_that_cannot_be_read_says_which_line(tmp_path, function, line, message):
    """A runtime that is not where the build looks is an error with the line to write, never a guess."""
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE.replace(line, "Tracing: Active") if line else TEMPLATE)

    with pytest.raises(artifact.BuildError, match=re.escape(message)):
        artifact.read_target(template, function)


def test_without_the_python_of_the_target_the_build_goes_on(tmp_path, monkeypatch, capsys):
    """A first deployment does not fail without bytecode: one line says what it costs and how to get it."""
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    (prepared / "module.py").write_text("")
    monkeypatch.setattr(artifact, "packages", lambda _target, **_: prepared)

    artifact.build(
        artifact.Target("3.99", "manylinux2014_aarch64", "requirements/lambda.txt"), tmp_path / "out"
    )

    [line] = capsys.readouterr().out.splitlines()
    assert "890 ms instead of 390: install it (for example `uv python install 3.99`)" in line
    assert not list((tmp_path / "out").rglob("*.pyc"))


@pytest.mark.parametrize("handler", HANDLERS_OF_QUEUES)
def test_no_handler_imports_a_package_that_the_build_leaves_out(handler):
    """A wrong order of imports is found without a build: Powertools' batch must precede pydantic."""
    unused = [package.replace("/", ".") for package in artifact.trim.UNUSED]
    script = f"import sys, {handler}; print(*({{*sys.modules}} & {{*{unused!r}}}))"

    assert "" == run(sys.executable, "-c", script, cwd=ROOT).strip()


def build_without_wheels(folder, monkeypatch, ours):
    """Build a package of our own code alone, and return the names of its files."""
    (folder / "prepared").mkdir()
    monkeypatch.setattr(artifact, "packages", lambda _target, **_: folder / "prepared")
    monkeypatch.setattr(artifact, "OURS", ours)
    target = artifact.Target("3.99", "manylinux2014_aarch64", "requirements/lambda.txt")
    artifact.build(target, folder / "out")
    return {str(path.relative_to(folder / "out" / ours.name)) for path in (folder / "out").rglob("*.*")}


def test_only_modules_and_named_files_reach_an_artifact(tmp_path, monkeypatch):
    """Secrets, repositories, notes, links and caches beside the code stay on the machine that builds."""
    ours = copy_project(tmp_path / "project") / "functions" / "tavus_callbacks"
    modules = {str(path.relative_to(ours)) for path in ours.rglob("*.py")}
    outside = tmp_path / "outside.py"
    for name in (".env", ".git/hook.py", "notes.txt", "secret.pem", "domain/__pycache__/fold.pyc", "a-b.py"):
        (ours / name).parent.mkdir(exist_ok=True)
        (ours / name).write_text("secret")
    outside.write_text("secret")
    (ours / "link.py").symlink_to(outside)
    (ours / "folder").symlink_to(tmp_path)

    shipped = build_without_wheels(tmp_path, monkeypatch, ours)

    assert {*modules, *artifact.DATA} == shipped


def test_a_missing_named_file_stops_the_build(tmp_path, monkeypatch):
    """A package without a file that a function reads is never deployed."""
    ours = copy_project(tmp_path / "project") / "functions" / "tavus_callbacks"
    (ours / artifact.DATA[0]).unlink()

    with pytest.raises(artifact.BuildError, match=rf"{artifact.DATA[0]} is missing: check it out again"):
        build_without_wheels(tmp_path, monkeypatch, ours)


def test_a_missing_python_is_fetched_with_uv(tmp_path, monkeypatch):
    """If no Python of the target exists, the build lets uv install one and uses it."""
    uv = tmp_path / "uv"
    uv.write_text(UV.format(folder=tmp_path, python=sys.executable))
    uv.chmod(0o755)
    there = sys.executable
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(artifact.sys, "executable", "/bin/false")
    artifact.find_python.cache_clear()

    found = artifact.find_python(THIS_PYTHON)

    artifact.find_python.cache_clear()
    assert (tmp_path / "installed").exists()
    assert there == found


def test_the_lock_means_the_same_on_every_machine():
    """No environment markers: pip would weigh them for the Python that builds, not for the target."""
    lock = (ROOT / "requirements/lambda.txt").read_text()

    assert not [line for line in lock.splitlines() if ";" in line]
