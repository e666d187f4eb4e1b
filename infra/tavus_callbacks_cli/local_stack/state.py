"""Where a local stack keeps what survives it: one folder a port, below `.local` or TAVUS_CALLBACKS_STATE."""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from tavus_callbacks_cli.output import files

REPOSITORY = Path(__file__).resolve().parents[3]


def state_root() -> Path:
    """Return the folder that holds the folders of all local stacks of this checkout."""
    given = os.environ.get("TAVUS_CALLBACKS_STATE")
    return Path(given) if given else REPOSITORY / ".local"


@dataclass(frozen=True)
class Credentials:
    """The plaintext tokens of a local stack; the tables hold digests only, and the URL must survive."""

    callback_token: str
    read_token: str
    quarantine_token: str


@dataclass(frozen=True)
class State:
    """The folder of one local stack."""

    folder: Path

    @property
    def logs(self) -> Path:
        """Return the folder of what functions and embedded services log."""
        return self.folder / "logs"

    @property
    def data(self) -> Path:
        """Return the folder of the snapshot."""
        return self.folder / "data"

    @property
    def running(self) -> Path:
        """Return the file that is there while the stack runs."""
        return self.folder / "running.json"

    @property
    def _cdn(self) -> Path:
        return self.folder / "cdn.json"

    def cdn_port(self) -> int:
        """Return the port that the CDN had in the run before, 0 where there was none."""
        try:
            return int(json.loads(self._cdn.read_bytes())["port"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return 0

    def keep_cdn_port(self, port: int) -> None:
        """Write the port of the CDN for the next run."""
        files.write_json(self._cdn, {"port": port})

    def credentials(self) -> Credentials | None:
        """Read the tokens of the run before, or None where there was none."""
        try:
            return Credentials(**json.loads((self.folder / "credentials.json").read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def keep_credentials(self, credentials: Credentials) -> None:
        """Write the tokens for the next run, for this user's eyes only."""
        files.write_json(self.folder / "credentials.json", asdict(credentials))


def open_state(root: Path, port: int, *, fresh: bool) -> State:
    """Make the folder of a stack, or with `fresh` make it anew."""
    folder = root / str(port)
    # A folder that cannot be removed stops the start: its data would come back.
    if fresh and folder.exists():
        shutil.rmtree(folder)
    state = State(folder)
    for each in (state.folder, state.logs, state.data):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    return state
