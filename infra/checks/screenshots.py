#!/usr/bin/env python3
"""Writes the pictures of the console and of `show` into docs/screenshots, from a fresh local stack."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tavus_callbacks_cli.console.open import local_console
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.local_stack.stack import local_stack
from tavus_callbacks_cli.simulator import scenario
from tavus_callbacks_cli.simulator.recording import await_link
from tavus_callbacks_cli.simulator.send import send_scenario
from tavus_callbacks_cli.targets.choose import LocalTarget

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

FOLDER = Path(__file__).resolve().parents[2] / "docs/screenshots"
FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")
# The last one is the first row of the list, and the conversation of the pictures.
SCENARIOS = (
    *("nobody-came", "copy-failed", "objectives", "no-camera", "guardrail", "tools", "conversation-2025"),
    *("memory", "conversation", "recording"),
)
VIEWS = {"light": (1280, 760, "light"), "dark": (1280, 760, "dark"), "390": (390, 844, "light")}
# The picture of the video, and the turn that is said in it.
TURN = "Heron is yours"
PAUSE = """(video) => new Promise((paused) => {
  const pause = () => { video.pause(); setTimeout(paused, 500); };
  if (video.readyState > 2 && !video.seeking) pause();
  else video.addEventListener('canplay', pause, {once: true});
})"""
MOST_BYTES = 150_000
COLUMNS, LINES = 80, 50


def main() -> None:
    """Start a fresh stack, simulate, and take every picture."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        options = Options(port=0, state_root=Path(folder), console=local_console)
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        with local_stack(options) as stack:
            subjects = [simulate(stack.running, name) for name in SCENARIOS]
            with LocalTarget(stack.running).open_api("read") as api:
                await_link(subjects[-1], api)
            for view in VIEWS:
                take(browser, stack.running, subjects[-1], view)
            output = in_terminal("show", subjects[-1], "--local", state=folder)
            take_terminal(browser, "show", "tavus-callbacks show latest --local", output)
        browser.close()


def simulate(stack: RunningStack, name: str) -> str:
    """Send a scenario and return its subject."""
    sent = scenario.load(name)
    outcomes = list(send_scenario(sent, stack.callback_url, real_time=False, stack=stack, lost_types=()))
    return str(outcomes[0].answer["subject"])


def take(browser: "Browser", stack: RunningStack, conversation_id: str, view: str) -> None:
    """Take the pictures of list and conversation in one width and colour scheme."""
    width, height, scheme = VIEWS[view]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{stack.api_url}/#key={stack.console_key}")
    page.locator("main tbody tr").nth(len(SCENARIOS) - 1).wait_for()
    save(page, f"list-{view}")
    page.goto(f"{stack.api_url}/#/conversations/{conversation_id}")
    turn = page.locator(".turn").filter(has_text=TURN)
    turn.locator("button.at").click()
    page.locator("video").wait_for()
    page.locator("video").evaluate(PAUSE)
    page.evaluate("scrollTo(0, 0)")
    save(page, f"conversation-{view}")
    context.close()


def in_terminal(*arguments: str, state: str) -> str:
    """Run a command in a terminal of 80 columns and return what it prints, escape sequences included."""
    command = shlex.join([str(Path(sys.executable).with_name("tavus-callbacks")), *arguments])
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC"}
    done = subprocess.run(  # noqa: S603 - our own command
        # The `script` of Linux gives it a terminal.
        ["script", "-qec", f"stty cols {COLUMNS} rows {LINES}; exec {command}", "/dev/null"],  # noqa: S607 - of the PATH
        env={**environment, "TAVUS_CALLBACKS_STATE": state},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().replace("\r\n", "\n")


def take_terminal(browser: "Browser", name: str, title: str, output: str) -> None:
    """Take a picture of what a command printed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(output))
    # Its web fonts come from the internet; without them the browser's own monospaced font is drawn.
    picture = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title=title), flags=re.DOTALL)
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.set_content(f"<body style='margin: 0'>{picture}")
    save(page.locator("svg"), name)
    page.close()


def save(shown: "Page | Locator", name: str) -> None:
    """Write a picture; raises ValueError if it is too large for the repository."""
    path = FOLDER / f"{name}.png"
    size = len(shown.screenshot(path=path))
    if size > MOST_BYTES:
        raise ValueError(f"{path} has {size} bytes, which is more than {MOST_BYTES}.")
    sys.stdout.write(f"{json.dumps(str(path.relative_to(FOLDER.parents[1])))} {size} bytes\n")


if __name__ == "__main__":
    main()
