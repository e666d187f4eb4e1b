"""Scenarios: what Tavus would send, written from the field tables, with fresh ids and times filled in.

Each file of `scenarios/` says what it shows and lists callbacks: a `body` (JSON) or, for what is no JSON
object, its `raw` text; or it has those of the one that it is `like`. Text may hold placeholders: the ids of
`fresh_ids`, `{webhook_url}`, and moments as seconds from now in the forms that Tavus uses, such as
`{time-12.5}` (see `_MOMENTS`). A text that is nothing but `{epoch-12.5}` becomes a number.
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

from tavus_callbacks.domain.common.timestamps import iso

# In the query of the callback URL, so that everything simulated can be told apart and erased by tag.
SIMULATED = "simulated=true"

_SCENARIOS = files("tavus_callbacks_cli.simulator") / "scenarios"
_PLACEHOLDER = re.compile(r"\{(\w+)([+-][0-9.]+)?\}")
_NUMBER = re.compile(r"\{epoch([+-][0-9.]+)?\}")

_PREFIXES = {
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

_MOMENTS: Mapping[str, Callable[[datetime], str]] = {
    "time": iso,
    "milliseconds": lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "zoneless": lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S.%f"),
    "rfc1123": lambda moment: format_datetime(moment.replace(microsecond=0), usegmt=True),
    "epoch": lambda moment: str(moment.timestamp()),
    "epoch_milliseconds": lambda moment: str(int(moment.timestamp() * 1000)),
}


class ScenarioError(Exception):
    """A scenario that does not exist or cannot be rendered; the message says what can be done."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Expectation(_Strict):
    """What the receiver answers: the HTTP status code, and `status` where an event is kept."""

    status_code: int
    status: Literal["stored", "duplicate"] | None = None


class Callback(_Strict):
    """One callback as it stands in a scenario's file; `delay` is the seconds to wait before it."""

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
    """A named list of callbacks in the order in which they are sent; with `video` a real one is put first."""

    name: str
    description: str
    callbacks: list[Callback]
    video: bool = False


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
    """Read a scenario; raises ScenarioError where there is none of this name."""
    if name not in names():
        raise ScenarioError(f"There is no scenario {name!r}; choose one of: {', '.join(names())}.")
    content = json.loads((_SCENARIOS / f"{name}.json").read_text(encoding="utf-8"))
    if "like" in content:
        content["callbacks"] = load(content.pop("like")).callbacks
    return Scenario(name=name, **content)


def fresh_ids() -> dict[str, str]:
    """Return an id for each kind of subject, in Tavus's form and recognisable: `csim` and 13 hex digits."""
    return {name: prefix + secrets.token_hex(7)[:13] for name, prefix in _PREFIXES.items()}


def simulated_url(callback_url: str) -> str:
    """Return the callback URL with the tag that marks what it brings as simulated."""
    return f"{callback_url}{'&' if '?' in callback_url else '?'}{SIMULATED}"


def render(scenario: Scenario, *, callback_url: str, now: datetime, ids: Mapping[str, str]) -> list[Rendered]:
    """Fill in a scenario's placeholders; raises ScenarioError where one is unknown."""
    known = {**ids, "webhook_url": simulated_url(callback_url)}
    return [_render(callback, known, now.astimezone(UTC)) for callback in scenario.callbacks]


def _render(callback: Callback, known: Mapping[str, str], now: datetime) -> Rendered:
    if callback.raw is None:
        text = json.dumps(_fill(callback.body, known, now), ensure_ascii=False)
    else:
        text = _fill_text(callback.raw, known, now)
    return Rendered(text.encode(), callback.delay, callback.expect)


def _fill(value: Any, known: Mapping[str, str], now: datetime) -> Any:
    if isinstance(value, dict):
        return {name: _fill(member, known, now) for name, member in value.items()}
    if isinstance(value, list):
        return [_fill(member, known, now) for member in value]
    if not isinstance(value, str):
        return value
    text = _fill_text(value, known, now)
    return float(text) if _NUMBER.fullmatch(value) else text


def _fill_text(text: str, known: Mapping[str, str], now: datetime) -> str:
    return _PLACEHOLDER.sub(lambda found: _filled(found[1], found[2], known, now), text)


def _filled(name: str, seconds: str | None, known: Mapping[str, str], now: datetime) -> str:
    if name in _MOMENTS:
        return _MOMENTS[name](now + timedelta(seconds=float(seconds or 0)))
    if name not in known:
        raise ScenarioError(f"Nothing is known to fill in for {{{name}}}.")
    return known[name]
