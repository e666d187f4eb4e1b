"""The files of a local stack are private and whole, and the next run finds them."""

import errno
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest

from tavus_callbacks_cli.local_stack import state
from tavus_callbacks_cli.local_stack.http.server import take_port
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.registry import RunningStack, register, running_stacks, write_ready_file
from tavus_callbacks_cli.local_stack.stack import local_stack
from tavus_callbacks_cli.local_stack.state import (
    REPOSITORY,
    Credentials,
    open_state,
    state_root,
    template_path,
)
from tavus_callbacks_cli.output.files import replace_file, write_json

RUNNING = RunningStack(
    pid=os.getpid(),
    port=8787,
    api_url="http://127.0.0.1:8787",
    callback_url="http://127.0.0.1:8787/callbacks/t",
    read_token="r",
    quarantine_token="q",
    endpoint_url="http://127.0.0.1:1",
    region="us-east-1",
    aws_access_key_id="id",
    aws_secret_access_key="secret",
    outputs={"EventsTableName": "events"},
)


def test_tokens_are_for_this_user_only(tmp_path: Path) -> None:
    """The files with tokens have mode 0600, even if they replace others."""
    path = tmp_path / "tokens.json"
    path.write_text("old")
    path.chmod(0o644)

    write_json(path, {"a": 1})

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_file_before(tmp_path: Path) -> None:
    """Nothing is half written, and nothing is left beside it."""
    path = tmp_path / "file"
    replace_file(path, b"before")

    with pytest.raises(TypeError):
        replace_file(path, "no bytes")  # type: ignore[arg-type] # the fault under test

    assert path.read_bytes() == b"before"
    assert [path] == list(tmp_path.iterdir())


def test_a_failed_write_names_the_file(tmp_path: Path) -> None:
    """Not the temporary one beside it, whose name nobody knows."""
    path = tmp_path / "missing" / "file"

    with pytest.raises(FileNotFoundError) as raised:
        replace_file(path, b"content")

    assert str(path) == raised.value.filename


def test_credentials_survive_and_fresh_forgets_them(tmp_path: Path) -> None:
    """The next run reads the saved tokens, unless it starts fresh."""
    credentials = Credentials("a", "b", "c")
    open_state(tmp_path, 8787, fresh=False).save_credentials(credentials)

    kept = open_state(tmp_path, 8787, fresh=False).credentials()
    forgotten = open_state(tmp_path, 8787, fresh=True).credentials()

    assert kept == credentials
    assert forgotten is None


def test_a_folder_that_cannot_be_removed_stops_a_fresh_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data that the person wants gone never come back without a word."""
    open_state(tmp_path, 8787, fresh=False)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "data")

    monkeypatch.setattr(os, "rmdir", refuse)

    with pytest.raises(click.ClickException, match="data cannot be written: Permission denied"):
        open_state(tmp_path, 8787, fresh=True)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of another user, or on a read-only file system, may exist."""
    logs = open_state(tmp_path, 8787, fresh=False).logs
    monkeypatch.setattr(os, "access", lambda path, _mode: path != logs)

    with pytest.raises(click.ClickException, match=r"logs cannot be written: .* TAVUS_CALLBACKS_STATE"):
        open_state(tmp_path, 8787, fresh=False)


def test_each_port_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """Two stacks never share data."""
    assert open_state(tmp_path, 1, fresh=False).folder != open_state(tmp_path, 2, fresh=False).folder


def test_the_state_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TAVUS_CALLBACKS_STATE names it; otherwise it is .local in the checkout."""
    monkeypatch.delenv("TAVUS_CALLBACKS_STATE", raising=False)
    default = state_root()
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))

    assert default == REPOSITORY / ".local"
    assert state_root() == tmp_path


def install(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package be in a folder where a wheel has put it."""
    package.mkdir()
    (package / "template.yaml").touch()
    monkeypatch.setattr(state, "PACKAGE", package)
    monkeypatch.delenv("TAVUS_CALLBACKS_STATE", raising=False)


@pytest.mark.parametrize("chosen", ["", "relative"])
def test_an_installed_package_keeps_state_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    """A relative XDG_STATE_HOME counts as unset: its folder would change with the current one."""
    install(tmp_path / "package", monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", chosen)

    assert template_path() == tmp_path / "package" / "template.yaml"
    assert state_root() == tmp_path / ".local" / "state" / "tavus-callbacks"


def test_an_installed_package_follows_xdg_state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_STATE_HOME names the folder above, and TAVUS_CALLBACKS_STATE comes before it."""
    install(tmp_path / "package", monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    followed = state_root()
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path / "own"))

    assert followed == tmp_path / "xdg" / "tavus-callbacks"
    assert state_root() == tmp_path / "own"


def test_without_a_home_folder_the_error_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may run as a user id without an account."""
    install(tmp_path / "package", monkeypatch)
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)

    with pytest.raises(click.ClickException, match="TAVUS_CALLBACKS_STATE"):
        state_root()


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    """The error gives the folder, the reason and the way out."""
    (tmp_path / "file").touch()

    with pytest.raises(click.ClickException, match=r"file.* Not a directory.*TAVUS_CALLBACKS_STATE"):
        open_state(tmp_path / "file", 8787, fresh=False)


def test_a_running_stack_is_found_until_it_ends(tmp_path: Path) -> None:
    """It is listed while it runs, and not after."""
    state = open_state(tmp_path, 8787, fresh=False)

    with register(state, RUNNING):
        during = running_stacks(tmp_path)

    assert during == [RUNNING]
    assert running_stacks(tmp_path) == []


def test_a_stack_whose_process_is_gone_is_forgotten(tmp_path: Path) -> None:
    """The leftovers of a killed stack are ignored."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    state = open_state(tmp_path, 8787, fresh=False)
    write_json(state.running, vars(replace(RUNNING, pid=gone.pid)))

    assert running_stacks(tmp_path) == []
    assert not state.running.exists()


def test_the_ready_file_says_how_to_use_the_stack(tmp_path: Path) -> None:
    """It has the members of the contract, and those of recordings if the template has them."""
    write_ready_file(tmp_path / "ready", RUNNING)
    write_ready_file(tmp_path / "more", replace(RUNNING, outputs={**RUNNING.outputs, "CdnUrl": "http://cdn"}))

    assert stat.S_IMODE((tmp_path / "ready").stat().st_mode) == 0o600
    assert '"cdn_url": "http://cdn"' in (tmp_path / "more").read_text()
    assert "cdn_url" not in (tmp_path / "ready").read_text()
    for name in ("api_url", "callback_url", "read_token", "endpoint_url", '"events_table": "events"'):
        assert name in (tmp_path / "ready").read_text()


def test_the_port_of_the_cdn_survives(tmp_path: Path) -> None:
    """The next run uses the same port for links; the first one uses any."""
    state = open_state(tmp_path, 8787, fresh=False)
    before = state.cdn_port()
    state.save_cdn_port(5123)

    assert [0, 5123] == [before, open_state(tmp_path, 8787, fresh=False).cdn_port()]
    assert 0 == open_state(tmp_path, 8787, fresh=True).cdn_port()


def test_a_broken_note_of_the_port_is_none(tmp_path: Path) -> None:
    """It stops nothing."""
    state = open_state(tmp_path, 8787, fresh=False)
    (state.folder / "cdn.json").write_text("[]")

    assert 0 == state.cdn_port()


def test_a_port_of_a_running_stack_names_that_stack(tmp_path: Path) -> None:
    """A second start on the same port says that a local stack runs there already."""
    with take_port(0) as listener:
        port = listener.getsockname()[1]
        with register(open_state(tmp_path, port, fresh=False), replace(RUNNING, port=port)):
            start = local_stack(Options(port=port, state_root=tmp_path))
            with pytest.raises(click.ClickException) as error:
                start.__enter__()

    assert f"A local stack is running on port {port} already (process {os.getpid()})." in error.value.message


def test_a_folder_of_stacks_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    """Nobody takes a folder that cannot be read for one without stacks."""
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(click.ClickException, match=r"file cannot be read: Not a directory\. .*STATE"):
        running_stacks(file)

    assert [] == running_stacks(tmp_path)
    assert [] == running_stacks(tmp_path / "absent")
