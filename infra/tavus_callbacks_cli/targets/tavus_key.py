"""Tavus's API as a person at a laptop asks it: with a key of the environment, or the local stand-in."""

import os
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.output.console import note
from tavus_callbacks_cli.targets.choose import LocalTarget, Target, is_sendable

if TYPE_CHECKING:
    from tavus_callbacks.outbound.tavus_api import TavusApi

KEY, URL = "TAVUS_API_KEY", "TAVUS_API_URL"

_NO_KEY = f"""{KEY} is not set: Tavus's record is read with a key of your Tavus account.
  export {KEY}=…            (Tavus's developer portal, API Keys)
A deployed stack asks by itself, once it was given a key: parameter TavusApiKeyArn (docs/repair.md)."""


def tavus_of(target: Target) -> "TavusApi":
    """Return the API to ask for a target, and say which; raises click.UsageError where there is no key."""
    from pydantic import SecretStr

    from tavus_callbacks.outbound import tavus_api

    key, url = os.environ.get(KEY, "").strip(), os.environ.get(URL, "").strip() or tavus_api.URL
    if not key and isinstance(target, LocalTarget):
        return _stand_in(target)
    if not key:
        raise click.UsageError(_NO_KEY)
    if not is_sendable(url):
        raise click.UsageError(f"{URL} is no address to send a key to: write https://HOST, or leave it out.")
    note(f"asking {url}")
    return tavus_api.TavusApi(SecretStr(key), url)


def _stand_in(target: LocalTarget) -> "TavusApi":
    from pydantic import SecretStr

    from tavus_callbacks.outbound.tavus_api import TavusApi
    from tavus_callbacks_cli.local_stack.stack import TAVUS_OUTPUT
    from tavus_callbacks_cli.local_stack.tavus_api import KEY as STAND_IN_KEY

    note(f"asking the local stand-in for Tavus's API; {KEY} in the environment asks Tavus itself")
    return TavusApi(SecretStr(STAND_IN_KEY), target.stack.outputs[TAVUS_OUTPUT])
