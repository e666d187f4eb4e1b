"""The local stack: everything that `template.yaml` declares, running on this machine until the block ends."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tavus_callbacks.domain.timestamps import iso
from tavus_callbacks.domain.token import digest
from tavus_callbacks_cli.local.child import stop_child
from tavus_callbacks_cli.local.deploy import Clients, check, deploy
from tavus_callbacks_cli.local.embedded import Embedded, await_embedded, launch_embedded
from tavus_callbacks_cli.local.front import HOST, serve, take_port
from tavus_callbacks_cli.local.functions import LocalFunction, functions_of
from tavus_callbacks_cli.local.gateway import Gateway, Invoke
from tavus_callbacks_cli.local.intrinsics import API_HOST_SUFFIX, REGION
from tavus_callbacks_cli.local.registry import RunningStack, registered
from tavus_callbacks_cli.local.routes import routes_of
from tavus_callbacks_cli.local.snapshot import keep_saving, restore
from tavus_callbacks_cli.local.state import REPOSITORY, Credentials, State, open_state, state_root
from tavus_callbacks_cli.local.template import Template, load_template
from tavus_callbacks_cli.local.throttle import throttle_of
from tavus_callbacks_cli.tokens import create_token, list_tokens

if TYPE_CHECKING:
    from tavus_callbacks.domain.token import Scope

DEFAULT_PORT = 8787
_LABELS: "dict[str, tuple[str, Scope]]" = {
    "callback_token": ("local", "callback"),
    "read_token": ("local-read", "read"),
    "quarantine_token": ("local-quarantine", "quarantine"),
}


@dataclass(frozen=True)
class Options:
    """How a stack is to run; port 0 takes a free one."""

    port: int = DEFAULT_PORT
    public_url: str | None = None
    fresh: bool = False
    throttle: bool = False
    template: Path = REPOSITORY / "template.yaml"
    parameters: dict[str, str] = field(default_factory=dict)
    state_root: Path = field(default_factory=state_root)


@dataclass(frozen=True)
class LocalStack:
    """A running stack; `note` is a line for the person, `gateway` answers without a socket."""

    running: RunningStack
    state: State
    gateway: Gateway
    note: str | None


@contextlib.contextmanager
def local_stack(options: Options) -> Iterator[LocalStack]:
    """Start everything and yield once requests are accepted.

    Raises click.ClickException where the port is taken or the template cannot be interpreted.
    """
    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(take_port(options.port))
        port: int = listener.getsockname()[1]
        state = open_state(options.state_root, port, fresh=options.fresh)
        template, embedded = cleanup.enter_context(_embedded(options, state))
        functions = cleanup.enter_context(_functions(template, embedded, state))
        clients = embedded.clients()
        note = _fill(state, template, clients)
        credentials = _credentials(state, template, embedded)
        cleanup.enter_context(keep_saving(state.data, template, clients, embedded.changed))
        state.keep_credentials(credentials)
        throttle = throttle_of(template) if options.throttle else None
        gateway = Gateway(routes_of(template), functions, throttle)
        cleanup.enter_context(serve(listener, gateway.handle))
        running = _running(port, options, template, embedded, credentials)
        cleanup.enter_context(registered(state, running))
        yield LocalStack(running, state, gateway, note)


@contextlib.contextmanager
def _embedded(options: Options, state: State) -> Iterator[tuple[Template, Embedded]]:
    # The template is translated while the other process does its imports: a second each.
    log = state.logs / "embedded.log"
    process = launch_embedded(log)
    try:
        template = load_template(options.template, options.parameters)
        check(template)
        yield template, await_embedded(process, log)
    finally:
        stop_child(process)


@contextlib.contextmanager
def _functions(template: Template, embedded: Embedded, state: State) -> Iterator[dict[str, Invoke]]:
    declared = functions_of(template, endpoint_url=embedded.endpoint_url, logs=state.logs)
    functions = {function.logical_id: LocalFunction(function) for function in declared}
    try:
        for function in functions.values():
            function.prewarm()
        yield {logical_id: function.invoke for logical_id, function in functions.items()}
    finally:
        for function in functions.values():
            function.stop()


def _fill(state: State, template: Template, clients: Clients) -> str | None:
    deploy(template, clients)
    return restore(state.data, template, clients)


def _credentials(state: State, template: Template, embedded: Embedded) -> Credentials:
    table = embedded.table(_output(template, "TokensTableName"))
    now = datetime.now(UTC)
    live = {record.digest for record in list_tokens(table) if record.is_live(iso(now))}
    before = asdict(state.credentials() or Credentials("", "", ""))
    tokens = {
        name: token
        if digest(token := before[name]) in live
        else create_token(table, label=label, scope=scope, now=now)
        for name, (label, scope) in _LABELS.items()
    }
    return Credentials(**tokens)


def _running(
    port: int, options: Options, template: Template, embedded: Embedded, credentials: Credentials
) -> RunningStack:
    api_url = f"http://{HOST}:{port}"
    outputs = {
        name: api_url if value.endswith(API_HOST_SUFFIX) else value
        for name, value in template.outputs.items()
    }
    return RunningStack(
        pid=os.getpid(),
        port=port,
        api_url=api_url,
        callback_url=f"{options.public_url or api_url}/callbacks/{credentials.callback_token}",
        read_token=credentials.read_token,
        quarantine_token=credentials.quarantine_token,
        endpoint_url=embedded.endpoint_url,
        region=REGION,
        outputs=outputs,
    )


def _output(template: Template, name: str) -> str:
    if name not in template.outputs:
        raise click.ClickException(
            f"template.yaml has no output {name}: the local stack finds its tables by it"
        )
    return template.outputs[name]
