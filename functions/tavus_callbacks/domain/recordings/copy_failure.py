"""Why Tavus could not copy a recording, and what to do about it.

Source: Tavus's documentation of June 2026 on `application.recording_copy_failed` and on conversation
recordings (docs.tavus.io). It shows one code and names the usual causes; it lists no other codes.
"""

_CAUSES = "Usual causes are the trust policy of the role, the federated credentials and a wrong region."
_KEPT = (
    "Tavus keeps the file for about 30 days: fix the cause and ask Tavus's support to deliver it "
    "under the same key."
)
_PLAIN = {
    "DESTINATION_AUTH_FAILED": "The storage refused Tavus's credentials. Check the trust policy of the role "
    "(S3) or the federated credentials (GCS, Azure), and the region.",
}


def explain_copy_failure(error_code: str | None) -> str:
    """Explain an error code. A code that Tavus does not document gets the usual causes."""
    if error_code is None:
        return f"{_CAUSES} {_KEPT}"
    plain = _PLAIN.get(error_code, f"Tavus does not document this code. {_CAUSES}")
    return f"{error_code}: {plain} {_KEPT}"
