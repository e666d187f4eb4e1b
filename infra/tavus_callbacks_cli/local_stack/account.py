"""The made-up AWS account of every local stack, and boto3 sessions that see nothing of your own AWS setup."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.loaders import Loader

REGION = "us-east-1"
ACCOUNT = "123456789012"
STACK = "tavus-callbacks-local"
SECRET_ACCESS_KEY = "local"  # noqa: S105 - public: the access key id is the secret

# In botocore's form: name in the file, names in the environment, default, conversion.
_NO_USER_FILES: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def isolated_session(key_id: str = "local") -> "Session":
    """Create a session for the embedded services. It uses none of your AWS setup and no proxy."""
    import boto3
    from botocore.config import Config
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES as VARIABLES
    from botocore.session import Session as Core

    unset = {name: (key, None, *rest) for name, (key, _, *rest) in VARIABLES.items()}
    core = Core(session_vars={**unset, **_NO_USER_FILES})
    core.get_component("config_store").set_config_variable("s3", {})
    core.set_default_client_config(Config(proxies={}))
    core.register_component("data_loader", _loader())
    return boto3.Session(key_id, SECRET_ACCESS_KEY, region_name=REGION, botocore_session=core)


@cache
def _loader() -> "Loader":
    # Shared by all sessions: otherwise each reads megabytes of JSON that describe the services.
    from botocore.loaders import create_loader

    return create_loader()
