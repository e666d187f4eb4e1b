"""How to run a local stack. Loads nothing heavy, because `--help` and the first line of a start need it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tavus_callbacks_cli.local_stack.behaviour import Behaviour
from tavus_callbacks_cli.local_stack.loopback import DEFAULT_PORT
from tavus_callbacks_cli.local_stack.state import state_root, template_path

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tavus_callbacks_cli.local_stack.http.gateway import Gateway
    from tavus_callbacks_cli.local_stack.http.server import Site
    from tavus_callbacks_cli.local_stack.registry import RunningStack


@dataclass(frozen=True)
class Options:
    """How to run a stack; port 0 takes a free one, and links of the CDN expire by `clock`.

    With `hurry`, schedules run every second. `tavus` is the behaviour of the stand-in for Tavus's API.
    `console` opens the site that shows the stack as a web page. `report` gets each step of the start.
    """

    port: int = DEFAULT_PORT
    public_url: str | None = None
    fresh: bool = False
    template: Path = field(default_factory=template_path)
    parameters: dict[str, str] = field(default_factory=dict)
    state_root: Path = field(default_factory=state_root)
    clock: Callable[[], float] = time.time
    hurry: bool = False
    tavus: Behaviour = field(default_factory=Behaviour)
    console: "Callable[[RunningStack, Gateway], AbstractContextManager[Site]] | None" = None
    report: Callable[[str], object] = lambda _step: None
