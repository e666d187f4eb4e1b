"""`GET /conversations/{id}/recordings…`: the recordings of a conversation, and the links that play them."""

from datetime import UTC, datetime, timedelta

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.query import CURSOR, LIMIT, Query, flag, one_of, place_in, whole_number
from tavus_callbacks.api.responses import NO_STORE, json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks.domain.common import cursors
from tavus_callbacks.domain.common.errors import RECORDINGS_OFF, NotFound, NotPlayable
from tavus_callbacks.domain.recordings import signed_url
from tavus_callbacks.domain.recordings.claim import LATEST
from tavus_callbacks.domain.recordings.recording import Recording, latest, recording_status
from tavus_callbacks.domain.recordings.view import RecordingLink, unplayable_reason
from tavus_callbacks.logic.find_recording import refresh_recordings, view_recordings
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.settings import settings

routes = Routes()

EXPIRES = whole_number(
    "expires",
    "Seconds for which the link is valid; at least the length of the recording.",
    most=int(signed_url.MAX_LIFETIME.total_seconds()),
    default=None,
)
DOWNLOAD = flag(
    "download",
    "Whether a browser saves the recording under a readable name instead of playing it.",
    default=False,
)
FORMAT = one_of("format", "`json` returns the link and its expiry instead of a redirect.", ("json",))


@routes.get(
    "/conversations/<conversation_id>/recordings",
    query=(LIMIT, CURSOR),
    model="RecordingPage",
    problems=(404,),
)
def get_recordings(query: Query, conversation_id: str) -> Response[str]:
    """Return the recordings of a conversation, in the stable order of their ids."""
    after = place_in(query[CURSOR], "after") or ""
    rest = [recording for recording in _stored_recordings(conversation_id) if recording.recording_id > after]
    page = rest[: query[LIMIT]]
    views = view_recordings(
        wiring.recordings_bucket,
        wiring.recordings(),
        conversation_id,
        page,
        now=datetime.now(UTC),
        missing_after=settings().recording_missing_after,
    )
    next_cursor = cursors.encode({"after": page[-1].recording_id}) if len(page) < len(rest) else None
    return json_answer(
        {"recordings": [view.model_dump(mode="json") for view in views], "cursor": next_cursor}
    )


@routes.get(
    "/conversations/<conversation_id>/recordings/<recording_id>",
    query=(EXPIRES, DOWNLOAD, FORMAT),
    model="RecordingLink",
    problems=(404, 409),
    redirects=True,
)
def get_recording(query: Query, conversation_id: str, recording_id: str) -> Response[str]:
    """Redirect to a new signed link, or return the link and its expiry as JSON. The id may be `latest`."""
    now, config = datetime.now(UTC), settings()
    recording = choose_recording(conversation_id, _stored_recordings(conversation_id), recording_id, now)
    status = recording_status(recording, now=now, missing_after=config.recording_missing_after)
    if why := unplayable_reason(recording, status):
        raise NotPlayable(why, status)
    seconds = query[EXPIRES]
    duration = recording.claim.duration if recording.claim else None
    expires_at = now + signed_url.lifetime(
        timedelta(seconds=seconds) if seconds else config.link_lifetime, duration
    )
    url = _sign_url(conversation_id, recording, expires_at, save=query[DOWNLOAD])
    if query[FORMAT] == "json":
        link = RecordingLink(recording_id=recording.recording_id, url=url, expires_at=expires_at)
        return json_answer(link.model_dump(mode="json"))
    return Response(302, None, "", {"location": url, **NO_STORE})


def _stored_recordings(conversation_id: str) -> list[Recording]:
    """Return the recordings as stored; raises NotFound if the stack has none."""
    if settings().recordings_bucket is None:
        raise NotFound(RECORDINGS_OFF)
    if not is_name(conversation_id):
        return []
    return wiring.recordings().list_known(conversation_id)


def choose_recording(
    conversation_id: str, recordings: list[Recording], wanted_id: str, now: datetime
) -> Recording:
    """Return the recording of an id, or the latest one, after a look; raises NotFound and StoreDown."""
    candidates = [recording for recording in recordings if wanted_id in (LATEST, recording.recording_id)]
    recording = latest(
        refresh_recordings(wiring.recordings_bucket, wiring.recordings(), conversation_id, candidates, now)
    )
    if recording is None:
        raise NotFound(f"No recording {wanted_id} of conversation {conversation_id} is stored.")
    return recording


def _sign_url(conversation_id: str, recording: Recording, expires_at: datetime, *, save: bool) -> str:
    key, config = str(recording.key), settings()
    name = signed_url.download_name(conversation_id, recording.recording_id, key) if save else None
    url = signed_url.resource_url(config.cdn_url, key, download_name=name)
    return signed_url.sign_url(
        url, expires=expires_at, key_id=config.signing_key_id, sign=wiring.url_signer()
    )
