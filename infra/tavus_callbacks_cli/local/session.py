"""boto3 sessions that see nothing of the person's own AWS set-up: no profile, no keys, no proxy."""

import os
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local.intrinsics import REGION

if TYPE_CHECKING:
    from boto3 import Session

# In botocore's form: name in the file, names in the environment, default, conversion.
_UNSEEN: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def isolated_session() -> "Session":
    """Make a session for the embedded services."""
    import boto3
    from botocore.config import Config
    from botocore.session import Session as Core

    core = Core(session_vars=_UNSEEN)
    core.set_default_client_config(Config(proxies={}))
    return boto3.Session("local", "local", region_name=REGION, botocore_session=core)
