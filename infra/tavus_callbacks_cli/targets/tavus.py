"""Tavus's API for a person at a laptop: with a key from the environment, or the local stand-in."""

import os
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.targets.choose import LocalTarget, Target
from tavus_callbacks_cli.targets.urls import is_sendable

if TYPE_CHECKING:
    from tavus_callbacks.outbound.tavus_api import TavusApi

KEY, URL = "TAVUS_API_KEY", "TAVUS_API_URL"

_NO_KEY = f"""{KEY} is not set: Tavus's record is read with a key of your Tavus account.
  export {KEY}=…            (Tavus's developer portal, API Keys)
A deployed stack asks by itself, once it was given a key: parameter TavusApiKeyArn (docs/repair.md)."""
_STAND_IN = f"the local stand-in for Tavus's API; {KEY} in the environment asks Tavus itself"


def open_tavus_api(target: Target) -> "tuple[TavusApi, str]":
    """Return the API to ask for a target, and its name; raises click.UsageError if there is no key."""
    from pydantic import SecretStr

    from tavus_callbacks.outbound import tavus_api

    key, url = os.environ.get(KEY, "").strip(), os.environ.get(URL, "").strip() or tavus_api.URL
    if not key and isinstance(target, LocalTarget):
        from tavus_callbacks_cli.local_stack.stack import TAVUS_OUTPUT
        from tavus_callbacks_cli.local_stack.tavus_api import KEY as STAND_IN_KEY

        url = target.stack.outputs[TAVUS_OUTPUT]
        return tavus_api.TavusApi(SecretStr(STAND_IN_KEY), url), _STAND_IN
    if not key:
        raise click.UsageError(_NO_KEY)
    if not is_sendable(url):
        raise click.UsageError(f"{URL} is no address to send a key to: write https://HOST, or leave it out.")
    return tavus_api.TavusApi(SecretStr(key), url), url
