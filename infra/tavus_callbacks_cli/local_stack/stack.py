"""The local stack: everything that `template.yaml` declares, running on this machine until the block ends."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import digest_token
from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION, SECRET_ACCESS_KEY, STACK
from tavus_callbacks_cli.local_stack.cdn.cdn import Cdn, Distribution, distribution_of, public_keys
from tavus_callbacks_cli.local_stack.child_process import stop_child
from tavus_callbacks_cli.local_stack.functions.custom_resources import answers_of, makers_of
from tavus_callbacks_cli.local_stack.functions.functions import LocalFunction, Place, functions_of
from tavus_callbacks_cli.local_stack.http.gateway import Gateway
from tavus_callbacks_cli.local_stack.http.hosts import api_hosts, loopback_only
from tavus_callbacks_cli.local_stack.http.routes import routes_of
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.local_stack.loopback import HOST
from tavus_callbacks_cli.local_stack.registry import RunningStack, registered
from tavus_callbacks_cli.local_stack.services.access import listings_of
from tavus_callbacks_cli.local_stack.services.access_keys import CDN, PERSON, Keys
from tavus_callbacks_cli.local_stack.services.deploy import Clients, check, deploy, watched_buckets
from tavus_callbacks_cli.local_stack.services.moto_server import Embedded, await_embedded, launch_embedded
from tavus_callbacks_cli.local_stack.services.snapshot import keep_saving, restore
from tavus_callbacks_cli.local_stack.state import REPOSITORY, Credentials, State, open_state, state_root
from tavus_callbacks_cli.local_stack.tavus_api import Behaviour
from tavus_callbacks_cli.local_stack.template.intrinsics import API_HOST_SUFFIX
from tavus_callbacks_cli.local_stack.template.template import Template, load_template
from tavus_callbacks_cli.local_stack.triggers.triggers import Functions, pulling, triggers_of
from tavus_callbacks_cli.operations.tokens import create_token, list_tokens

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from tavus_callbacks.domain.common.token import Scope
    from tavus_callbacks_cli.local_stack.tavus_api import StandIn

DEFAULT_PORT = 8787
# What the template has functions ask, and where the stand-in answers: an output that no deployed stack has.
_TAVUS_URL = "https://tavusapi.com"
TAVUS_OUTPUT = "TavusApiUrl"
_SECRET = f"{STACK}-TavusApiKey"
_KEY_OF_TAVUS = {"TavusApiKeyArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{_SECRET}"}
_LABELS: "dict[str, tuple[str, Scope]]" = {
    "callback_token": ("local", "callback"),
    "read_token": ("local-read", "read"),
    "quarantine_token": ("local-quarantine", "quarantine"),
}


@dataclass(frozen=True)
class Options:
    """How a stack is to run; port 0 takes a free one, `clock` is by what the CDN's links expire.

    With `hurry` schedules come round every second; `tavus` is how the stand-in for Tavus's API behaves.
    """

    port: int = DEFAULT_PORT
    public_url: str | None = None
    fresh: bool = False
    template: Path = REPOSITORY / "template.yaml"
    parameters: dict[str, str] = field(default_factory=dict)
    state_root: Path = field(default_factory=state_root)
    clock: Callable[[], float] = time.time
    hurry: bool = False
    tavus: Behaviour = field(default_factory=Behaviour)


@dataclass(frozen=True)
class LocalStack:
    """A running stack; `note` is a line for the person, `gateway` answers without a socket."""

    running: RunningStack
    state: State
    gateway: Gateway
    functions: Functions
    tavus: "StandIn"
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
        triggers = triggers_of(template)
        cdn = cleanup.enter_context(_cdn_door(template, state))
        tavus, tavus_url = cleanup.enter_context(_stand_in(options))
        addresses = {**_addresses(f"http://{HOST}:{port}", template, cdn), _TAVUS_URL: tavus_url}
        place = Place(embedded.endpoint_url, state.logs, embedded.keys.key_id, addresses)
        declared = cleanup.enter_context(_functions(template, place))
        functions = Functions(template, {name: each.invoke for name, each in declared.items()})
        note = _fill(state, template, embedded)
        answers = answers_of(template, functions.invokes)
        credentials = _credentials(state, template, embedded)
        state.save_credentials(credentials)
        cleanup.enter_context(keep_saving(state.data, template, embedded.clients(), embedded.changed))
        cleanup.enter_context(_serve_cdn(cdn, public_keys(template, answers), embedded, options))
        cleanup.enter_context(pulling(triggers, embedded, functions, hurry=options.hurry))
        gateway = Gateway(routes_of(template), functions.invokes)
        cleanup.enter_context(serve(listener, api_hosts(gateway.handle, port, options.public_url)))
        outputs = {name: addresses.get(value, value) for name, value in template.outputs.items()}
        outputs[TAVUS_OUTPUT] = tavus_url
        running = _running(port, options, embedded, credentials, outputs, state=state)
        cleanup.enter_context(registered(state, running))
        for function in declared.values():
            function.prewarm()
        yield LocalStack(running, state, gateway, functions, tavus, note)


@contextlib.contextmanager
def _embedded(options: Options, state: State) -> Iterator[tuple[Template, Embedded]]:
    # The template is translated while the other process does its imports: a second each.
    log = state.logs / "embedded.log"
    keys = Keys()
    process = launch_embedded(log, keys)
    try:
        template = load_template(options.template, options.parameters, defaults=_KEY_OF_TAVUS)
        check(template)
        yield template, await_embedded(process, log, keys)
    finally:
        stop_child(process)


@dataclass(frozen=True)
class _Door:
    """The distribution of the template and the socket that it is to answer on."""

    distribution: Distribution
    listener: socket.socket

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.listener.getsockname()[1]}"


@contextlib.contextmanager
def _cdn_door(template: Template, state: State) -> Iterator[_Door | None]:
    distribution = distribution_of(template)
    if distribution is None:
        yield None
        return
    with _same_port(state) as listener:
        state.save_cdn_port(listener.getsockname()[1])
        yield _Door(distribution, listener)


def _same_port(state: State) -> socket.socket:
    # Links live for hours: those of the run before stay good.
    try:
        return take_port(state.cdn_port())
    except click.ClickException:
        return take_port(0)


def _addresses(api_url: str, template: Template, cdn: _Door | None) -> dict[str, str]:
    """Return the local address of what has another on AWS."""
    apis = [f"https://{api.name}.{API_HOST_SUFFIX}" for api in template.of_type("AWS::ApiGatewayV2::Api")]
    domains = cdn.distribution.domains if cdn else ()
    return {**dict.fromkeys(apis, api_url), **{f"https://{domain}": cdn.url for domain in domains if cdn}}


@contextlib.contextmanager
def _serve_cdn(
    door: _Door | None, keys: "Mapping[str, EllipticCurvePublicKey]", embedded: Embedded, options: Options
) -> Iterator[None]:
    if door is None:
        yield
        return
    cdn = Cdn(
        door.distribution, door.url, embedded.endpoint_url, embedded.keys.key_id(CDN), keys, options.clock
    )
    with serve(door.listener, loopback_only(cdn.handle, door.listener.getsockname()[1])):
        yield


@contextlib.contextmanager
def _functions(template: Template, place: Place) -> Iterator[dict[str, LocalFunction]]:
    functions = {function.logical_id: LocalFunction(function) for function in functions_of(template, place)}
    try:
        # Those that somebody waits for at once; the others are not to take the processor from them.
        for name in {route.function for route in routes_of(template)} | makers_of(template):
            functions[name].prewarm()
        yield functions
    finally:
        for function in functions.values():
            function.stop()


def _fill(state: State, template: Template, embedded: Embedded) -> str | None:
    clients = embedded.clients()
    deploy(template, clients)
    _make_key(clients)
    note = restore(state.data, template, clients)
    # After the restore: what it puts back is no news.
    embedded.conduct(listings_of(template, embedded.keys), watched_buckets(template))
    return note


@contextlib.contextmanager
def _stand_in(options: Options) -> "Iterator[tuple[StandIn, str]]":
    from tavus_callbacks_cli.local_stack.tavus_api import StandIn, serve_stand_in

    stand_in = StandIn(behaviour=options.tavus)
    with serve_stand_in(stand_in) as url:
        yield stand_in, url


def _make_key(clients: Clients) -> None:
    from tavus_callbacks_cli.local_stack.tavus_api import KEY

    clients.secrets.create_secret(Name=_SECRET, SecretString=KEY)


def _credentials(state: State, template: Template, embedded: Embedded) -> Credentials:
    table = embedded.table(_output(template, "TokensTableName"))
    now = datetime.now(UTC)
    live = {record.digest for record in list_tokens(table) if record.is_live(iso(now))}
    before = asdict(state.credentials() or Credentials("", "", ""))
    tokens = {
        name: token
        if digest_token(token := before[name]) in live
        else create_token(table, label=label, scope=scope, now=now)
        for name, (label, scope) in _LABELS.items()
    }
    return Credentials(**tokens)


def _running(  # noqa: PLR0913 - each is a part of the answer
    port: int,
    options: Options,
    embedded: Embedded,
    credentials: Credentials,
    outputs: dict[str, str],
    *,
    state: State,
) -> RunningStack:
    api_url = f"http://{HOST}:{port}"
    return RunningStack(
        pid=os.getpid(),
        port=port,
        api_url=api_url,
        callback_url=f"{options.public_url or api_url}/callbacks/{credentials.callback_token}",
        read_token=credentials.read_token,
        quarantine_token=credentials.quarantine_token,
        endpoint_url=embedded.endpoint_url,
        region=REGION,
        aws_access_key_id=embedded.keys.key_id(PERSON),
        aws_secret_access_key=SECRET_ACCESS_KEY,
        outputs=outputs,
        parameters=options.parameters,
        state_folder=str(state.folder.resolve()),
    )


def _output(template: Template, name: str) -> str:
    if name not in template.outputs:
        raise click.ClickException(
            f"template.yaml has no output {name}: the local stack finds its tables by it"
        )
    return template.outputs[name]
