"""The paths at which the API answers about a subject."""

from urllib.parse import quote, urlencode

# By kind, for the kinds that have a list and a view of their own. The order is that of the API's description.
LISTS = {
    "conversation": "conversations",
    "video": "videos",
    "replica": "replicas",
    "document": "documents",
    "lipsync": "lipsync",
    "replacement": "replacements",
    "transcription": "transcriptions",
    "speech": "speech",
}


def fits_path(name: str) -> bool:
    """Return whether a percent-encoded segment of a path can hold a name.

    An HTTP API decodes the path before it finds the route, and cuts it at a decoded `?` (docs/aws.md).
    Clients resolve `.` and `..` themselves.
    """
    return name not in ("", ".", "..") and not {"/", "?"} & set(name)


def subject_path(kind: str, subject: str, *below: str) -> str:
    """Return the path of a subject and names below it, or of its events if it has no path."""
    if kind in LISTS and fits_path(subject):
        return "/" + "/".join(quote(name, safe="") for name in (LISTS[kind], subject, *below))
    return events_path(kind, subject)


def events_path(kind: str, subject: str) -> str:
    """Return the path and query of a subject's events."""
    return "/events?" + urlencode({"kind": kind, "subject": subject})
