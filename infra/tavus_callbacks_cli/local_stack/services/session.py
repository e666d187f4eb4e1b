"""boto3 sessions that see nothing of the person's own AWS set-up: no profile, no keys, no proxy."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.services.keys import SECRET_ACCESS_KEY
from tavus_callbacks_cli.local_stack.template.intrinsics import REGION

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.loaders import Loader

# In botocore's form: name in the file, names in the environment, default, conversion.
_UNSEEN: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def isolated_session(key_id: str = "local") -> "Session":
    """Make a session for the embedded services, with an access key of their run."""
    import boto3
    from botocore.config import Config
    from botocore.session import Session as Core

    core = Core(session_vars=_UNSEEN)
    core.set_default_client_config(Config(proxies={}))
    core.register_component("data_loader", _loader())
    return boto3.Session(key_id, SECRET_ACCESS_KEY, region_name=REGION, botocore_session=core)


@cache
def _loader() -> "Loader":
    # One for all sessions: else each reads megabytes of JSON anew to know what services look like.
    from botocore.loaders import create_loader

    return create_loader()
