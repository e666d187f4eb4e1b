"""The registry of running local stacks, for the `--local` of other commands."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from tavus_callbacks_cli.local_stack.state import State, state_root
from tavus_callbacks_cli.output.files import write_json
from tavus_callbacks_cli.output.shell import argument, quote


@dataclass(frozen=True)
class RunningStack:
    """How to reach a local stack: `callback_url` is the one to paste, `api_url` is on loopback.

    `state_folder` holds its data and logs. `console_key` opens its console, and is empty without one.
    """

    pid: int
    port: int
    api_url: str
    callback_url: str
    read_token: str
    quarantine_token: str
    endpoint_url: str
    region: str
    aws_access_key_id: str
    aws_secret_access_key: str
    outputs: dict[str, str]
    parameters: dict[str, str] = field(default_factory=dict)
    state_folder: str = ""
    console_key: str = ""

    @property
    def own_callback_url(self) -> str:
        """Return the callback URL on loopback: a tunnel may lead to another machine by now."""
        return f"{self.api_url}/callbacks/{self.callback_url.rpartition('/')[2]}"

    @property
    def export_line(self) -> str:
        """Return the shell command that sets the variables of the documentation's examples."""
        variables = {
            "CALLBACK_URL": self.callback_url,
            "API_URL": self.api_url,
            "READ_TOKEN": self.read_token,
            "QUARANTINE_TOKEN": self.quarantine_token,
        }
        return " ".join(("export", *(f"{name}={quote(value)}" for name, value in variables.items())))

    @property
    def console_url(self) -> str | None:
        """Return the address that opens its console, or None without one."""
        return f"{self.api_url}/#key={self.console_key}" if self.console_key else None


def running_stacks(root: Path | None = None) -> list[RunningStack]:
    """Return the running stacks by port; remove those whose process is gone.

    Raises click.ClickException if their files cannot be read.
    """
    stacks = []
    for path in _running_files(root or state_root()):
        try:
            content = json.loads(path.read_bytes())
            is_old = "pid" in content and "aws_access_key_id" not in content
            stack = RunningStack(**{"aws_access_key_id": "", "aws_secret_access_key": "", **content})
        except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
            continue
        except PermissionError as error:
            raise _unreadable(path, error) from error
        try:
            os.kill(stack.pid, 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
            continue
        except PermissionError:
            pass  # it is alive
        if is_old:
            raise click.ClickException(
                f"The stack on port {stack.port} was started by an older version. Stop it and start it again."
            )
        stacks.append(stack)
    return sorted(stacks, key=lambda stack: stack.port)


def _running_files(root: Path) -> list[Path]:
    try:
        return sorted(folder / "running.json" for folder in root.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(root, error) from error


def _unreadable(path: Path, error: OSError) -> click.ClickException:
    return click.ClickException(
        f"{argument(str(path))} cannot be read: {error.strerror}. "
        "Name the folder of your local stacks with TAVUS_CALLBACKS_STATE."
    )


@contextlib.contextmanager
def register(state: State, stack: RunningStack) -> Iterator[None]:
    """Make the stack visible to `running_stacks` until the block ends."""
    write_json(state.running, asdict(stack))
    try:
        yield
    finally:
        state.running.unlink(missing_ok=True)


def write_ready_file(path: Path, stack: RunningStack) -> None:
    """Write the file with which a waiting program uses the stack; mode 0600."""
    outputs = {"cdn_url": "CdnUrl", "recordings_bucket": "RecordingsBucketName"}
    content = {
        "api_url": stack.api_url,
        "callback_url": stack.callback_url,
        "read_token": stack.read_token,
        "quarantine_token": stack.quarantine_token,
        "aws_access_key_id": stack.aws_access_key_id,
        "aws_secret_access_key": stack.aws_secret_access_key,
        "outputs": stack.outputs,
        "endpoint_url": stack.endpoint_url,
        "events_table": stack.outputs["EventsTableName"],
        **({"console_url": stack.console_url} if stack.console_url else {}),
        **{name: stack.outputs[output] for name, output in outputs.items() if output in stack.outputs},
    }
    write_json(path, content)
