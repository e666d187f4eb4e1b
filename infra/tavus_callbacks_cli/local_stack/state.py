"""What a local stack keeps between runs: one folder per port, in `.local` or TAVUS_CALLBACKS_STATE."""

import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from tavus_callbacks_cli.output.files import write_json

REPOSITORY = Path(__file__).resolve().parents[3]


def state_root() -> Path:
    """Return the folder that holds the folders of all local stacks of this checkout."""
    chosen = os.environ.get("TAVUS_CALLBACKS_STATE")
    return Path(chosen) if chosen else REPOSITORY / ".local"


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
    def _cdn(self) -> Path:
        return self.folder / "cdn.json"

    @property
    def _console(self) -> Path:
        return self.folder / "console.json"

    @property
    def _credentials(self) -> Path:
        return self.folder / "credentials.json"

    def cdn_port(self) -> int:
        """Return the CDN's port of the previous run, or 0 if there is none."""
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
        """Return the tokens of the previous run, or None if there are none."""
        try:
            return Credentials(**json.loads(self._credentials.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save_credentials(self, credentials: Credentials) -> None:
        """Save the tokens for the next run; mode 0600."""
        write_json(self._credentials, asdict(credentials))


def open_state(root: Path, port: int, *, fresh: bool) -> State:
    """Create the folder of a stack; `fresh` first removes what is there."""
    folder = root / str(port)
    # A folder that cannot be removed stops the start: its data would come back.
    if fresh and folder.exists():
        shutil.rmtree(folder)
    state = State(folder)
    for each in (state.folder, state.logs, state.data):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    return state
