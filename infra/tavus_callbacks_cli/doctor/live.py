"""Checks that send something through the stack, as Tavus does, and follow it."""

from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.tags import SIMULATED
from tavus_callbacks_cli.doctor.examination import (
    REDEPLOY,
    Examination,
    Finding,
    failure,
    ok,
    warning,
)
from tavus_callbacks_cli.doctor.probe import CONTENT, NotTried, Probe, members
from tavus_callbacks_cli.targets.api_client import http_client
from tavus_callbacks_cli.targets.aws_errors import error_code

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404

_PREFLIGHT = {"access-control-request-method": "GET", "access-control-request-headers": "range"}
_FIXES: dict[int, str] = {
    _UNAUTHORIZED: f"The functions use another tokens table than the outputs name. {REDEPLOY}",
    _NOT_FOUND: "ApiUrl does not lead to this stack. Check the DNS and the API mapping of your own domain. "
    f"Without one: {REDEPLOY}",
}
_LOGS = "Read the function's log: `sam logs --stack-name STACK`, or the folder `logs` of a local stack."


def tokens(examination: Examination) -> Finding:
    """Create tokens and check that the callback URL says that it is ready."""
    examination.probe.create_tokens()
    answer = examination.probe.try_callback_url()
    if _is_ready(answer, examination.probe):
        return ok(
            "Two tokens that expire in an hour were created. The callback URL reports that it is ready."
        )
    return _wrong_answer("The callback URL", answer)


def trailing_slash(examination: Examination) -> Finding:
    """Check the callback URL with a slash at the end: only reports say that API Gateway routes it.

    Decision: docs/decisions/0065-any-path-below-the-token.md.
    """
    answer = examination.probe.try_callback_url("/")
    if answer.status_code == _NOT_FOUND:
        if examination.probe.try_callback_url("/webhook").status_code == _NOT_FOUND:
            return warning(
                "This older stack answers 404 to the callback URL with a path behind it.", REDEPLOY
            )
        return warning(
            "API Gateway answers 404 to the callback URL with a slash at the end.",
            "Give Tavus the callback_url without a trailing slash.",
        )
    if _is_ready(answer, examination.probe):
        return ok("The callback URL also works with a slash at the end.")
    return _wrong_answer("The callback URL with a slash at the end", answer)


def _is_ready(answer: httpx.Response, probe: Probe) -> bool:
    return answer.status_code == _OK and members(answer).get("label") == probe.label


def callback(examination: Examination) -> Finding:
    """Send a callback through the public address and read it back."""
    probe = examination.probe
    answer = probe.send("system.shutdown", {"shutdown_reason": "end_conversation_endpoint_hit"})
    if members(answer).get("status") != "stored":
        return _wrong_answer("A simulated callback", answer)
    event_id = members(answer)["event_id"]

    def read_back() -> dict[str, Any] | None:
        events = members(probe.read("/events")).get("events", [])
        return next((event for event in events if event["event_id"] == event_id), None)

    event = probe.wait_for(read_back)
    if event is None:
        return _wrong_answer("Reading the stored callback back", probe.read("/events"))
    if event["tags"] != dict([SIMULATED]):
        return failure(f"The callback came back with the tags {event['tags']}.", REDEPLOY)
    return ok(f"A callback of conversation {probe.conversation_id} was stored and read back.")


def object_event(examination: Examination) -> Finding:
    """Put an object and wait until the stack finds it without a callback."""
    examination.probe.put_object()
    if wait_for_recording(examination.probe, announced=False):
        return ok("The stack found the test object through its S3 event.")
    return failure(
        f"The test object was not found within {examination.probe.patience:.0f} seconds.",
        "Check the line EventBridge above, the EventBridge rule and the log of ResolveFunction.",
    )


def announcement(examination: Examination) -> Finding:
    """Announce the object as Tavus does and wait until the recording is announced."""
    probe = examination.probe
    claim = {"bucket_name": probe.bucket, "s3_key": probe.key, "duration": 1}
    answer = probe.send("application.recording_ready", claim)
    if members(answer).get("status") != "stored":
        return _wrong_answer("A simulated recording_ready", answer)
    if wait_for_recording(probe, announced=True):
        return ok("The stack connected a simulated recording_ready to the object.")
    return failure(
        f"The stored recording_ready was not joined to the object within {probe.patience:.0f} seconds.",
        "Check the line triggers above and the log of ResolveFunction.",
    )


def wait_for_recording(probe: Probe, *, announced: bool) -> dict[str, Any] | None:
    """Return the test object as an available recording, or None if it does not come in time."""

    def find() -> dict[str, Any] | None:
        for recording in members(probe.read("/recordings")).get("recordings", []):
            if (recording["status"], recording["announced"]) == ("available", announced):
                return dict(recording)
        return None

    return probe.wait_for(find)


def link(examination: Examination) -> Finding:
    """Follow a signed link to the object."""
    answer = _get(_link(examination.probe))
    if answer.status_code == _OK and answer.content == CONTENT:
        return ok("The signed link returns the object.")
    return failure(
        f"A signed link answered {answer.status_code}.",
        "403 means that CloudFront does not trust the signing key (see above), or that the bucket policy "
        f"does not allow the distribution. {REDEPLOY}",
    )


def preflight(examination: Examination) -> Finding:
    """Ask as a browser does before a script of another site's page reads a range."""
    try:
        rules = examination.deployment.client("s3").get_bucket_cors(Bucket=examination.probe.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchCORSConfiguration":
            raise
        return failure(
            "The bucket has no CORS rules, so no page can read recordings by script.",
            f"The parameter CdnAllowedOrigins names the origins. {REDEPLOY}",
        )
    # A pattern allows any text in place of its asterisk.
    origin = str(rules["CORSRules"][0]["AllowedOrigins"][0])
    origin = "https://app.example.com" if origin == "*" else origin.replace("*", "app")
    with http_client(url := _link(examination.probe)) as client:
        answer = client.options(url, headers={"origin": origin, **_PREFLIGHT})
    if answer.status_code == _OK and answer.headers.get("access-control-allow-origin") in ("*", origin):
        return ok("Scripts on pages of the allowed origins can read recordings.")
    return failure(
        f"A preflight of {origin} answered {answer.status_code}, so no page can read recordings by script.",
        f"The distribution must forward OPTIONS and its headers to the bucket. {REDEPLOY}",
    )


def altered_link(examination: Examination) -> Finding:
    """Check that the CDN refuses a link whose expiry was changed."""
    url, _, rest = _link(examination.probe).partition("&Expires=")
    moment, _, signature = rest.partition("&")
    return _expect_forbidden("A link with a later expiry", f"{url}&Expires={int(moment) + 1}&{signature}")


def unsigned_url(examination: Examination) -> Finding:
    """Check that the CDN refuses a URL without a signature."""
    return _expect_forbidden("The CDN without a signature", _link(examination.probe).partition("?")[0])


def bare_object(examination: Examination) -> Finding:
    """Check that the bucket refuses requests without a signature."""
    probe = examination.probe
    if not probe.object_is_put:
        raise NotTried("Not tried, because the test object could not be uploaded.")
    client = examination.deployment.client("s3")
    host = f"{probe.bucket}.{urlsplit(client.meta.endpoint_url).hostname}"
    return _expect_forbidden("The bucket itself", f"https://{host}/{quote(probe.key)}")


def clean_up(examination: Examination) -> Finding:
    """Remove what the checks left in the stack, and say what was removed."""
    try:
        counts = examination.probe.clean_up()
    except (StoreDown, BotoCoreError, ClientError) as error:
        conversation = ("conversation", examination.probe.conversation_id)
        erase = examination.deployment.command("erase", *conversation, options=["--yes"])
        return failure(
            f"AWS answered {error_code(error)}, so a part of the test conversation or its tokens is left.",
            f"The tokens expire within an hour. The next run of doctor removes the rest, or `{erase}` does.",
        )
    removed = ", ".join(f"{store} {count}" for store, count in sorted(counts.items()) if count)
    return ok(f"Removed: {removed}." if removed else "There was nothing to remove.")


def _link(probe: Probe) -> str:
    url = members(probe.read("/recordings/latest?format=json")).get("url")
    if not isinstance(url, str):
        raise NotTried("Not tried, because there is no link to the test object.")
    return url


def _expect_forbidden(what: str, url: str) -> Finding:
    answer = _get(url)
    if answer.status_code == _FORBIDDEN:
        return ok("Refused with 403.")
    return failure(
        f"{what} answered {answer.status_code} instead of 403.",
        "Anybody may be able to read recordings. The distribution must trust the key group, and the bucket "
        f"must trust this distribution alone. {REDEPLOY}",
    )


def _get(url: str) -> httpx.Response:
    with http_client(url) as client:
        return client.get(url)


def _wrong_answer(what: str, answer: httpx.Response) -> Finding:
    content = members(answer)
    why = content.get("detail") or content.get("message") or "the answer is not from a tavus-callbacks API"
    return failure(f"{what} answered {answer.status_code}: {why}", _FIXES.get(answer.status_code, _LOGS))
