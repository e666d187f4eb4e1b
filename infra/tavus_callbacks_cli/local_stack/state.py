"""The files that a local stack keeps between runs: one folder per port, below `state_root`."""

import errno
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from tavus_callbacks_cli.output.files import write_json
from tavus_callbacks_cli.output.shell import argument

# A wheel puts the template into the package; a checkout has it at the root of the repository.
PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parents[1]
_TEMPLATE = "template.yaml"


def template_path() -> Path:
    """Return the template of the installed package, or else of the checkout."""
    return (PACKAGE if _is_installed() else REPOSITORY) / _TEMPLATE


def state_root() -> Path:
    """Return the folder that holds the folders of all local stacks.

    TAVUS_CALLBACKS_STATE names it. Otherwise a checkout has its own, and an installed package uses the folder
    that the XDG Base Directory Specification gives for state.
    """
    chosen = os.environ.get("TAVUS_CALLBACKS_STATE")
    if chosen:
        return Path(chosen)
    if not _is_installed():
        return REPOSITORY / ".local"
    # The specification ignores a relative path.
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else _home() / ".local" / "state") / "tavus-callbacks"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        # HOME is unset and the user id has no account, as in some containers.
        raise click.ClickException(
            "The home folder is unknown. Name a folder for data with TAVUS_CALLBACKS_STATE."
        ) from None


def _is_installed() -> bool:
    return (PACKAGE / _TEMPLATE).is_file()


@dataclass(frozen=True)
class Credentials:
    """The tokens of a local stack in plain text; its tables hold only digests."""

    callback_token: str
    read_token: str
    quarantine_token: str


@dataclass(frozen=True)
class State:
    """The folder of one local stack."""

    folder: Path

    @property
    def logs(self) -> Path:
        """Return the folder with the logs of functions and embedded services."""
        return self.folder / "logs"

    @property
    def data(self) -> Path:
        """Return the folder with the data of the embedded services."""
        return self.folder / "data"

    @property
    def old_data(self) -> list[Path]:
        """Return the folders of data that earlier starts set aside, by name."""
        return sorted(self.folder.glob(f"{self.data.name}-*"))

    @property
    def running(self) -> Path:
        """Return the file that exists while the stack runs."""
        return self.folder / "running.json"

    @property
    def translated_template(self) -> Path:
        """Return the file with the template as CloudFormation takes it."""
        return self.folder / "template.json"

    @property
    def _cdn(self) -> Path:
        return self.folder / "cdn.json"

    @property
    def _console(self) -> Path:
        return self.folder / "console.json"

    @property
    def _credentials(self) -> Path:
        return self.folder / "credentials.json"

    def cdn_port(self) -> int:
        """Return the CDN's port of the previous run, or 0 without a previous run."""
        try:
            return int(json.loads(self._cdn.read_bytes())["port"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return 0

    def save_cdn_port(self, port: int) -> None:
        """Save the CDN's port for the next run."""
        write_json(self._cdn, {"port": port})

    def console_key(self) -> str:
        """Return the key of the console, made at the first call; an open page survives a restart with it."""
        try:
            key = json.loads(self._console.read_bytes())["key"]
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            key = None
        if not (isinstance(key, str) and key):
            key = secrets.token_urlsafe(24)
            write_json(self._console, {"key": key})
        return key

    def credentials(self) -> Credentials | None:
        """Return the tokens of the previous run, or None without a previous run."""
        try:
            return Credentials(**json.loads(self._credentials.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save_credentials(self, credentials: Credentials) -> None:
        """Save the tokens for the next run; mode 0600."""
        write_json(self._credentials, asdict(credentials))


def open_state(root: Path, port: int, *, fresh: bool) -> State:
    """Create the folder of a stack; `fresh` first removes what is there.

    Raises click.ClickException if it cannot be removed or written.
    """
    state = State(root / str(port))
    try:
        # A folder that cannot be removed stops the start: its data would come back.
        if fresh and state.folder.exists():
            shutil.rmtree(state.folder)
        for each in (state.folder, state.logs, state.data):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(each, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(each))
    except OSError as error:
        raise click.ClickException(
            f"{argument(str(error.filename))} cannot be written: {error.strerror}. "
            "Name another folder with TAVUS_CALLBACKS_STATE."
        ) from error
    return state
