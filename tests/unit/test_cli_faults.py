"""Faults of the machine end in a sentence and an exit code, never in a traceback."""

import errno
import shlex
import subprocess
import sys

import pytest

from tavus_callbacks_cli.output.faults import describe

PROGRAM = shlex.join([sys.executable, "-c", "from tavus_callbacks_cli.entry_point import main; main()"])


def shell(line: str, folder: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `$P` is the command line."""
    return subprocess.run(  # noqa: S603 - our own lines
        ["/bin/bash", "-c", line.replace("$P", PROGRAM)],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("$P --help > /dev/full", 1, "No space is left."),
        ("echo '{}' | $P explain --json - > /dev/full", 1, "No space is left."),
        ("$P --help > /dev/full 2> /dev/full", 1, ""),
        ("$P --help >&-", 0, ""),
        ("$P explain - <&-", 1, ""),
        ("$P recordng <&- >&- 2>&-", 2, ""),
        ("$P --help | true; exit ${PIPESTATUS[0]}", 1, ""),
        ("mkdir gone; cd gone; rmdir ../gone; $P explain a.json", 2, "'a.json' does not exist."),
        ("PYTHONIOENCODING=ascii:strict $P explain $'\\xff.json'", 2, "does not exist."),
        ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 TERM=dumb COLUMNS=20 $P --help", 0, ""),
    ],
)
def test_a_fault_around_a_command_is_a_sentence(tmp_path, line, code, sentence):
    """A full disk, closed streams, a reader that leaves, a deleted folder, and odd encodings."""
    result = shell(line, tmp_path)

    assert code == result.returncode, result.stderr
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "x", "a b.zip"), "'a b.zip': No space is left."),
        (OSError(errno.EACCES, "x", "/srv/a"), "'/srv/a': Permission denied."),
        (OSError(errno.EACCES, "x", ".a", None, "a"), "'a': Permission denied."),
        (OSError(errno.EISDIR, "x", b"a\xff"), "$'a\\377': This is a folder."),
        (OSError(errno.EMFILE, "x"), "This shell allows too few open files."),
        (OSError(errno.ENOENT, "x"), "The current folder no longer exists."),
        (OSError(errno.ENOENT, "x", "a"), "'a': No such file or folder. Check the name."),
        (OSError("only a text"), "only a text."),
    ],
)
def test_an_error_of_the_system_names_the_file_and_the_fault(error, text):
    """The file comes first, in quotes that a shell takes."""
    assert describe(error).startswith(text)
