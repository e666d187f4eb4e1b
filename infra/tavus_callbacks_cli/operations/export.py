"""Everything that is stored about subjects as one zip, in one layout. It reads the API, so a token is enough.

Entries have no time of their own and a fixed order: the same content gives the same archive.
"""

import itertools
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from click import ClickException

from tavus_callbacks.domain.callbacks.recording_owner import owner_of
from tavus_callbacks.domain.common.paths import LISTS, fits_path, subject_path
from tavus_callbacks.domain.common.tags import SIMULATED, is_tagged
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.events.tag_scope import TaggedCallback
from tavus_callbacks.domain.recordings import signed_url
from tavus_callbacks_cli.operations.selection import (
    CONVERSATION,
    SUMMARY_DELAY,
    Selection,
    Subject,
    select_by_tag,
)
from tavus_callbacks_cli.operations.subjects import list_rows
from tavus_callbacks_cli.targets.api_client import ApiClient, Conflict, NoSuchPath, NotFound

README = """Everything stored about {whom}, exported by tavus-callbacks.

KIND/ID/view.json               the page of the subject, made from its events (not for objectives, guardrails)
KIND/ID/events.json             every callback: time of receipt, label of the token, tags, issues
KIND/ID/events/NUMBER-TYPE.json the body of a callback, as sent except for the token in the callback URL
KIND/ID/transcript.json|txt|vtt the transcript; vtt only if its turns have times
KIND/ID/recordings.json         the list of recordings
KIND/ID/recordings/NAME.mp4     the recordings that were available at the time of the export
quarantine.json                 refused callbacks that name one of these subjects or carry the tag
quarantine/ID                   the body of such a callback if it is not in quarantine.json

Characters of an id that some file systems do not accept are percent-encoded.
{notes}"""

# No entry has a time of its own: the same content is the same archive.
_TIME = (1980, 1, 1, 0, 0, 0)
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")

OLDER_STACK = (
    "This stack has no GET /subjects, which lists subjects of every kind by tag. Deploy it again with this "
    "version, or use --stack NAME with AWS credentials."
)
SPILL_NOTE = (
    "Callbacks in the spill, the queue that is used while the table does not answer, are not included. "
    "Export again when it is empty."
)

# Called with a name, the amount so far and, once it is known, the whole.
Progress = Callable[[str, int, int | None], None]
# Downloads what a link points to into a file, and reports bytes so far and their whole.
Fetch = Callable[[Callable[[], str], Path, Callable[[int, int | None], None]], int]


@dataclass(slots=True)
class Archive:
    """The zip that is being written; `notes` go into its README.txt."""

    file: zipfile.ZipFile
    notes: list[str] = field(default_factory=list)

    def write(self, name: str, content: str | bytes) -> None:
        """Add a text, or bytes as they are."""
        self.file.writestr(_zip_info(name, zipfile.ZIP_DEFLATED), content)

    def write_json(self, name: str, value: object) -> None:
        """Add a value as JSON."""
        self.write(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def add_file(self, name: str, path: Path) -> None:
        """Add a file as it is: a video does not get smaller."""
        entry = _zip_info(name, zipfile.ZIP_STORED)
        with path.open("rb") as source, self.file.open(entry, "w", force_zip64=True) as target:
            shutil.copyfileobj(source, target)


def _zip_info(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = method
    # Only its owner can read it, wherever it is unpacked.
    info.external_attr = 0o600 << 16
    return info


class Exported(NamedTuple):
    """How many events and entries of quarantine an archive has."""

    events: int
    quarantine: int


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of an export; `quarantine` is None without a token for it, `fetch` downloads recordings."""

    api: ApiClient
    quarantine: ApiClient | None
    fetch: Fetch


def find_by_tag(api: ApiClient, tag: tuple[str, str], *, with_simulated: bool) -> Selection:
    """Find the subjects with a tag in lists and recent events, and select those that belong to it.

    A subject counts as simulated if all of its callbacks do. So one forged callback hides no real subject.
    """
    try:
        subjects = {
            (each["kind"], each["subject"]) for each in api.items("/subjects", {"tag": ":".join(tag)})
        }
    except NoSuchPath as error:
        raise ClickException(OLDER_STACK) from error
    empty = Selection(frozenset(), tag)
    # No list may have the subjects of recent events yet.
    for event in api.events_since(iso(now() - SUMMARY_DELAY)):
        if empty.has_tag(event["tags"]):
            subjects.add((event["kind"], event["subject"]))
    candidates = {subject: tagged_callbacks(api, subject) for subject in subjects}
    return select_by_tag(
        tag,
        {
            subject: callbacks
            for subject, callbacks in candidates.items()
            if with_simulated or not all(is_tagged(callback.tags, SIMULATED) for callback in callbacks)
        },
    )


def tagged_callbacks(api: ApiClient, subject: Subject) -> list[TaggedCallback]:
    """Return a subject's events and variants as the API answers them."""
    return [
        TaggedCallback(**{name: event[name] for name in TaggedCallback._fields})
        for event in list_rows(api, *subject)
    ]


def export(
    sources: Sources,
    selection: Selection,
    archive: Archive,
    progress: Progress,
    left_out: Iterable[Mapping[str, str]],
) -> Exported:
    """Write everything of the selected subjects, and what carries the tag, into an archive."""
    events = 0
    for number, subject in enumerate(sorted(selection.subjects)):
        progress(" ".join(subject), number, len(selection.subjects))
        events += _export_subject(sources, subject, archive, progress)
    entries = _export_quarantine(sources, selection, archive)
    names = [" ".join(subject) for subject in sorted(selection.subjects)]
    names += [f"the tag {':'.join(selection.tag)}"] if selection.tag else []
    archive.notes += [
        f"Left out: {each['kind']} {each['subject']}: {each['reason']}.\n  {each['command']}"
        for each in left_out
    ]
    if selection.tag:
        archive.notes.append(SPILL_NOTE)
    notes = "".join(f"\n{note}" for note in archive.notes)
    archive.write("README.txt", README.format(whom=", ".join(names), notes=notes + "\n" if notes else ""))
    return Exported(events, entries)


def _export_subject(sources: Sources, subject: Subject, archive: Archive, progress: Progress) -> int:
    """Write a subject's events and views, and return how many events there are."""
    kind, name = subject
    folder, api = f"{_file_safe(kind)}/{_file_safe(name)}", sources.api
    events = list_rows(api, *subject)
    for number, event in enumerate(events, 1):
        event["file"] = f"events/{number:06}-{_PLAIN.sub('-', event['event_type'])[:80]}.json"
        event_id = quote(event.get("variant_id", event["event_id"]), safe="")
        archive.write(f"{folder}/{event['file']}", api.text(f"/events/{event_id}/body"))
        event.pop("body", None)
    archive.write_json(f"{folder}/events.json", {"events": events})
    view = _view_or_none(api, subject) if events else None
    if view:
        archive.write_json(f"{folder}/view.json", view)
    elif events or kind not in LISTS:
        archive.notes.append(f"{kind} {name} has no page of its own. Only its events are included.")
    if view and kind == CONVERSATION:
        _export_transcript(api, name, archive, folder)
        _export_recordings(sources, name, archive, folder, progress)
    return len(events)


def _view_or_none(api: ApiClient, subject: Subject) -> dict[str, Any] | None:
    """Return a subject's view, or None if it has none, in this version or in that of the stack."""
    kind, name = subject
    with suppress(NoSuchPath):
        return api.get(subject_path(kind, name)) if kind in LISTS and fits_path(name) else None
    return None


def _file_safe(name: str) -> str:
    """Return a name that stays in its folder, however it is unpacked."""
    encoded = quote(name, safe="-_~.")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")


def _export_transcript(api: ApiClient, conversation: str, archive: Archive, folder: str) -> None:
    path = subject_path(CONVERSATION, conversation, "transcript")
    transcript = _answer_or_none(lambda: api.get(path, {"include": "system"}))
    if transcript is None:
        return
    archive.write_json(f"{folder}/transcript.json", transcript)
    for form, suffix in (("text", "txt"), ("vtt", "vtt")):
        text = _answer_or_none(partial(api.text, path, {"include": "system", "format": form}))
        if text is not None:
            archive.write(f"{folder}/transcript.{suffix}", text)


def _answer_or_none(ask: Callable[[], Any]) -> Any:
    """Return an answer, or None for 404, and for 409: subtitles without times."""
    try:
        return ask()
    except (NotFound, Conflict):
        return None


def _export_recordings(
    sources: Sources, conversation: str, archive: Archive, folder: str, progress: Progress
) -> None:
    path = subject_path(CONVERSATION, conversation, "recordings")
    content = _answer_or_none(lambda: sources.api.get(path))
    if content is None:
        return
    archive.write_json(f"{folder}/recordings.json", content)
    names: set[str] = set()
    for recording in content["recordings"]:
        link_path = f"{path}/{quote(recording['recording_id'], safe='')}"
        reason, owner = None, owner_of(str(recording["key"]))
        # A forged callback may claim another conversation's recording.
        if owner not in (None, conversation):
            reason = f"it is in the folder of conversation {owner}"
        elif not _answer_or_none(partial(sources.api.get, link_path, {"format": "json"})):
            reason = f"it is {recording['status']}"
        if reason:
            name = recording["recording_id"]
            archive.notes.append(f"Recording {name} of {conversation} is not included: {reason}.")
        else:
            name = f"{folder}/recordings/{_file_safe(_unique_file_name(recording, names))}"
            _add_recording(sources, link_path, archive, name, progress)


def _unique_file_name(recording: dict[str, Any], names: set[str]) -> str:
    """Return a file name that is not among `names`, ignoring case, and add it to them.

    Recordings `1` and `1.MP4` would both be `1.mp4`.
    """
    suffix = signed_url.extension(recording["key"])
    stem = signed_url.file_name(recording["recording_id"], recording["key"]).removesuffix(suffix)
    candidates = (stem + (f"-{number}" if number > 1 else "") + suffix for number in itertools.count(1))
    name = next(each for each in candidates if each.lower() not in names)
    names.add(name.lower())
    return name


def _add_recording(sources: Sources, path: str, archive: Archive, name: str, progress: Progress) -> None:
    def link() -> str:
        return str(sources.api.get(path, {"format": "json"})["url"])

    # Beside the archive there is room, and other users cannot read it.
    beside = Path(str(archive.file.filename)).parent
    with tempfile.TemporaryDirectory(dir=beside) as scratch:
        file = Path(scratch) / "recording"
        sources.fetch(link, file, lambda count, whole: progress(name, count, whole))
        archive.add_file(name, file)


def _export_quarantine(sources: Sources, selection: Selection, archive: Archive) -> int:
    """Write the selected entries of quarantine, and return how many there are."""
    if sources.quarantine is None:
        archive.notes.append("Quarantine was not searched, because the export had no token for it.")
        return 0
    entries = list(sources.quarantine.items("/quarantine"))
    selected = [
        entry
        for entry in entries
        if selection.has_tag(entry["tags"]) or selection.takes_text(str(entry["body"] or "").encode())
    ]
    archive.write_json("quarantine.json", {"quarantine": selected})
    for entry in filter(_is_unreadable, selected):
        name = entry["quarantine_id"]
        archive.write(f"quarantine/{name}", sources.quarantine.content(f"/quarantine/{name}/body"))
    unreadable = sum(_is_unreadable(entry) for entry in entries if entry not in selected)
    if unreadable:
        archive.notes.append(
            f"{unreadable} quarantine entries could not be searched: they are too large or are not text."
        )
    return len(selected)


def _is_unreadable(entry: dict[str, Any]) -> bool:
    """Tell whether a body is not in the list, or has U+FFFD for bytes that are not text, such as gzip."""
    return entry["body"] is None or "\ufffd" in entry["body"]
