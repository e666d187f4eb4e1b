"""Tavus's API, as the repair reads it: a conversation's record, and the list of conversations.

TavusError
├── KeyRefused       the key is wrong, revoked, or allowed only from other addresses
├── UnknownThere     Tavus has no conversation with that id, for this key
├── Busy             429, 5xx or silence, after some attempts; `retry_after` seconds if Tavus names them
└── Unreadable       an answer that is not documented

Source: docs/tavus.md, "Tavus's API". Rate limits are undocumented: one request at a time.
It uses urllib3, which botocore brings. It follows no redirects, because they would get the key.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import urllib3
from pydantic import SecretStr

from tavus_callbacks.domain.callbacks.event import is_plain
from tavus_callbacks.domain.common.retry_after import parse_retry_after
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.repair.tavus_record import TavusRecord, parse_record

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

URL = "https://tavusapi.com"

# Tavus's default is 10. No page documents a maximum, so a page may hold fewer rows than this.
_PER_PAGE = 100
# Bytes; a record with the transcript of a day has some 4 MB.
_LONGEST = 32 * 1024 * 1024
# Seconds to connect and to wait for an answer.
_TIMEOUT = urllib3.Timeout(connect=3, read=20)
# Seconds before each further attempt, unless Tavus names others.
_PAUSES = (1.0, 2.0, 4.0)

_UNAUTHORIZED, _NOT_FOUND, _TOO_MANY, _FAILED = (401, 403), 404, 429, 500


class TavusError(Exception):
    """Tavus did not answer the request. The text says what to do next and never holds the key."""


class KeyRefused(TavusError):
    """Tavus does not accept the key."""


class UnknownThere(TavusError):
    """Tavus has no such conversation."""


class Unreadable(TavusError):
    """The answer is not the documented one."""


class Busy(TavusError):
    """No answer for now; a later request may succeed."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


def parse_key(secret: str) -> SecretStr:
    """Return the key in a secret: the whole text, or the single value of a JSON object (AWS's console)."""
    try:
        content = json.loads(secret)
    except ValueError:
        content = None
    values = list(content.values()) if isinstance(content, dict) else []
    return SecretStr(values[0].strip() if len(values) == 1 and isinstance(values[0], str) else secret.strip())


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of the list: its records without events, and how many conversations Tavus counts.

    `unreadable` counts rows without a `conversation_id`. `total_count` is None where Tavus sends no number.
    """

    records: tuple[TavusRecord, ...]
    unreadable: int
    total_count: int | None

    @property
    def is_empty(self) -> bool:
        """Return whether the page has no row at all, which ends the list."""
        return not self.records and not self.unreadable


@dataclass(frozen=True, slots=True)
class TavusApi:
    """The API with a key; `patience` is how many seconds after the first attempt another one may begin."""

    key: SecretStr
    url: str = URL
    patience: float = 60
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=False), repr=False
    )

    def conversation(self, conversation_id: str) -> TavusRecord:
        """Return a conversation's record; raises TavusError."""
        # Tavus makes no other ids, and none may take the key to another path.
        if not is_plain(conversation_id):
            raise UnknownThere(f"Tavus has no conversation {conversation_id!r}.")
        content = self._get(f"/v2/conversations/{quote(conversation_id, safe='')}?verbose=true")
        if content.get("conversation_id", conversation_id) != conversation_id:
            raise Unreadable("Tavus answered with a conversation that was not requested.")
        return parse_record(conversation_id, content)

    def conversations_page(self, number: int) -> ListPage:
        """Return one page of the list of conversations, counted from 1; raises TavusError."""
        return _parse_page(self._get(f"/v2/conversations?limit={_PER_PAGE}&page={number}"))

    def _get(self, path: str) -> dict[str, Any]:
        began = self.clock()
        for pause in (*_PAUSES, None):
            try:
                return self._request(path)
            except Busy as error:
                seconds = error.retry_after or pause
                if pause is None or seconds is None or self.clock() + seconds - began > self.patience:
                    raise
                self.sleep(seconds)
        raise AssertionError("the last attempt returns or raises")

    def _request(self, path: str) -> dict[str, Any]:
        headers = {"x-api-key": _header_value(self.key), "accept": "application/json"}
        try:
            answer = self.pool.request(
                "GET", self.url + path, headers=headers, redirect=False, preload_content=False
            )
            try:
                body = answer.read(_LONGEST + 1, decode_content=True)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise Busy(f"Tavus did not answer ({type(error).__name__}). Try again in a while.") from None
        _raise_for_status(answer)
        return _parse_object(body)


def _header_value(key: SecretStr) -> str:
    """Return the key's text; raises KeyRefused if no header can hold it, before http.client quotes it."""
    text = key.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        raise KeyRefused("The API key contains a line break or other invalid characters. Copy the key again.")
    return text


def _raise_for_status(answer: "BaseHTTPResponse") -> None:
    """Raise the error of a status."""
    status = answer.status
    if status in _UNAUTHORIZED:
        raise KeyRefused(
            f"Tavus refused the key ({status}): it is wrong or revoked, or allowed from other addresses only."
        )
    if status == _NOT_FOUND:
        raise UnknownThere("Tavus has no such conversation for this API key.")
    if status == _TOO_MANY or status >= _FAILED:
        after = parse_retry_after(answer.headers.get("retry-after"), now())
        raise Busy(f"Tavus answered {status}. Try again in a while.", after)
    if status != 200:  # noqa: PLR2004 - OK
        raise Unreadable(f"Tavus answered {status}, which is not documented.")


def _parse_object(body: bytes) -> dict[str, Any]:
    if len(body) > _LONGEST:
        raise Unreadable(f"Tavus answered with more than {_LONGEST} bytes.")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("Tavus's answer is not JSON.") from None
    if not isinstance(content, dict):
        raise Unreadable("Tavus's answer is not a JSON object.")
    return content


def _parse_page(content: dict[str, Any]) -> ListPage:
    data, total = content.get("data"), content.get("total_count")
    if not isinstance(data, list):
        raise Unreadable("Tavus's list has no `data`.")
    ids = [row.get("conversation_id") if isinstance(row, dict) else None for row in data]
    records = tuple(
        parse_record(name, row) for name, row in zip(ids, data, strict=True) if isinstance(name, str)
    )
    return ListPage(records, len(data) - len(records), total if type(total) is int else None)
