"""`tavus-callbacks token`: tokens for Tavus to post with, and tokens for your programs to read with."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import SCOPES, Scope
from tavus_callbacks_cli.commands import completion, options
from tavus_callbacks_cli.commands.options import named_target_options, target_options, wide_option
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import Times, amount, examples, moment
from tavus_callbacks_cli.targets.choose import LocalTarget, Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.store import Tables

USES: dict[Scope, str] = {
    "callback": "Use the URL as callback_url at Tavus. To tag its events, append a query: ...?user=4711",
    "read": "Send it as `Authorization: Bearer ...`, or set it as TAVUS_CALLBACKS_READ_TOKEN.",
    "quarantine": "Send it as `Authorization: Bearer ...`, or set it as TAVUS_CALLBACKS_QUARANTINE_TOKEN.",
}

_expires_option = click.option(
    "--expires",
    type=options.expiry,
    metavar="TIME",
    help="When the token expires: 30d from now, or ISO 8601 (UTC).",
)
_public_url_option = click.option(
    "--public-url",
    callback=options.public_url,
    metavar="URL",
    help="Address of your tunnel or proxy, for the callback_url.",
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

    Every event carries the label of the token that posted it. The scope of a token says what it allows: to
    post callbacks, to read, or to read the quarantine. The stack stores only the digests of tokens.
    """


@token.command(
    epilog=examples(
        "tavus-callbacks token create --label production --stack tavus-callbacks",
        "tavus-callbacks token create --label dashboard --scope read --local",
        "tavus-callbacks token create --label alice --scope read --expires 30d --stack tavus-callbacks",
        "tavus-callbacks token create --label laptop --public-url https://example.trycloudflare.com --local",
    )
)
@click.option("--label", type=options.label, required=True, metavar="LABEL", help="Name of the token.")
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default="callback",
    show_default=True,
    help="Requests that the token allows.",
)
@_expires_option
@_public_url_option
@target_options
def create(
    target: Target, *, label: str, scope: Scope, expires: datetime | None, public_url: str | None
) -> None:
    """Create a token and print it once.

    A callback token is printed as a callback_url, for Tavus. A token is valid until you revoke it, or until
    the time in --expires.
    """
    from tavus_callbacks_cli.targets.aws_errors import aws_errors
    from tavus_callbacks_cli.tokens import create_token, live_tokens

    if public_url and scope != "callback":
        raise click.UsageError("--public-url goes with --scope callback.")
    tables, now = target.tables(), datetime.now(UTC)
    with aws_errors():
        if live_tokens(tables.tokens, label=label, now=now):
            rotate = shell.command("token rotate", label, options=target.options)
            raise click.ClickException(
                f"Label {shell.quote(label)} already has a token. `{rotate}` replaces it without a gap. "
                "For another token, use another label."
            )
        expires_at = iso(expires) if expires else None
        fresh = create_token(tables.tokens, label=label, scope=scope, now=now, expires_at=expires_at)
    _print_token(fresh, scope, public_url or _public_address(target, tables), expires_at)


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

    A token itself is shown only once, by the command that creates it.
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
        [view["label"], view["scope"], view["status"], *(times.cell(view[name]) for name in names)]
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
@click.argument("label", metavar="LABEL", type=options.label, shell_complete=completion.labels)
@click.option(
    "--grace",
    type=options.duration,
    default="7d",
    show_default=True,
    metavar="SPAN",
    help="How long the old token stays valid: 30m, 12h or 7d.",
)
@_expires_option
@_public_url_option
@target_options
def rotate(
    target: Target, *, label: str, grace: timedelta, expires: datetime | None, public_url: str | None
) -> None:
    """Replace a label's token without a gap.

    The new token has the same label, scope and expiry. --expires sets another expiry. The old token stays
    valid for the time in --grace.
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
    address = public_url or _public_address(target, tables)
    _print_token(rotation.token, rotation.scope, address, rotation.expires_at)
    until = moment(rotation.previous_expires_at, with_zone=True)
    note(f"The old token is valid until {until} at the latest.")


@token.command(
    epilog=examples(
        "tavus-callbacks token revoke production --stack tavus-callbacks",
        "tavus-callbacks token revoke dashboard --yes --local",
    )
)
@click.argument("label", metavar="LABEL", type=options.label, shell_complete=completion.labels)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@named_target_options
def revoke(target: Target, *, label: str, yes: bool) -> None:
    """Revoke the live tokens of a label.

    The stack refuses them within a minute. To replace a token without a gap, use `token rotate`.
    """
    from tavus_callbacks_cli.targets.aws_errors import aws_errors
    from tavus_callbacks_cli.tokens import live_tokens, revoke_token

    tables, now = target.tables(), datetime.now(UTC)
    with aws_errors():
        count = len(live_tokens(tables.tokens, label=label, now=now))
        if not count:
            raise _no_live_token(target, label)
        if not yes:
            live = amount(count, "token", "tokens")
            click.confirm(f"Revoke {live} with label {label}?", abort=True, err=True)
        revoked = revoke_token(tables.tokens, label=label, now=datetime.now(UTC))
    tokens = amount(revoked, "token", "tokens")
    click.echo(f"Revoked {tokens} with label {label}. The stack refuses them within a minute.")


def _no_live_token(target: Target, label: str) -> click.ClickException:
    create = shell.command("token create", options=("--label", label, *target.options))
    return click.ClickException(
        f"Label {shell.quote(label)} has no valid token. "
        f"`{shell.command('token list', options=target.options)}` lists all tokens. `{create}` creates one."
    )


def _public_address(target: Target, tables: "Tables") -> str:
    """Return the address for Tavus: the tunnel's, if the local stack was started with one."""
    if isinstance(target, LocalTarget):
        return target.stack.callback_url.rpartition("/callbacks/")[0]
    return tables.api_url


def _print_token(token: str, scope: Scope, address: str, expires_at: str | None) -> None:
    credential = f"{address}/callbacks/{token}" if scope == "callback" else token
    # Alone on standard output, so that a script can use it.
    click.echo(credential)
    note(f"The token is shown only once. {USES[scope]}")
    if expires_at:
        later = " Later callbacks are refused and not stored." if scope == "callback" else ""
        note(f"It expires at {moment(expires_at, with_zone=True)}.{later}")
