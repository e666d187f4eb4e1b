"""TAB completes ids, labels and ports of a local stack, and scenarios and event types.

A failure is silent: the shell shows completions in the middle of the line that somebody types.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.paths import LISTS, subject_path
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import escape, moment
from tavus_callbacks_cli.targets.choose import STACK, URL, LocalTarget, running_ports, running_stack

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tavus_callbacks.domain.common.token import Scope
    from tavus_callbacks_cli.targets.api_client import ApiClient

# A value, and what zsh and fish show beside it.
Value = tuple[str, str]
Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]

# Seconds to wait for the local stack.
_PATIENCE = 2
_LIMIT = "50"
_LATEST = "latest"


def _completes(find: Callable[[click.Context], Iterable[Value]]) -> Complete:
    """Turn a function that finds values into what click calls on TAB."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        try:
            values = [
                (value, escape(text))
                for value, text in find(context)
                # Ids come from strangers, and a shell inserts them unquoted: `c1;ls` would be two commands.
                if value.startswith(incomplete) and value == argument(value)
            ]
        except Exception:  # noqa: BLE001 - an error would end up in the line that somebody types
            values = []
        if _LATEST in str(parameter.metavar) and _LATEST.startswith(incomplete):
            values = [(_LATEST, "the newest"), *values]
        return [CompletionItem(value, help=text) for value, text in values]

    return complete


@_completes
def ports(_context: click.Context) -> Iterator[Value]:
    """Find the ports of the local stacks that run."""
    return ((str(port), "local stack") for port in running_ports())


@_completes
def scenarios(_context: click.Context) -> Iterator[Value]:
    """Find the scenarios of `simulate`."""
    from tavus_callbacks_cli.simulator.scenario import load, names

    return ((name, load(name).description) for name in names())


@_completes
def event_types(_context: click.Context) -> Iterator[Value]:
    """Find the event types of conversations that have a model."""
    from tavus_callbacks.domain.callbacks.validation import conversation_models

    return ((event_type, "") for event_type in sorted(conversation_models()))


@_completes
def subjects(context: click.Context) -> list[Value]:
    """Find the newest subjects of the kind that the line names, by default conversations."""
    from tavus_callbacks_cli.operations.subjects import id_member

    kind = context.params.get("kind") or "conversation"
    with _open_api(context, "read") as api:
        if kind not in LISTS:
            events = _page(api, "/events", kind=kind, order="newest")
            return [(subject, kind) for subject in dict.fromkeys(event["subject"] for event in events)]
        member = id_member(kind)
        items = _page(api, f"/{LISTS[kind]}")
        return [(item[member], f"{item['status']} {moment(item['received_first_at'])}") for item in items]


@_completes
def recordings(context: click.Context) -> list[Value]:
    """Find the recordings of the conversation on the line, without one of the newest."""
    conversation = context.params.get("conversation") or context.params.get("id_") or _LATEST
    with _open_api(context, "read") as api:
        if conversation == _LATEST:
            conversation = _page(api, "/conversations")[0]["conversation_id"]
        items = _page(api, subject_path("conversation", conversation, "recordings"))
        return [(item["recording_id"], item["status"]) for item in items]


@_completes
def quarantine_ids(context: click.Context) -> list[Value]:
    """Find the newest entries of quarantine."""
    with _open_api(context, "quarantine") as api:
        return [(item["quarantine_id"], item["detail"]) for item in _page(api, "/quarantine")]


@_completes
def failures(context: click.Context) -> list[Value]:
    """Find the batches that functions could not process."""
    from tavus_callbacks_cli.operations.failed import list_failures

    return [(each.key, each.function) for each in list_failures(_local_target(context).deployment())]


@_completes
def labels(context: click.Context) -> list[Value]:
    """Find the labels of tokens that are not revoked."""
    from tavus_callbacks_cli.tokens import list_token_views

    tables = _local_target(context).tables()
    views = list_token_views(tables.tokens, tables.events, datetime.now(UTC))
    return [(view["label"], view["scope"]) for view in views if not view["revoked_at"]]


def _local_target(context: click.Context) -> LocalTarget:
    """Return the local stack of a line. `--local` often follows the id, so it need not be there yet."""
    is_elsewhere = os.environ.get(STACK) or os.environ.get(URL)
    if context.params.get("stack") or (is_elsewhere and not context.params.get("is_local")):
        raise click.UsageError("The target is not local.")
    return LocalTarget(running_stack(context.params.get("port")))


@contextmanager
def _open_api(context: click.Context, scope: "Scope") -> "Iterator[ApiClient]":
    with _local_target(context).open_api(scope) as api:
        api.http.timeout = _PATIENCE
        yield api


def _page(api: "ApiClient", path: str, **parameters: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get(path, {"limit": _LIMIT, **parameters})[path.rpartition("/")[2]]
    return items
