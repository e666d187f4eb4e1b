"""The memory of a Lambda runtime, for tests in which one process plays many of them."""

import sys
from types import ModuleType


def forget(*but: ModuleType) -> None:
    """Empty every cache of the functions' modules, as a new runtime begins; those of `but` stay."""
    names = [name for name in list(sys.modules) if name.startswith("tavus_callbacks.")]
    modules = [sys.modules[name] for name in names if sys.modules[name] not in but]
    for value in [value for module in modules for value in vars(module).values()]:
        if callable(getattr(value, "cache_clear", None)):
            value.cache_clear()
