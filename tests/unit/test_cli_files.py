"""Only the owner can read files with stored content that the command line writes."""

import os
import stat

import pytest

from tavus_callbacks_cli.output.files import open_append, write_file


@pytest.fixture(autouse=True)
def _usual_umask():
    """Write with the usual umask."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path):
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_file_with_stored_content_is_readable_by_its_owner_alone(tmp_path, is_there):
    """This also holds if everybody could read a file of that name before."""
    written, appended = tmp_path / "report.html", tmp_path / "call.mp4.part"
    if is_there:
        written.write_text("before")
        appended.write_bytes(b"be")

    write_file(written, b"after")
    with open_append(appended) as file:
        assert 0o600 == mode(appended)
        file.write(b"fore")

    assert (0o600, b"after") == (mode(written), written.read_bytes())
    assert (0o600, b"before" if is_there else b"fore") == (mode(appended), appended.read_bytes())


def test_who_had_the_file_open_does_not_read_the_new_content(tmp_path):
    """The file is replaced, not written over."""
    path = tmp_path / "users.csv"
    path.write_text("before")
    with path.open("rb") as opened:
        write_file(path, b"after")

        assert b"before" == opened.read()


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    """A link stays a link, and its file is replaced."""
    path, link = tmp_path / "report.html", tmp_path / "latest.html"
    path.write_text("before")
    link.symlink_to(path)

    write_file(link, b"after")

    assert (True, b"after", 0o600) == (link.is_symlink(), path.read_bytes(), mode(path))
