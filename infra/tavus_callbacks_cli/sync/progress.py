"""The progress of a sync."""

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """`step` gets a description, the amount so far and the whole; `note` gets a sentence."""

    step: Callable[[str, float, float], object]
    note: Callable[[str], object]
