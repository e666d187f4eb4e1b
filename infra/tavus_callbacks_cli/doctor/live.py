"""Checks that send something through the stack, as Tavus would, and look at the result."""

from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from tavus_callbacks_cli.doctor.examination import (
    REDEPLOY,
    Examination,
    Finding,
    failure,
    ok,
    warning,
)
from tavus_callbacks_cli.doctor.probe import CONTENT, NotTried, Probe
from tavus_callbacks_cli.targets.api_client import http_client

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404

_PREFLIGHT = {"access-control-request-method": "GET", "access-control-request-headers": "range"}
_FIXES: dict[int, str] = {
    _UNAUTHORIZED: f"The functions look into another tokens table than the outputs name. {REDEPLOY}",
    _NOT_FOUND: "ApiUrl leads elsewhere: with a domain of your own, look at its DNS and API mapping. "
    f"Otherwise: {REDEPLOY}",
}
_LOGS = "Look into the function's log: `sam logs --stack-name STACK` (locally below the folder `logs`)."


def tokens(examination: Examination) -> Finding:
    """Create tokens and check that the callback URL says that it is ready."""
    examination.probe.create_tokens()
    answer = examination.probe.try_callback_url()
    if _is_ready(answer, examination.probe):
        return ok("made for an hour, and the callback URL says that it is ready")
    return _wrong_answer("The callback URL", answer)


def trailing_slash(examination: Examination) -> Finding:
    """Check the callback URL with a slash behind it: only reports say that API Gateway routes it.

    Decision: docs/decisions/0065-any-path-below-the-token.md.
    """
    answer = examination.probe.try_callback_url("/")
    if answer.status_code == _NOT_FOUND:
        if examination.probe.try_callback_url("/webhook").status_code == _NOT_FOUND:
            return warning("The callback URL with a path behind it is 404: the stack is older.", REDEPLOY)
        return warning(
            "API Gateway answers 404 to the callback URL with a slash behind it.",
            "Give Tavus the callback_url without a trailing slash.",
        )
    if _is_ready(answer, examination.probe):
        return ok("the callback URL works with a slash behind it too")
    return _wrong_answer("The callback URL with a slash behind it", answer)


def _is_ready(answer: httpx.Response, probe: Probe) -> bool:
    return answer.status_code == _OK and _members(answer).get("label") == probe.label


def callback(examination: Examination) -> Finding:
    """Send a callback through the public address and read it back."""
    probe = examination.probe
    answer = probe.send("system.shutdown", {"shutdown_reason": "end_conversation_endpoint_hit"})
    if _members(answer).get("status") != "stored":
        return _wrong_answer("A simulated callback", answer)
    event_id = _members(answer)["event_id"]

    def read_back() -> dict[str, Any] | None:
        events = _members(probe.read("/events")).get("events", [])
        return next((event for event in events if event["event_id"] == event_id), None)

    event = probe.wait_for(read_back)
    if event is None:
        return _wrong_answer("The callback was stored, and reading it back", probe.read("/events"))
    if event["tags"] != {"simulated": "true"}:
        return failure(f"Its tags came back as {event['tags']}.", REDEPLOY)
    return ok(f"sent for conversation {probe.conversation_id}, stored and read back")


def object_event(examination: Examination) -> Finding:
    """Put an object and wait until it is known without any callback."""
    examination.probe.put_object()
    if wait_for_recording(examination.probe, announced=False):
        return ok("a test object was found by its S3 event")
    return failure(
        f"A test object was not found within {examination.probe.patience:.0f} seconds.",
        "Look at the event switch above, the EventBridge rule and the log of ResolveFunction.",
    )


def announcement(examination: Examination) -> Finding:
    """Announce the object as Tavus does and wait until both are known as one recording."""
    probe = examination.probe
    claim = {"bucket_name": probe.bucket, "s3_key": probe.key, "duration": 1}
    answer = probe.send("application.recording_ready", claim)
    if _members(answer).get("status") != "stored":
        return _wrong_answer("A simulated recording_ready", answer)
    if wait_for_recording(probe, announced=True):
        return ok("a simulated recording_ready was joined to it")
    return failure(
        f"recording_ready was stored, and nothing came of it within {probe.patience:.0f} seconds.",
        "Look at the triggers above and the log of ResolveFunction.",
    )


def wait_for_recording(probe: Probe, *, announced: bool) -> dict[str, Any] | None:
    """Return the test object as an available recording, or None if it does not come in time."""

    def find() -> dict[str, Any] | None:
        for recording in _members(probe.read("/recordings")).get("recordings", []):
            if (recording["status"], recording["announced"]) == ("available", announced):
                return dict(recording)
        return None

    return probe.wait_for(find)


def link(examination: Examination) -> Finding:
    """Follow a signed link to the object's own bytes."""
    answer = _get(_link(examination.probe))
    if answer.status_code == _OK and answer.content == CONTENT:
        return ok("the signed link gives the object")
    return failure(
        f"A signed link answered {answer.status_code}.",
        "403 comes of a signing key that CloudFront does not trust (above), or of a bucket policy without "
        f"this distribution. {REDEPLOY}",
    )


def preflight(examination: Examination) -> Finding:
    """Ask as a browser does before a script of another site's page reads a range."""
    from botocore.exceptions import ClientError

    try:
        rules = examination.deployment.client("s3").get_bucket_cors(Bucket=examination.probe.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchCORSConfiguration":
            raise
        return failure(
            "The bucket has no CORS rules, so no page can read recordings by script.",
            f"CdnAllowedOrigins names the origins. {REDEPLOY}",
        )
    # A pattern allows any text in place of its asterisk.
    origin = str(rules["CORSRules"][0]["AllowedOrigins"][0])
    origin = "https://app.example.com" if origin == "*" else origin.replace("*", "app")
    with http_client(url := _link(examination.probe)) as client:
        answer = client.options(url, headers={"origin": origin, **_PREFLIGHT})
    if answer.status_code == _OK and answer.headers.get("access-control-allow-origin") in ("*", origin):
        return ok("pages of the allowed origins may read recordings by script")
    return failure(
        f"A preflight of {origin} answered {answer.status_code}, and no page can read recordings by script.",
        f"The distribution must hand OPTIONS and its headers on to the bucket. {REDEPLOY}",
    )


def altered_link(examination: Examination) -> Finding:
    """Check that a link with a later expiry than was signed is refused."""
    url, _, rest = _link(examination.probe).partition("&Expires=")
    moment, _, signature = rest.partition("&")
    return _expect_forbidden("A link with a later expiry", f"{url}&Expires={int(moment) + 1}&{signature}")


def unsigned_url(examination: Examination) -> Finding:
    """Check that the CDN refuses a URL without a signature."""
    return _expect_forbidden("The CDN without a signature", _link(examination.probe).partition("?")[0])


def bare_object(examination: Examination) -> Finding:
    """Check that the bucket itself refuses a stranger."""
    probe = examination.probe
    if not probe.object_is_put:
        raise NotTried("not tried, for the test object could not be put")
    client = examination.deployment.client("s3")
    host = f"{probe.bucket}.{urlsplit(client.meta.endpoint_url).hostname}"
    return _expect_forbidden("The bucket itself", f"https://{host}/{quote(probe.key)}")


def clean_up(examination: Examination) -> Finding:
    """Remove what the checks left behind."""
    examination.probe.clean_up()
    return ok("the doctor's tokens are revoked and its object is gone")


def _link(probe: Probe) -> str:
    url = _members(probe.read("/recordings/latest?format=json")).get("url")
    if not isinstance(url, str):
        raise NotTried("not tried, for there is no link to the test object")
    return url


def _expect_forbidden(what: str, url: str) -> Finding:
    answer = _get(url)
    if answer.status_code == _FORBIDDEN:
        return ok("is refused with 403")
    return failure(
        f"{what} answered {answer.status_code} instead of 403.",
        "Recordings may be open to strangers: the distribution must trust the key group, and the bucket this "
        f"distribution alone. {REDEPLOY}",
    )


def _get(url: str) -> httpx.Response:
    with http_client(url) as client:
        return client.get(url)


def _members(answer: httpx.Response) -> dict[str, Any]:
    """Return the members of a JSON object, none for any other answer."""
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _wrong_answer(what: str, answer: httpx.Response) -> Finding:
    members = _members(answer)
    why = members.get("detail") or members.get("message") or "not as a tavus-callbacks API does"
    return failure(f"{what} answered {answer.status_code}: {why}", _FIXES.get(answer.status_code, _LOGS))
