"""Tavus's API for a person at a laptop: with a key from the environment, or the local stand-in."""

import os
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.targets.choose import LocalTarget, Target
from tavus_callbacks_cli.targets.urls import is_sendable

if TYPE_CHECKING:
    from tavus_callbacks.outbound.tavus_api import TavusApi

KEY, URL = "TAVUS_API_KEY", "TAVUS_API_URL"

_NO_KEY = f"""{KEY} is not set. This command needs an API key of your Tavus account:
  export {KEY}=…            (Tavus's developer portal, API Keys)
A deployed stack with a key fetches lost callbacks by itself (parameter TavusApiKeyArn, docs/repair.md)."""
_BAD_URL = f"{URL} is not a safe address for an API key. Use https://HOST, or unset it to ask tavusapi.com."


def open_tavus_api(target: Target, *, is_real: bool) -> "tuple[TavusApi, str]":
    """Return the API to ask for a target, and its name; raises click.UsageError without a key.

    A local target has a stand-in for Tavus's API. It is asked whatever the environment says, unless the
    person wants the real API.
    """
    from pydantic import SecretStr

    from tavus_callbacks.outbound import tavus_api

    if isinstance(target, LocalTarget) and not is_real:
        from tavus_callbacks_cli.local_stack.stack import TAVUS_OUTPUT
        from tavus_callbacks_cli.local_stack.tavus_api import KEY as STAND_IN_KEY

        url = target.stack.outputs[TAVUS_OUTPUT]
        return tavus_api.TavusApi(SecretStr(STAND_IN_KEY), url), "the local stand-in for Tavus's API"
    key, url = os.environ.get(KEY, "").strip(), os.environ.get(URL, "").strip() or tavus_api.URL
    if not key:
        raise click.UsageError(_NO_KEY)
    if not is_sendable(url):
        raise click.UsageError(_BAD_URL)
    return tavus_api.TavusApi(SecretStr(key), url), url
