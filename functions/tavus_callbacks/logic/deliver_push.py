"""Deliver a push to the team's own server: signed, or as the callback that it reports."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.domain.callbacks.event import parse_event_id
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.pushes.push import ERASED
from tavus_callbacks.domain.pushes.signature import signature_headers
from tavus_callbacks.domain.pushes.target import TargetRefused, parse_target, with_tags
from tavus_callbacks.outbound.webhook import NotReached, post

if TYPE_CHECKING:
    from tavus_callbacks.aws.push_secret import PushSecret
    from tavus_callbacks.aws.stores.event_pages import EventPages
    from tavus_callbacks.aws.stores.tombstones import Tombstones

_JSON = {"content-type": "application/json", "user-agent": "tavus-callbacks"}
_OK = 200

# A push as JSON.
Detail = dict[str, Any]


class Server(NamedTuple):
    """The team's server. Without a secret it gets stored callbacks; `events` has their bodies."""

    url: str
    is_local: bool
    secret: "PushSecret | None"
    events: "EventPages"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of an attempt: the server's status, or in `why` the reason for having no status."""

    status: int | None
    retry_after: str | None = None
    why: str | None = None

    @property
    def is_taken(self) -> bool:
        """Return whether the server has the push."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004 - success


def is_erased(detail: Detail, tombstones: "Tombstones", *, is_first_attempt: bool = False) -> bool:
    """Return whether the subject of a push was erased; raises StoreDown.

    `erase` removes the messages that it can receive. It cannot reach a push that waits for its next attempt,
    so each further attempt reads the table again.
    """
    if detail["type"] == ERASED:
        return False
    has_tombstone = tombstones.has if is_first_attempt else tombstones.is_erased
    return has_tombstone(detail["kind"], detail["subject"])


def deliver(detail: Detail, server: Server) -> Delivery:
    """Post a push once; raises StoreDown."""
    try:
        if server.secret is None:
            return _deliver_callback(detail["data"], server)
        body = json.dumps(detail, ensure_ascii=False, separators=(",", ":"))
        headers = signature_headers(server.secret.versions(), detail["push_id"], body, at=now())
        return _post(server.url, body.encode(), headers, server)
    except (TargetRefused, NotReached) as error:
        return Delivery(None, why=f"{type(error).__name__}: {error}")


def _deliver_callback(data: dict[str, Any], server: Server) -> Delivery:
    """Post a callback as it was stored, with its query. If its row is gone, there is nothing to post."""
    key = parse_event_id(data.get("variant_id") or data["event_id"])
    row = server.events.event_row(*key) if key else None
    if row is None:
        return Delivery(_OK)
    return _post(with_tags(server.url, row["tags"]), server.events.bodies.read(row), {}, server)


def _post(url: str, body: bytes, headers: dict[str, str], server: Server) -> Delivery:
    target = parse_target(url, is_local=server.is_local)
    answer = post(target, body, {**_JSON, **headers}, is_local=server.is_local)
    return Delivery(answer.status, answer.retry_after)
