"""The local stack, for tests that speak to it over HTTP."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tavus_callbacks_cli.console.open import local_console
from tavus_callbacks_cli.local_stack import stack
from tavus_callbacks_cli.local_stack.http.server import take_port
from tavus_callbacks_cli.local_stack.registry import RunningStack


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of the session's stack in one process: a second stack takes seconds to start."""
    for item in items:
        uses_stack = "local_stack" in getattr(item, "fixturenames", ())
        if uses_stack and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("local_stack"))


@dataclass
class Clock:
    """The time of the stack's CDN: this machine's, and some seconds more."""

    ahead: float = 0

    def __call__(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.ahead


@pytest.fixture(scope="session")
def turned() -> Clock:
    """Make the clock of the session's CDN."""
    return Clock()


@pytest.fixture
def clock(turned: Clock) -> Iterator[Clock]:
    """Give the clock, and set it right again."""
    yield turned
    turned.ahead = 0


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory, turned: Clock) -> Iterator[RunningStack]:
    """Run what template.yaml declares: its addresses, tokens and outputs; two origins may read recordings."""
    parameters = {"CdnAllowedOrigins": "https://app.example.com,https://other.example.com"}
    root = tmp_path_factory.mktemp("state")
    options = stack.Options(
        port=0, state_root=root, clock=turned, parameters=parameters, console=local_console
    )
    with stack.local_stack(options) as local:
        yield local.running


@pytest.fixture(scope="session")
def start_stack() -> Callable[..., AbstractContextManager[object]]:
    """Give what starts a stack on a state folder that may hold the data of an earlier one."""

    def start(
        root: Path, port: int, parameters: dict[str, str], clock: Clock, template: Path
    ) -> AbstractContextManager[object]:
        options = stack.Options(
            port=port, state_root=root, parameters=parameters, clock=clock, template=template
        )
        return stack.local_stack(options)

    return start


@pytest.fixture
def port() -> int:
    """Find a free port."""
    with take_port(0) as listener:
        number: int = listener.getsockname()[1]
    return number


@pytest.fixture(scope="session")
def children_of() -> Callable[[int], set[int]]:
    """Tell which processes a process has started and not yet ended."""
    return _children_from_proc if Path("/proc/self/stat").exists() else _children_from_ps


def _children_from_proc(pid: int) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it ended meanwhile
            continue
        if parent == str(pid) and state != "Z":
            found.add(int(path.parent.name))
    return found


def _children_from_ps(pid: int) -> set[int]:
    command = ["/bin/ps", "-Ao", "pid=,ppid="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - a literal
    return {int(child) for child, parent in map(str.split, listed.splitlines()) if parent == str(pid)}
