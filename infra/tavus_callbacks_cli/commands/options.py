"""Options and arguments that several commands share: targets, durations, times, labels, tags, files."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.tags import SIMULATED
from tavus_callbacks.domain.common.token import find_tokens
from tavus_callbacks_cli.commands import completion
from tavus_callbacks_cli.output.console import WIDE, note
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.targets import choose
from tavus_callbacks_cli.targets.urls import is_base, is_http, is_loopback

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.events import EventFilter

Command = Callable[..., None]

_DURATION = re.compile(r"([0-9]{1,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def local_options(command: Command) -> Command:
    """Give a command `--local` and `--port`."""
    port = click.option(
        "--port",
        type=int,
        metavar="N",
        shell_complete=completion.ports,
        help="Port of the local stack, if several are running.",
    )
    local = click.option("--local", "is_local", is_flag=True, help="Use the stack that runs on this machine.")
    return local(port(command))


def target_options(command: Command) -> Command:
    """Give a command the options that name a target, and the target as its first argument."""

    @wraps(command)
    def with_target(*args: Any, **kwargs: Any) -> None:
        target = choose.choose(os.environ, **_take_target(kwargs))
        note(f"on {target.name}")
        command(target, *args, **kwargs)

    return _target_options(with_target)


def named_target_options(command: Command) -> Command:
    """Give a command that changes data what `target_options` does, and require a target on its line.

    A variable that somebody forgot must not choose what is erased or stopped.
    """
    run = target_options(command)

    @wraps(run)
    def with_named_target(*args: Any, **kwargs: Any) -> None:
        if not kwargs["is_local"] and kwargs["stack"] is None:
            raise click.UsageError(
                f"Add {choose.option_to_add(os.environ)}: a command that changes data takes its target "
                "from the command line only."
            )
        run(*args, **kwargs)

    return with_named_target


def optional_target(command: Command) -> Command:
    """Give a command the options that name a target, and as its first argument the target, None without."""

    @wraps(command)
    def with_target(*args: Any, **kwargs: Any) -> None:
        words = _take_target(kwargs)
        is_named = any(word not in (None, False) for word in words.values())
        is_named |= any(os.environ.get(name) for name in (choose.URL, choose.STACK))
        command(choose.choose(os.environ, **words) if is_named else None, *args, **kwargs)

    return _target_options(with_target)


def _take_target(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values.pop(name) for name in ("is_local", "port", "stack", "region")}


def _target_options(command: Command) -> Command:
    region = click.option("--region", metavar="REGION", help="Region of the stack. Default: your AWS region.")
    stack = click.option("--stack", metavar="NAME", help="Use a deployed stack, with your AWS credentials.")
    return local_options(stack(region(command)))


def simulated_option(command: Command) -> Command:
    """Give a command `--simulated`, and `leave_out`: the parameter of lists that leaves out simulated data.

    A local stack always shows simulated data, and so does a filter for its tag. Write it below
    `target_options`.
    """

    @wraps(command)
    def with_leave_out(target: choose.Target, *args: Any, with_simulated: bool, **kwargs: Any) -> None:
        tags = (kwargs.get("tag"), *kwargs.get("wanted", ()))
        is_shown = with_simulated or target.is_local
        is_asked_for = any(tag and tag[0] == SIMULATED[0] for tag in tags)
        leave_out = {} if is_shown or is_asked_for else {"simulated": "false"}
        command(target, *args, leave_out=leave_out, **kwargs)

    simulated = click.option(
        "--simulated",
        "with_simulated",
        is_flag=True,
        help="Include simulated data, which a local stack always shows.",
    )
    return simulated(with_leave_out)


def _set_wide(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[WIDE] = True


wide_option = click.option(
    "--wide",
    is_flag=True,
    expose_value=False,
    callback=_set_wide,
    help="Show every column, with whole ids, times and tags.",
)


def filter_options(command: Command) -> Command:
    """Give a command the options that choose events, and `filter_`, an EventFilter made of them.

    Write it below `target_options`.
    """

    @wraps(command)
    def with_filter(  # noqa: PLR0913 - one argument an option
        target: choose.Target,
        *args: Any,
        kind: str | None,
        event_types: tuple[str, ...],
        label: str | None,
        wanted: tuple[tuple[str, str], ...],
        leave_out: dict[str, str],
        **kwargs: Any,
    ) -> None:
        from tavus_callbacks_cli.operations.events import EventFilter

        filter_ = EventFilter(kind, event_types, label, wanted, with_simulated=not leave_out)
        command(target, *args, filter_=filter_, **kwargs)

    by_kind = kind_option("Only events of this kind.")
    by_type = click.option(
        "--event-type",
        "event_types",
        shell_complete=completion.event_types,
        multiple=True,
        metavar="TYPE",
        help="Only events of this type, such as system.shutdown. Repeatable.",
    )
    by_label = click.option(
        "--label",
        type=label,
        metavar="LABEL",
        shell_complete=completion.labels,
        help="Only events received by the token with this label.",
    )
    by_tag = click.option(
        "--tag",
        "wanted",
        type=tag,
        multiple=True,
        metavar="NAME:VALUE",
        help="Only events with this tag. Repeatable.",
    )
    return by_kind(by_type(by_label(by_tag(simulated_option(with_filter)))))


def words(filter_: "EventFilter", target: choose.Target) -> tuple[str, ...]:
    """Return the options that choose the events of a filter on a target."""
    pairs = [("--kind", filter_.kind), ("--label", filter_.label)]
    pairs += [("--event-type", event_type) for event_type in filter_.event_types]
    pairs += [("--tag", ":".join(tag)) for tag in filter_.tags]
    # A local stack shows simulated events anyway.
    simulated = ("--simulated",) if filter_.with_simulated and not target.is_local else ()
    return (*(word for pair in pairs if pair[1] for word in pair if word), *simulated)


def follow_options(command: Command) -> Command:
    """Give a command that follows the feed `since`, `is_json`, a target and a filter."""
    since = click.option(
        "--since",
        type=past,
        metavar="TIME",
        help="Start with events received since then: 2h, or ISO 8601 (UTC).",
    )
    as_json = click.option("--json", "is_json", is_flag=True, help="Print one JSON object per line.")
    return since(as_json(target_options(filter_options(command))))


def post_options(command: Command) -> Command:
    """Give a command the options that say where to post: `url`, `ca` and `is_insecure`."""

    @wraps(command)
    def with_checks(*args: Any, url: str, ca: Path | None, is_insecure: bool, **kwargs: Any) -> None:
        if is_insecure and not is_loopback(url):
            raise click.UsageError(
                "--insecure works only for this machine (localhost, 127.0.0.1, ::1). Use --ca FILE instead."
            )
        if (ca or is_insecure) and not url.lower().startswith("https:"):
            raise click.UsageError("--ca and --insecure need an https:// address.")
        command(*args, url=url, ca=ca, is_insecure=is_insecure, **kwargs)

    to = click.option(
        "--to", "url", required=True, callback=http_url, metavar="URL", help="Address to post to."
    )
    ca = click.option(
        "--ca",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Trust only the certificates in this PEM file.",
    )
    insecure = click.option(
        "--insecure",
        "is_insecure",
        is_flag=True,
        help="Trust any certificate. Only for servers on this machine.",
    )
    return to(ca(insecure(with_checks)))


def http_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Check an option that holds an http:// or https:// address."""
    if value is not None and not is_http(value):
        raise click.BadParameter("This is not a web address. Use http://HOST/PATH or https://HOST/PATH.")
    return value


def public_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Check an option that holds the address of a tunnel, and remove slashes at its end."""
    if value is None:
        return None
    url = value.rstrip("/")
    if not is_base(url) or find_tokens(url):
        raise click.BadParameter(
            "Use the address of your tunnel, without a user name, query or token: https://HOST"
        )
    return url


class Renamed(click.Choice[str]):
    """A choice that also takes other names: Tavus renamed replica to face in June 2026."""

    def __init__(self, choices: Iterable[str], names: Mapping[str, str]) -> None:
        super().__init__([*choices, *names])
        self.names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the choice that the word means."""
        choice = super().convert(value, param, ctx)
        return self.names.get(choice, choice)


KIND = Renamed(KINDS, {"face": "replica"})


def kind_option(text: str, default: str | None = None) -> Callable[[Command], Command]:
    """Return `--kind`, with a help text that ends with the kinds: as a metavar they are wider than a line."""
    return click.option(
        "--kind",
        type=KIND,
        metavar="KIND",
        default=default,
        show_default=default is not None,
        help=f"{text} One of {', '.join(KIND.choices)}.",
    )


def duration(text: str) -> timedelta:
    """Parse a duration such as `30m`, `12h` or `7d`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a duration. Use 30s, 30m, 12h or 7d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def moment(text: str) -> datetime:
    """Parse a time (ISO 8601, UTC unless it names a zone), or how long ago, such as `2h`."""
    if _DURATION.fullmatch(text):
        return datetime.now(UTC) - duration(text)
    time = timestamps.parse(text)
    if time is None:
        raise click.BadParameter(f"{text!r} is not a time. Use 2h, 3d or 2026-11-28T10:00Z.")
    return time


def past(text: str) -> datetime:
    """Parse a time as `moment` does, and note one in the future. Clocks differ, so it is not refused."""
    time = moment(text)
    if time > datetime.now(UTC):
        note(f"{text} is in the future by this machine's clock.")
    return time


def expiry(text: str) -> datetime:
    """Parse a time in the future: how long from now, such as `30d`, or ISO 8601 (UTC without a zone)."""
    now = datetime.now(UTC)
    time = now + duration(text) if _DURATION.fullmatch(text) else timestamps.parse(text)
    if time is None:
        raise click.BadParameter(f"{text!r} is not a time. Use 30d or 2027-03-01T12:00Z.")
    if time <= now:
        raise click.BadParameter(f"{text!r} is in the past. Use 30d or a later time.")
    return time


def label(text: str) -> str:
    """Parse a token's label: a short plain name, because events, logs and answers show it."""
    if find_tokens(text):
        raise click.BadParameter(
            "This looks like a token, and labels are public. Use the label of the token."
        )
    if not _LABEL.fullmatch(text):
        raise click.BadParameter(
            f"{text!r} is not a label. Use 1 to 64 letters, digits, dots, dashes and underscores."
        )
    return text


def tag(text: str) -> tuple[str, str]:
    """Parse a tag as name and value: `user:4711`, or `user=4711` as in the query of a callback_url."""
    parts = re.split("[:=]", text, maxsplit=1)
    if len(parts) == 1 or not parts[0]:
        raise click.BadParameter(f"{text!r} is not a tag. Use NAME:VALUE, such as user:4711.")
    return parts[0], parts[1]


def identifier(text: str) -> str:
    """Parse an id. An empty one comes from a shell variable that is not set."""
    if not text.strip():
        raise click.BadParameter("The id is empty. If it is in a shell variable, set the variable first.")
    return text


def id_argument(
    name: str = "id_",
    complete: completion.Complete = completion.subjects,
    *,
    required: bool = True,
    nargs: int = 1,
) -> Callable[[Command], Command]:
    """Return an argument that takes an id or `latest`, or several of them with `nargs` -1."""
    metavar = ("ID|latest" if required else "[ID|latest]") + "..." * (nargs < 0)
    return click.argument(
        name, type=identifier, required=required, nargs=nargs, metavar=metavar, shell_complete=complete
    )


def _pairs(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    parts = [value.partition("=") for value in values]
    for name, equals, value in parts:
        if name.endswith("Url") and value and not is_http(value):
            raise click.BadParameter(
                f"{name} is not a web address. Use http://HOST/PATH or https://HOST/PATH."
            )
        if not (name and equals):
            raise click.BadParameter(
                f"{name!r} has no value. Use NAME=VALUE, such as PushUrl=http://localhost:5000."
            )
    return {name: value for name, _, value in parts}


template_parameters = click.option(
    "--parameter",
    "parameters",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="Set a parameter of template.yaml. Repeatable.",
)


def query(filters: Mapping[str, Any]) -> dict[str, str]:
    """Return filters as the API takes them, without those that are None."""
    return {
        name: timestamps.iso(value)
        if isinstance(value, datetime)
        else ":".join(value)
        if isinstance(value, tuple)
        else str(value)
        for name, value in filters.items()
        if value is not None
    }


def refuse_overwrite(file: Path, *, force: bool) -> None:
    """Raise click.ClickException for a file that exists, unless it may be overwritten."""
    if file.exists() and not force:
        raise click.ClickException(
            f"{argument(str(file))} exists. Use another file, or add --force to overwrite it."
        )


def require_folder(file: Path) -> None:
    """Raise click.ClickException if the folder of a file is missing."""
    if not file.parent.is_dir():
        raise click.ClickException(f"There is no folder {argument(str(file.parent))}. Create it first.")
