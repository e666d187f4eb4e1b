"""`GET /conversations/{id}/recordings…`: what there is to watch, and the link that plays it."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.query import CURSOR, LIMIT, Query, flag, one_of, place_in, whole_number
from tavus_callbacks.api.responses import NO_STORE, json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks.domain.common import cursors
from tavus_callbacks.domain.common.errors import NotFound, NotPlayable, StoreDown
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.recordings import signed_url
from tavus_callbacks.domain.recordings.claim import LATEST
from tavus_callbacks.domain.recordings.recording import Recording, latest, recording_status
from tavus_callbacks.domain.recordings.view import recording_view, unplayable_reason
from tavus_callbacks.logic.find_recording import look_for_object
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.settings import settings

routes = Routes()

# A recording that no event completes or ends is looked for by reading it, at most this often …
LOOK_INTERVAL = timedelta(minutes=1)
# … and so many in one request: a look is one or two HEADs.
LOOKS = 5

EXPIRES = whole_number(
    "expires",
    "Seconds that the link lives, and never less than the recording lasts.",
    most=int(signed_url.MAX_LIFETIME.total_seconds()),
    default=None,
)
DOWNLOAD = flag("download", "Whether a browser saves it under a readable name instead of playing it.")
FORMAT = one_of("format", "`json` answers the link and its expiry instead of leading there.", ("json",))


@routes.get(
    "/conversations/<conversation_id>/recordings",
    query=(LIMIT, CURSOR),
    model="RecordingPage",
    problems=(404,),
)
def get_recordings(query: Query, conversation_id: str) -> Response[str]:
    """Answer a conversation's recordings in the order of their ids, which stays when others come."""
    after = place_in(query[CURSOR], "after") or ""
    rest = [one for one in _noted(conversation_id) if one.recording_id > after]
    page = rest[: query[LIMIT]]
    following = cursors.encode({"after": page[-1].recording_id}) if len(page) < len(rest) else None
    return json_answer({"recordings": recording_views(conversation_id, page), "cursor": following})


@routes.get(
    "/conversations/<conversation_id>/recordings/<recording_id>",
    query=(EXPIRES, DOWNLOAD, FORMAT),
    model="RecordingLink",
    problems=(404, 409),
    redirects=True,
)
def get_recording(query: Query, conversation_id: str, recording_id: str) -> Response[str]:
    """Answer 302 to a fresh signed link, or the link and its expiry as JSON; `latest` is an id too."""
    recording = _found(conversation_id, recording_id)
    now = datetime.now(UTC)
    _refuse_unplayable(recording, now)
    seconds = query[EXPIRES]
    asked = timedelta(seconds=seconds) if seconds else settings().link_lifetime
    duration = recording.claim.duration if recording.claim else None
    expires = now + signed_url.lifetime(asked, duration)
    url = _signed(conversation_id, recording, expires, save=query[DOWNLOAD])
    if query[FORMAT] == "json":
        return json_answer({"recording_id": recording.recording_id, "url": url, "expires_at": iso(expires)})
    return Response(302, None, "", {"location": url, **NO_STORE})


def recording_views(conversation_id: str, noted: list[Recording]) -> list[dict[str, Any]]:
    """Return a conversation's recordings, noted before, as they are read: after a look where one is due."""
    now, missing_after = datetime.now(UTC), settings().recording_missing_after
    return [
        recording_view(one, now=now, missing_after=missing_after)
        for one in _noted_or_looked(conversation_id, noted)
    ]


def _noted_or_looked(conversation_id: str, noted: list[Recording]) -> list[Recording]:
    """Return the recordings looked for, or as they are noted where the bucket cannot be asked now."""
    try:
        return _looked(conversation_id, noted)
    except StoreDown:
        return noted


def _noted(conversation_id: str) -> list[Recording]:
    if not is_name(conversation_id):
        return []
    if settings().recordings_bucket is None:
        raise NotFound("This stack was deployed with Recordings=off.")
    return wiring.recordings().list_known(conversation_id)


def _looked(conversation_id: str, noted: list[Recording]) -> list[Recording]:
    """Return the recordings, after looking for those whose state may have changed untold."""
    now = datetime.now(UTC)
    due = [one for one in noted if _is_due(one, now)]
    for one in islice(due, LOOKS):
        look_for_object(wiring.recordings_bucket(), wiring.recordings(), conversation_id, str(one.key))
    return _again(conversation_id, noted) if due else noted


def _again(conversation_id: str, noted: list[Recording]) -> list[Recording]:
    names = {one.recording_id for one in noted}
    return [one for one in wiring.recordings().list_known(conversation_id) if one.recording_id in names]


def _is_due(recording: Recording, now: datetime) -> bool:
    looked_lately = recording.looked_at is not None and now - recording.looked_at < LOOK_INTERVAL
    is_settled = recording.has_object and recording.names_bucket and recording.has_events
    return recording.may_come and not is_settled and not looked_lately


def _found(conversation_id: str, recording_id: str) -> Recording:
    wanted = [one for one in _noted(conversation_id) if recording_id in (LATEST, one.recording_id)]
    found = latest(_looked(conversation_id, wanted))
    if found is None:
        raise NotFound(f"No recording {recording_id} of conversation {conversation_id} is known.")
    return found


def _refuse_unplayable(recording: Recording, now: datetime) -> None:
    status = recording_status(recording, now=now, missing_after=settings().recording_missing_after)
    why = unplayable_reason(recording, status)
    if why is not None:
        raise NotPlayable(why, status)


def _signed(conversation_id: str, recording: Recording, expires: datetime, *, save: bool) -> str:
    key = str(recording.key)
    name = signed_url.download_name(conversation_id, recording.recording_id, key) if save else None
    url = signed_url.resource_url(settings().cdn_url, key, download_name=name)
    return signed_url.sign_url(
        url, expires=expires, key_id=settings().signing_key_id, sign=wiring.url_signer()
    )
