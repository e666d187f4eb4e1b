"""A child process finds the packages of its parent, and inherits nothing else of a person."""

import site
import tempfile

from tavus_callbacks_cli.local_stack.child_process import inherited_environment, start_child, stop_child


def test_a_child_finds_packages_by_the_path_of_its_parent(monkeypatch, tmp_path):
    """`pip install --target` puts packages where only PYTHONPATH finds them."""
    (tmp_path / "beside.py").write_text("print('found')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with tempfile.TemporaryFile() as log:
        child = start_child("beside", env=inherited_environment(), log=log)
        printed = child.stdout.read()
        stop_child(child)

    assert b"found\n" == printed


def test_a_child_finds_the_packages_of_the_user(monkeypatch):
    """`pip install --user` puts packages below HOME, which a child does not inherit."""
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getuserbase", lambda: "/somewhere/.local")

    inherited = inherited_environment()

    assert "/somewhere/.local" == inherited["PYTHONUSERBASE"]
    assert "HOME" not in inherited


def test_a_child_in_a_virtual_environment_has_no_packages_of_the_user(monkeypatch):
    """Packages installed with --user stay out, as they do for the parent."""
    monkeypatch.setattr(site, "ENABLE_USER_SITE", False)

    assert "PYTHONUSERBASE" not in inherited_environment()
