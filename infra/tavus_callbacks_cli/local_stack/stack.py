"""The local stack: every resource of `template.yaml`, running on this machine until the block ends."""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from tavus_callbacks.domain.common.token import digest_token
from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION, SECRET_ACCESS_KEY, STACK
from tavus_callbacks_cli.local_stack.cdn.cdn import Cdn
from tavus_callbacks_cli.local_stack.cdn.distribution import Distribution, distribution_of, public_keys
from tavus_callbacks_cli.local_stack.child_process import stop_child
from tavus_callbacks_cli.local_stack.functions.custom_resources import (
    create_custom_resources,
    custom_resource_functions,
)
from tavus_callbacks_cli.local_stack.functions.local_function import FunctionHost, LocalFunction, functions_of
from tavus_callbacks_cli.local_stack.http.gateway import Gateway
from tavus_callbacks_cli.local_stack.http.hosts import api_hosts, loopback_only
from tavus_callbacks_cli.local_stack.http.routes import routes_of
from tavus_callbacks_cli.local_stack.http.server import PortTaken, serve, take_port
from tavus_callbacks_cli.local_stack.loopback import HOST
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.registry import RunningStack, register, running_stacks
from tavus_callbacks_cli.local_stack.services.access_keys import CDN, PERSON, AccessKeys
from tavus_callbacks_cli.local_stack.services.deploy import buckets_with_events, check_resources, deploy
from tavus_callbacks_cli.local_stack.services.embedded import (
    Backlog,
    EmbeddedServices,
    await_services,
    launch_services,
)
from tavus_callbacks_cli.local_stack.services.list_permissions import list_permissions_of
from tavus_callbacks_cli.local_stack.state import Credentials, State, open_state
from tavus_callbacks_cli.local_stack.tavus_api import KEY, StandIn, serve_stand_in
from tavus_callbacks_cli.local_stack.template.intrinsics import API_HOST_SUFFIX
from tavus_callbacks_cli.local_stack.template.template import Template, load_template
from tavus_callbacks_cli.local_stack.triggers.triggers import Functions, Triggers, run_triggers, triggers_of
from tavus_callbacks_cli.tokens import create_token, list_tokens

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from tavus_callbacks.domain.common.token import Scope

# The address in the template, and the output with the stand-in's; deployed stacks have no such output.
_TAVUS_URL = "https://tavusapi.com"
TAVUS_OUTPUT = "TavusApiUrl"
# Its name ends as a complete ARN does: the parameter's pattern refuses others.
_TAVUS_SECRET = f"{STACK}-ApiKey"
_DEFAULTS = {"TavusApiKeyArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{_TAVUS_SECRET}"}
_TOKENS: "dict[str, tuple[str, Scope]]" = {
    "callback_token": ("local", "callback"),
    "read_token": ("local-read", "read"),
    "quarantine_token": ("local-quarantine", "quarantine"),
}


@dataclass(frozen=True)
class LocalStack:
    """A running stack; `note` is a line for the person, `gateway` answers without a socket."""

    running: RunningStack
    state: State
    gateway: Gateway
    functions: Functions
    tavus: StandIn
    services: EmbeddedServices
    note: str | None


@contextlib.contextmanager
def local_stack(options: Options) -> Iterator[LocalStack]:
    """Start everything and yield once requests are accepted.

    Raises click.ClickException if the port is taken or the template is not supported.
    """
    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(_listen(options))
        port: int = listener.getsockname()[1]
        state = open_state(options.state_root, port, fresh=options.fresh)
        template, services = cleanup.enter_context(_run_services(options, state))
        triggers, cdn = triggers_of(template), cleanup.enter_context(_reserve_cdn(template, state))
        tavus = StandIn(behaviour=options.tavus)
        tavus_url = cleanup.enter_context(serve_stand_in(tavus))
        addresses = {**_local_addresses(_api_url(port), template, cdn), _TAVUS_URL: tavus_url}
        host = FunctionHost(services.endpoint_url, state.logs, services.keys.key_id, addresses)
        local_functions = cleanup.enter_context(_run_functions(template, host))
        functions = Functions(template, {name: each.invoke for name, each in local_functions.items()})
        options.report("Creating tables, buckets and queues")
        backlog, note = _fill_services(state, template, services, triggers)
        options.report("Starting the functions")
        answers = create_custom_resources(template, functions.invokes)
        for route in routes_of(template):
            local_functions[route.function].prewarm()
        running = _describe(options, state, port, services, _local_outputs(template, addresses))
        cleanup.enter_context(_serve_cdn(cdn, public_keys(template, answers), services, options))
        cleanup.enter_context(run_triggers(triggers, services, functions, backlog, hurry=options.hurry))
        gateway = Gateway(routes_of(template), functions.invokes)
        cleanup.enter_context(_serve_api(listener, options, running, gateway))
        cleanup.enter_context(register(state, running))
        for function in local_functions.values():
            function.prewarm()
        yield LocalStack(running, state, gateway, functions, tavus, services, note)


def _listen(options: Options) -> socket.socket:
    """Take the port; raises click.ClickException, which says whether a local stack has it."""
    try:
        return take_port(options.port)
    except PortTaken as error:
        for stack in running_stacks(options.state_root):
            if stack.port == options.port:
                raise click.ClickException(
                    f"A local stack is running on port {stack.port} already (process {stack.pid}). "
                    "Use that one, or start a second one with --port 0."
                ) from error
        raise


@contextlib.contextmanager
def _serve_api(
    listener: socket.socket, options: Options, running: RunningStack, gateway: Gateway
) -> Iterator[None]:
    """Answer with the console, if there is one, and behind it with the API."""
    handle = api_hosts(gateway.handle, running.port, options.public_url)
    open_site = options.console(running, gateway) if options.console else contextlib.nullcontext()
    with open_site as site, serve(listener, handle, before=site):
        yield


@contextlib.contextmanager
def _run_services(options: Options, state: State) -> Iterator[tuple[Template, EmbeddedServices]]:
    log, keys = state.logs / "embedded.log", AccessKeys()
    process = launch_services(log, keys)
    try:
        # The template is translated while the process does its imports: each takes a second.
        options.report("Reading template.yaml")
        template = load_template(
            options.template, options.parameters, defaults=_DEFAULTS, cache=state.translated_template
        )
        check_resources(template)
        options.report("Starting the services that stand in for AWS")
        yield template, await_services(process, log, keys)
    finally:
        stop_child(process)


@dataclass(frozen=True)
class _ReservedCdn:
    """The distribution of the template and the socket where it will answer."""

    distribution: Distribution
    listener: socket.socket

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@contextlib.contextmanager
def _reserve_cdn(template: Template, state: State) -> Iterator[_ReservedCdn | None]:
    distribution = distribution_of(template)
    if distribution is None:
        yield None
        return
    try:
        # Links are valid for hours: with the same port, those of the previous run still play.
        listener = take_port(state.cdn_port())
    except click.ClickException:
        listener = take_port(0)
    with listener:
        cdn = _ReservedCdn(distribution, listener)
        state.save_cdn_port(cdn.port)
        yield cdn


def _local_addresses(api_url: str, template: Template, cdn: _ReservedCdn | None) -> dict[str, str]:
    """Return the local address for each address on AWS."""
    apis = [f"https://{api.name}.{API_HOST_SUFFIX}" for api in template.of_type("AWS::ApiGatewayV2::Api")]
    domains = {f"https://{domain}": cdn.url for domain in cdn.distribution.domains} if cdn else {}
    return {**dict.fromkeys(apis, api_url), **domains}


def _local_outputs(template: Template, addresses: Mapping[str, str]) -> dict[str, str]:
    outputs = {name: addresses.get(value, value) for name, value in template.outputs.items()}
    return {**outputs, TAVUS_OUTPUT: addresses[_TAVUS_URL]}


def _serve_cdn(
    cdn: _ReservedCdn | None,
    keys: "Mapping[str, EllipticCurvePublicKey]",
    services: EmbeddedServices,
    options: Options,
) -> contextlib.AbstractContextManager[None]:
    if cdn is None:
        return contextlib.nullcontext()
    key_id = services.keys.key_id(CDN)
    server = Cdn(cdn.distribution, cdn.url, services.endpoint_url, key_id, keys, options.clock)
    return serve(cdn.listener, loopback_only(server.handle, cdn.port))


@contextlib.contextmanager
def _run_functions(template: Template, host: FunctionHost) -> Iterator[dict[str, LocalFunction]]:
    functions = {function.logical_id: LocalFunction(function) for function in functions_of(template, host)}
    try:
        # The start waits for these. The others start later, so that they do not take the processor from them.
        for name in custom_resource_functions(template).values():
            functions[name].prewarm()
        yield functions
    finally:
        for function in functions.values():
            function.request_end()
        for function in functions.values():
            function.stop()


def _fill_services(
    state: State, template: Template, services: EmbeddedServices, triggers: Triggers
) -> tuple[Backlog, str | None]:
    """Create the resources, restore the data, and return what is due; the note says what does not fit."""
    clients = services.clients()
    deploy(template, clients)
    clients.secrets.create_secret(Name=_TAVUS_SECRET, SecretString=KEY)
    filters = [
        {"mapping_id": each.mapping_id, "table": each.table, "patterns": each.patterns}
        for each in triggers.streams
    ]
    secrets = [secret.name for secret in template.of_type("AWS::SecretsManager::Secret")]
    backlog, note = services.open_journal(state.data, filters, secrets)
    services.configure(list_permissions_of(template, services.keys), buckets_with_events(template))
    return backlog, note


def _api_url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _describe(
    options: Options, state: State, port: int, services: EmbeddedServices, outputs: dict[str, str]
) -> RunningStack:
    """Return how to reach the stack, with its tokens."""
    credentials = _take_credentials(state, outputs, services)
    return RunningStack(
        pid=os.getpid(),
        port=port,
        api_url=_api_url(port),
        callback_url=f"{options.public_url or _api_url(port)}/callbacks/{credentials.callback_token}",
        read_token=credentials.read_token,
        quarantine_token=credentials.quarantine_token,
        endpoint_url=services.endpoint_url,
        region=REGION,
        aws_access_key_id=services.keys.key_id(PERSON),
        aws_secret_access_key=SECRET_ACCESS_KEY,
        outputs=outputs,
        parameters=options.parameters,
        state_folder=str(state.folder.resolve()),
        console_key=state.console_key() if options.console else "",
    )


def _take_credentials(state: State, outputs: dict[str, str], services: EmbeddedServices) -> Credentials:
    """Return the tokens of the previous run that are still valid, and new ones for the others; save them."""
    if "TokensTableName" not in outputs:
        raise click.ClickException(
            "template.yaml has no output TokensTableName, which names the table of the local tokens."
        )
    table = services.table(outputs["TokensTableName"])
    now = datetime.now(UTC)
    live = {record.digest for record in list_tokens(table) if record.is_live(now)}
    previous = asdict(state.credentials() or Credentials("", "", ""))
    tokens = {
        name: token
        if digest_token(token := previous[name]) in live
        else create_token(table, label=label, scope=scope, now=now)
        for name, (label, scope) in _TOKENS.items()
    }
    credentials = Credentials(**tokens)
    state.save_credentials(credentials)
    return credentials
