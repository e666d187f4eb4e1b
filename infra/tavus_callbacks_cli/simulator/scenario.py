"""Scenarios: the callbacks that Tavus would send, with fresh ids and times.

Each file in `scenarios/` has a description and a list of callbacks, or it has the callbacks of the scenario
in `like`. A callback has a `body` (JSON), or `raw` text instead. Text may hold placeholders:
the ids of `fresh_ids`, `{webhook_url}`, and times as seconds from now in the formats that Tavus uses, such as
`{time-12.5}` (see `_TIME_FORMATS`). A text that is only `{epoch-12.5}` becomes a number.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.resources import files
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from tavus_callbacks.domain.common.tags import SIMULATED
from tavus_callbacks.domain.common.timestamps import iso

_SCENARIOS = files("tavus_callbacks_cli.simulator") / "scenarios"
_PLACEHOLDER = re.compile(r"\{(\w+)([+-][0-9.]+)?\}")
_NUMBER = re.compile(r"\{epoch([+-][0-9.]+)?\}")

_ID_PREFIXES = {
    "conversation_id": "csim",
    "replica_id": "rsim",
    "pal_id": "psim",
    "video_id": "vsim",
    "document_id": "dsim",
    "lipsync_id": "lsim",
    "replacement_id": "xsim",
    "transcription_id": "tsim",
    "speech_id": "ssim",
    "guardrail_id": "gsim",
}

_TIME_FORMATS: Mapping[str, Callable[[datetime], str]] = {
    "time": iso,
    "milliseconds": lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "zoneless": lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S.%f"),
    "rfc1123": lambda moment: format_datetime(moment.replace(microsecond=0), usegmt=True),
    "epoch": lambda moment: str(moment.timestamp()),
    "epoch_milliseconds": lambda moment: str(int(moment.timestamp() * 1000)),
}


class ScenarioError(Exception):
    """A scenario does not exist or cannot be rendered; the message says what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Expectation(_Strict):
    """The expected answer: the HTTP status code, and `status` if an event is stored."""

    status_code: int
    status: Literal["stored", "duplicate"] | None = None


class Callback(_Strict):
    """A callback of a scenario's file; `delay` is the seconds to wait before it."""

    body: dict[str, Any] | None = None
    raw: str | None = None
    delay: float = 0
    expect: Expectation

    @model_validator(mode="after")
    def _is_body_or_raw(self) -> Self:
        if (self.body is None) == (self.raw is None):
            raise ValueError("a callback has either body or raw")
        return self


class Scenario(_Strict):
    """A named list of callbacks in the order of sending; with `video`, a real video is stored first."""

    name: str
    description: str
    callbacks: list[Callback]
    video: bool = False

    @property
    def pause(self) -> float:
        """Return the seconds of all delays."""
        return sum(callback.delay for callback in self.callbacks)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A callback ready to be sent."""

    body: bytes
    delay: float
    expect: Expectation


def names() -> list[str]:
    """Return the names of all scenarios, sorted."""
    return sorted(file.name.removesuffix(".json") for file in _SCENARIOS.iterdir())


def load(name: str) -> Scenario:
    """Read a scenario; raises ScenarioError if no scenario has this name."""
    if name not in names():
        raise ScenarioError(f"{name!r} is not a scenario. Use one of: {', '.join(names())}.")
    content = json.loads((_SCENARIOS / f"{name}.json").read_text(encoding="utf-8"))
    if "like" in content:
        content["callbacks"] = load(content.pop("like")).callbacks
    return Scenario(name=name, **content)


def fresh_ids() -> dict[str, str]:
    """Return an id for each kind of subject, in Tavus's form but recognisable: `csim` and 13 hex digits."""
    return {name: prefix + secrets.token_hex(7)[:13] for name, prefix in _ID_PREFIXES.items()}


def simulated_url(callback_url: str) -> str:
    """Return the callback URL with the tag that marks its events as simulated."""
    return f"{callback_url}{'&' if '?' in callback_url else '?'}{'='.join(SIMULATED)}"


def render(scenario: Scenario, *, callback_url: str, now: datetime, ids: Mapping[str, str]) -> list[Rendered]:
    """Fill in a scenario's placeholders; raises ScenarioError if one is unknown."""
    values = {**ids, "webhook_url": simulated_url(callback_url)}
    moment, rendered = now.astimezone(UTC), []
    for callback in scenario.callbacks:
        if callback.raw is None:
            text = json.dumps(_fill(callback.body, values, moment), ensure_ascii=False)
        else:
            text = _fill_text(callback.raw, values, moment)
        rendered.append(Rendered(text.encode(), callback.delay, callback.expect))
    return rendered


def _fill(part: Any, values: Mapping[str, str], now: datetime) -> Any:
    if isinstance(part, dict):
        return {name: _fill(member, values, now) for name, member in part.items()}
    if isinstance(part, list):
        return [_fill(member, values, now) for member in part]
    if not isinstance(part, str):
        return part
    text = _fill_text(part, values, now)
    return float(text) if _NUMBER.fullmatch(part) else text


def _fill_text(text: str, values: Mapping[str, str], now: datetime) -> str:
    def value(match: re.Match[str]) -> str:
        name, seconds = match.groups()
        if name in _TIME_FORMATS:
            return _TIME_FORMATS[name](now + timedelta(seconds=float(seconds or 0)))
        if name not in values:
            raise ScenarioError(f"{{{name}}} is not a placeholder.")
        return values[name]

    return _PLACEHOLDER.sub(value, text)
