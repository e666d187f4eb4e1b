"""Child processes of the stack, which end with their parent however the parent ends.

The parent holds the other end of the child's stdin. When the parent ends, by Ctrl-C or SIGKILL, the pipe
closes and the child reads the end of its stdin.
"""

import os
import site
import subprocess
import sys
from typing import IO

_SECONDS_TO_END = 3
# The variables COVERAGE_… besides these, so that a measured test run covers handlers.
_INHERITED = {"PATH", "LANG", "LC_ALL", "PYTHONPATH", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV"}


def start_child(
    *arguments: str, env: dict[str, str], log: IO[bytes], cwd: str | None = None
) -> subprocess.Popen[bytes]:
    """Start `python -m arguments` with pipes for stdin and stdout; stderr goes to `log`."""
    return subprocess.Popen(  # noqa: S603 - our own modules, by our own interpreter
        # -P: a queue.py in the folder where somebody types the command does not replace Python's.
        [sys.executable, "-P", "-m", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=env,
        cwd=cwd,
        bufsize=0,
        # Ctrl-C in a terminal reaches the whole group, but only the parent decides when a child ends.
        start_new_session=True,
    )


def stop_child(process: subprocess.Popen[bytes]) -> None:
    """Close the child's stdin and wait; kill the child if it does not end."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        kill_child(process)
    if process.stdout:
        process.stdout.close()


def kill_child(process: subprocess.Popen[bytes]) -> None:
    """End the child at once."""
    process.kill()
    process.wait()


def inherited_environment() -> dict[str, str]:
    """Return the variables that a child inherits: none of your credentials, proxies or profiles."""
    names = [name for name in os.environ if name in _INHERITED or name.startswith("COVERAGE_")]
    # `pip install --user` installs below HOME, which a child does not have.
    user_base = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {}
    return {**{name: os.environ[name] for name in names}, **user_base}
