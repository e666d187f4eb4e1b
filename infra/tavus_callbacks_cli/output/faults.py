"""Faults of the machine as sentences: a full disk, missing rights, closed streams, too many open files.

Commands do not catch these. They end here, once, with an error that says what to do.
"""

import errno
import os
import sys

from tavus_callbacks_cli.output.shell import quote

# By the number of the error. {file} is the quoted name with a colon, or nothing where none is known.
_SENTENCES = {
    errno.ENOSPC: "{file}No space is left. Free some space, then run the command again.",
    errno.EDQUOT: "{file}Your disk quota is used up. Free some space, then run the command again.",
    errno.EFBIG: "{file}The file exceeds the size limit of this shell. Raise it with `ulimit -f unlimited`.",
    errno.ENOENT: "{file}No such file or folder. Check the name.",
    errno.EACCES: "{file}Permission denied. Change the permissions, or name another file.",
    errno.EPERM: "{file}The system does not permit it. Change the permissions, or name another file.",
    errno.EROFS: "{file}The file system is read-only. Name a file on another one.",
    errno.EISDIR: "{file}This is a folder. Name a file.",
    errno.ENOTDIR: "{file}A part of this path is a file, not a folder. Name another path.",
    errno.ENAMETOOLONG: "{file}This name is too long. Use a shorter one.",
    errno.ELOOP: "{file}The symbolic links form a circle. Name another path.",
    errno.EMFILE: "{file}This shell allows too few open files. Raise the limit with `ulimit -n 1024`.",
    errno.ENFILE: "{file}The system has too many open files. Close other programs.",
    errno.ENOMEM: "{file}The machine is out of memory. Close other programs.",
    errno.EIO: "{file}The disk or terminal does not answer. Check it, then run the command again.",
}
_NO_FOLDER = "The current folder no longer exists. Change to another one with cd."


def describe(error: OSError) -> str:
    """Return what is wrong and what to do, in one or two sentences."""
    if error.errno == errno.ENOENT and error.filename is None:
        return _NO_FOLDER
    name = error.filename2 or error.filename
    file = f"{quote(os.fsdecode(name))}: " if isinstance(name, (str, bytes)) else ""
    if sentence := _SENTENCES.get(error.errno or 0):
        return sentence.format(file=file)
    return f"{file}{error.strerror or error}."


def is_utf8(argument: str) -> bool:
    """Return whether an argument of the command line is UTF-8. Python keeps other bytes as surrogates."""
    return not any("\udc80" <= character <= "\udcff" for character in argument)


def open_closed_streams() -> None:
    """Put /dev/null in place of a standard stream that the shell closed, as `>&-` does.

    Otherwise the next file or socket gets its number, and receives what is meant for the terminal.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest free number is that of the closed stream.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(descriptor, "r+" if descriptor else "r", closefd=False))  # noqa: SIM115 - it stays open


def discard_output() -> None:
    """Send what is still in the buffers of the standard streams to /dev/null: it cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
