"""`tavus-callbacks token`: the tokens that post callbacks and the tokens that read."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import SCOPES, Scope
from tavus_callbacks_cli.commands import completion, options
from tavus_callbacks_cli.commands.options import named_target_options, target_options, wide_option
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import Times, examples, moment
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.store import Tables

USES: dict[Scope, str] = {
    "callback": "Give it to Tavus as callback_url; a query is kept as tags: ...?user=4711",
    "read": "Send it as `Authorization: Bearer ...`, or set it as TAVUS_CALLBACKS_READ_TOKEN.",
    "quarantine": "Send it as `Authorization: Bearer ...`, or set it as TAVUS_CALLBACKS_QUARANTINE_TOKEN.",
}

_expires_option = click.option(
    "--expires",
    type=options.expiry,
    metavar="TIME",
    help="When it expires: 30d from now, or ISO 8601 (UTC).",
)


@click.group(
    epilog=examples(
        "tavus-callbacks token create --label production --stack tavus-callbacks",
        "tavus-callbacks token create --label dashboard --scope read --stack tavus-callbacks",
        "tavus-callbacks token list --local",
    )
)
def token() -> None:
    """Create, list, rotate and revoke tokens.

    A token has a label, which every event that came by it carries, and one scope: callback tokens post,
    read and quarantine tokens read. The stack keeps only their digests.
    """


@token.command(
    epilog=examples(
        "tavus-callbacks token create --label production --stack tavus-callbacks",
        "tavus-callbacks token create --label dashboard --scope read --local",
        "tavus-callbacks token create --label alice --scope read --expires 30d --stack tavus-callbacks",
    )
)
@click.option("--label", type=options.label, required=True, metavar="L", help="Its name, kept with events.")
@click.option(
    "--scope", type=click.Choice(SCOPES), default="callback", show_default=True, help="What it is good for."
)
@_expires_option
@target_options
def create(target: Target, *, label: str, scope: Scope, expires: datetime | None) -> None:
    """Make a token and print it once.

    A callback token is printed as callback_url, to be given to Tavus. A token is valid until it is revoked,
    unless you set when it expires.
    """
    from tavus_callbacks_cli.targets.aws_errors import aws_errors
    from tavus_callbacks_cli.tokens import create_token, live_tokens

    tables, now = target.tables(), datetime.now(UTC)
    with aws_errors():
        if live_tokens(tables.tokens, label=label, now=now):
            rotate = shell.command("token rotate", label, options=target.options)
            raise click.ClickException(
                f"Label {shell.quote(label)} has a live token: `{rotate}` replaces it "
                "without a gap; another label makes another token."
            )
        expires_at = iso(expires) if expires else None
        fresh = create_token(tables.tokens, label=label, scope=scope, now=now, expires_at=expires_at)
    _print_token(fresh, scope, tables, expires_at)


@token.command(
    "list",
    epilog=examples(
        "tavus-callbacks token list --stack tavus-callbacks", "tavus-callbacks token list --local --json"
    ),
)
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def list_(target: Target, *, is_json: bool) -> None:
    """List labels, scopes and last use (to the hour).

    Tokens themselves are shown when they are made and never again.
    """
    from tavus_callbacks_cli.targets.aws_errors import aws_errors
    from tavus_callbacks_cli.tokens import list_token_views

    tables, now = target.tables(), datetime.now(UTC)
    with aws_errors():
        views = list_token_views(tables.tokens, tables.events, now)
    if is_json:
        print_json({"tokens": views})
        return
    names = ("created_at", "expires_at", "revoked_at", "last_used_at")
    times = Times.of(view[name] for view in views for name in names)
    columns = ("label", "scope", "status", times.head("created"), "expires", "revoked", "last used")
    rows = (
        [view["label"], view["scope"], view["status"], *(times.show(view[name]) for name in names)]
        for view in views
    )
    print_table(columns, rows)


@token.command(
    epilog=examples(
        "tavus-callbacks token rotate production --stack tavus-callbacks",
        "tavus-callbacks token rotate dashboard --grace 12h --local",
        "tavus-callbacks token rotate alice --expires 30d --stack tavus-callbacks",
    )
)
@click.argument("label", metavar="L", type=options.label, shell_complete=completion.labels)
@click.option(
    "--grace",
    type=options.duration,
    default="7d",
    show_default=True,
    metavar="SPAN",
    help="How long the token before it is still accepted, as in 30m, 12h or 7d.",
)
@_expires_option
@target_options
def rotate(target: Target, *, label: str, grace: timedelta, expires: datetime | None) -> None:
    """Replace a label's token without a gap.

    The new one has the same label, scope and expiry; --expires sets another. The one before it expires after
    the grace.
    """
    from tavus_callbacks_cli.targets.aws_errors import aws_errors
    from tavus_callbacks_cli.tokens import NoLiveToken, rotate_token

    tables, now = target.tables(), datetime.now(UTC)
    expires_at = iso(expires) if expires else None
    with aws_errors():
        try:
            rotation = rotate_token(tables.tokens, label=label, grace=grace, now=now, expires_at=expires_at)
        except NoLiveToken:
            raise _no_live_token(target, label) from None
    _print_token(rotation.token, rotation.scope, tables, rotation.expires_at)
    note(
        f"The one before it is accepted until {moment(rotation.previous_expires_at, with_zone=True)} at most."
    )


@token.command(
    epilog=examples(
        "tavus-callbacks token revoke production --stack tavus-callbacks",
        "tavus-callbacks token revoke dashboard --yes --local",
    )
)
@click.argument("label", metavar="L", type=options.label, shell_complete=completion.labels)
@click.option("--yes", is_flag=True, help="Do not ask.")
@named_target_options
def revoke(target: Target, *, label: str, yes: bool) -> None:
    """Revoke the live tokens of a label.

    They are refused within a minute. To replace one without a gap, `rotate` it.
    """
    from tavus_callbacks_cli.targets.aws_errors import aws_errors
    from tavus_callbacks_cli.tokens import live_tokens, revoke_token

    tables, now = target.tables(), datetime.now(UTC)
    with aws_errors():
        count = len(live_tokens(tables.tokens, label=label, now=now))
        if not count:
            raise _no_live_token(target, label)
        if not yes:
            click.confirm(f"Revoke {_count(count)} of label {label}?", abort=True, err=True)
        revoked = revoke_token(tables.tokens, label=label, now=datetime.now(UTC))
    click.echo(f"Revoked {_count(revoked)} of label {label}; refused within a minute.")


def _count(tokens: int) -> str:
    return f"{tokens} token" if tokens == 1 else f"{tokens} tokens"


def _no_live_token(target: Target, label: str) -> click.ClickException:
    create = shell.command("token create", options=("--label", label, *target.options))
    return click.ClickException(
        f"Label {shell.quote(label)} has no live token. "
        f"`{shell.command('token list', options=target.options)}` lists the live ones. "
        f"`{create}` makes one."
    )


def _print_token(token: str, scope: Scope, tables: "Tables", expires_at: str | None) -> None:
    credential = f"{tables.api_url}/callbacks/{token}" if scope == "callback" else token
    # Alone on standard output, so that a script can use it.
    click.echo(credential)
    note(f"Shown this once. {USES[scope]}")
    if expires_at:
        later = " Callbacks that come later are refused and not kept." if scope == "callback" else ""
        note(f"It expires at {moment(expires_at, with_zone=True)}.{later}")
