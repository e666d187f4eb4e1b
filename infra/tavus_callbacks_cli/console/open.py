"""Opening a console: by its own command, or in front of a local stack."""

import contextlib
from typing import TYPE_CHECKING

from tavus_callbacks_cli.console.actions import allowed_actions
from tavus_callbacks_cli.console.live import Feed, Relay
from tavus_callbacks_cli.console.read_api import open_read_api
from tavus_callbacks_cli.console.server import Console
from tavus_callbacks_cli.console.session import Session
from tavus_callbacks_cli.targets.choose import LocalTarget, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tavus_callbacks_cli.local_stack.http.gateway import Gateway
    from tavus_callbacks_cli.local_stack.http.server import Site
    from tavus_callbacks_cli.local_stack.registry import RunningStack

_AGAIN = "Start `tavus-callbacks console` again and open the address that it prints."
_LOCAL_AGAIN = "Open the address that `tavus-callbacks local` prints as `console`."


def open_console(
    target: Target, cleanup: contextlib.ExitStack, *, port: int, key: str, allow_actions: bool
) -> Console:
    """Return the console of a target; raises click.ClickException without access to it."""
    return Console(
        Session(port, key, _AGAIN),
        target,
        open_read_api(target, cleanup),
        allowed_actions(target, is_allowed=allow_actions),
        Relay(target.stack).chunks if isinstance(target, LocalTarget) and target.stack.console_key else None,
    )


@contextlib.contextmanager
def local_console(stack: "RunningStack", gateway: "Gateway") -> "Iterator[Site]":
    """Yield the site that a local stack serves in front of its API."""
    target, feed = LocalTarget(stack, has_port=True), Feed()
    gateway.watchers.append(feed.watch)
    with contextlib.ExitStack() as cleanup:
        session = Session(stack.port, stack.console_key, _LOCAL_AGAIN)
        read_api = open_read_api(target, cleanup)
        actions = allowed_actions(target, is_allowed=True)
        yield Console(session, target, read_api, actions, feed.chunks).site()
