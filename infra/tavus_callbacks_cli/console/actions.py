"""The operator's actions of the console, with the content that the page posts.

Each returns the document that the command of its name prints with `--json`, and raises click.ClickException.
Their imports wait for the first action, because they would delay the start of a local stack.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import httpx

from tavus_callbacks_cli.targets.api_client import Unavailable, http_client
from tavus_callbacks_cli.targets.choose import LocalTarget, Target, UrlTarget
from tavus_callbacks_cli.targets.urls import is_http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tavus_callbacks_cli.console.read_api import ReadApi
    from tavus_callbacks_cli.simulator.send import Outcome

_NO_URL = "Write where to post as http://HOST/PATH or https://HOST/PATH."

Content = dict[str, Any]
Action = Callable[[Target, "ReadApi", Content], Content]


def allowed_actions(target: Target, *, is_allowed: bool) -> tuple[str, ...]:
    """Return the names of what a console may do; a deployed stack needs the person's permission."""
    if isinstance(target, LocalTarget):
        return ("redrive", "replay", "send")
    if not is_allowed:
        return ()
    return ("replay",) if isinstance(target, UrlTarget) else ("redrive", "replay")


def redrive(target: Target, _api: "ReadApi", content: Content) -> Content:
    """Store one entry of quarantine as an event, or all; a dry run only says which can be stored."""
    from tavus_callbacks_cli.operations.quarantine import redrive_entries

    entry_id = content.get("entry_id")
    if entry_id is not None:
        entry_id = _text(content, "entry_id")
    outcomes = redrive_entries(target, entry_id, dry_run=_flag(content, "dry_run"))
    return {"quarantine": [asdict(outcome) for outcome in outcomes]}


def replay(_target: Target, api: "ReadApi", content: Content) -> Content:
    """Post the stored bodies of a subject to an address; a dry run only says which."""
    from tavus_callbacks_cli.operations.post import open_poster
    from tavus_callbacks_cli.operations.replay import list_bodies, outcome_of
    from tavus_callbacks_cli.operations.replay import replay as post_bodies

    kind, subject, url = (_text(content, name) for name in ("kind", "subject", "to"))
    if not is_http(url):
        raise click.UsageError(_NO_URL)
    client = api.client("read")
    events = list_bodies(client, kind, subject)
    if _flag(content, "dry_run"):
        return {"events": [outcome_of(event, "would be posted") for event in events]}
    with open_poster(url) as post:
        return {"events": list(post_bodies(client, events, post))}


def send(target: Target, _api: "ReadApi", content: Content) -> Content:
    """Send a scenario, or one body as it is, to the callback URL of a local stack."""
    if not isinstance(target, LocalTarget):
        raise click.UsageError("Callbacks are sent to a local stack only.")
    try:
        answers = [
            {
                "status": outcome.status_code,
                "body": outcome.content,
                "event_type": outcome.answer.get("event_type"),
            }
            for outcome in _send(target, content)
        ]
    except httpx.TransportError as error:
        reason = type(error).__name__
        raise Unavailable(f"No answer ({reason}). Is the local stack still running?") from error
    return {"answers": answers}


ACTIONS: Mapping[str, Action] = {"redrive": redrive, "replay": replay, "send": send}


def list_scenarios() -> Content:
    """Return the scenarios that can be sent."""
    from tavus_callbacks_cli.simulator.scenario import load, names

    scenarios = map(load, names())
    return {
        "scenarios": [
            {"name": each.name, "description": each.description, "callbacks": len(each.callbacks)}
            for each in scenarios
        ]
    }


def _send(target: LocalTarget, content: Content) -> "Iterator[Outcome]":
    from tavus_callbacks_cli.simulator.scenario import Expectation, Rendered, ScenarioError, load
    from tavus_callbacks_cli.simulator.send import send as send_callbacks
    from tavus_callbacks_cli.simulator.send import send_scenario

    if ("scenario" in content) == ("body" in content):
        raise click.UsageError("Send either a scenario or a body.")
    url = target.stack.own_callback_url
    if "body" in content:
        # Half a surrogate pair is sent as it is, to show how the receiver treats it.
        body = _text(content, "body").encode("utf-8", "surrogatepass")
        with http_client(url) as client:
            yield from send_callbacks([Rendered(body, 0, Expectation(status_code=200))], url, client)
        return
    try:
        scenario = load(_text(content, "scenario"))
    except ScenarioError as error:
        raise click.UsageError(str(error)) from None
    yield from send_scenario(scenario, url, real_time=False, stack=target.stack, lost_types=())


def _text(content: Content, name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise click.UsageError(f"{name} is missing, or is not a text.")
    return value


def _flag(content: Content, name: str) -> bool:
    value = content.get(name)
    if not isinstance(value, bool):
        raise click.UsageError(f"{name} is missing, or is neither true nor false.")
    return value
