"""What is kept of subjects, as one zip: laid out alike each time, read by the API, so that a token will do.

Entries have no time of their own and stand in a fixed order: the same content makes the same archive.
"""

import itertools
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from click import ClickException

from tavus_callbacks.domain.callbacks.recording_place import owner_of
from tavus_callbacks.domain.common.tags import is_tagged
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.events.tag_scope import TaggedCallback
from tavus_callbacks.domain.recordings import signed_url
from tavus_callbacks_cli.erasure.place import CONVERSATION, UNSUMMED, Subject, Wanted, sort_by_tag
from tavus_callbacks_cli.operations.subjects import LISTS, has_page, path_of

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient

README = """What is stored about {whom}, exported by tavus-callbacks.

KIND/ID/view.json               what happened, folded from the events (conversations, videos, replicas)
KIND/ID/events.json             every callback that came: when, by which label, with which tags and issues
KIND/ID/events/NUMBER-TYPE.json its body as it was kept: as sent, but for the token in the callback URL
KIND/ID/transcript.json|txt|vtt what was said; vtt only where the turns have times
KIND/ID/recordings.json         what is known of recordings
KIND/ID/recordings/NAME.mp4     those that could be played at the time of the export, each with its own
                                extension where its key has one
quarantine.json                 callbacks that could not be filed and name one of these or carry the tag
quarantine/ID                   the body of such a callback, as it was stored, if it is not in quarantine.json

Characters of an id that not every file system takes are percent-encoded.
{notes}"""

# No entry has a time of its own: the same content is the same archive.
_TIME = (1980, 1, 1, 0, 0, 0)
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")

OLDER_STACK = (
    "This stack has no GET /subjects, which lists subjects of every kind by tag. Deploy it again with this "
    "version, or use --stack NAME with AWS credentials."
)
SPILL_NOTE = (
    "Callbacks that wait in the spill, a queue for times when the table does not answer, are not here. "
    "Export again once it is empty."
)

Progress = Callable[[str, int, int | None], None]
# Fetches a link into a file; the last is told bytes and their whole.
Fetch = Callable[[Callable[[], str], Path, Callable[[int, int | None], None]], int]


@dataclass(slots=True)
class Archive:
    """The zip as it is written; `notes` go into its README.txt."""

    file: zipfile.ZipFile
    notes: list[str] = field(default_factory=list)

    def write(self, name: str, content: str | bytes) -> None:
        """Add a text, or bytes as they are."""
        self.file.writestr(_info(name, zipfile.ZIP_DEFLATED), content)

    def write_json(self, name: str, value: object) -> None:
        """Add a value as JSON."""
        self.write(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def add(self, name: str, path: Path) -> None:
        """Add a file as it is: a video does not deflate."""
        entry = _info(name, zipfile.ZIP_STORED)
        with path.open("rb") as source, self.file.open(entry, "w", force_zip64=True) as written:
            shutil.copyfileobj(source, written)


def _info(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = method
    # Read by its owner alone, wherever it is unpacked.
    info.external_attr = 0o600 << 16
    return info


class Exported(NamedTuple):
    """How many events and entries of quarantine an archive has."""

    events: int
    quarantine: int


@dataclass(frozen=True, slots=True)
class Sources:
    """Where an export comes from; `quarantine` is None where nothing reads it, `fetch` gets recordings."""

    api: "ApiClient"
    quarantine: "ApiClient | None"
    fetch: Fetch


def tagged(api: "ApiClient", tag: tuple[str, str]) -> Wanted:
    """Find the subjects with a tag in lists and recent events, and sort them by whether they belong to it."""
    found = frozenset((*_listed(api, tag), *_received(api, tag, since=now() - UNSUMMED)))
    return sort_by_tag(tag, {each: tagged_callbacks(api, each) for each in found})


def _listed(api: "ApiClient", tag: tuple[str, str]) -> Iterator[Subject]:
    from tavus_callbacks_cli.targets.api_client import NoSuchPath

    try:
        for page in api.pages("/subjects", {"tag": ":".join(tag)}):
            yield from ((each["kind"], each["subject"]) for each in page["subjects"])
    except NoSuchPath as error:
        raise ClickException(OLDER_STACK) from error


def _received(api: "ApiClient", tag: tuple[str, str], since: datetime) -> Iterator[Subject]:
    """Yield the subjects of events with a tag that were received since a time: no list may know them yet."""
    page = api.get("/events", {"after": iso(since), "limit": "200"})
    while page["events"]:
        yield from (
            (each["kind"], each["subject"]) for each in page["events"] if is_tagged(each["tags"], tag)
        )
        page = api.get("/events", {"after": page["cursor"], "limit": "200"})


def tagged_callbacks(api: "ApiClient", subject: Subject) -> list[TaggedCallback]:
    """Return a subject's events and variants as the API answers them."""
    return [
        TaggedCallback(**{name: each[name] for name in TaggedCallback._fields})
        for each in _events(api, subject)
    ]


def _events(api: "ApiClient", subject: Subject) -> Iterator[dict[str, Any]]:
    """Yield a subject's events, each followed by its variants."""
    kind, name = subject
    for page in api.pages("/events", {"kind": kind, "subject": name}):
        for event in page["events"]:
            variants = event.pop("variants", ())
            yield from (event, *variants)


def export(
    sources: Sources,
    wanted: Wanted,
    archive: Archive,
    progress: Progress,
    left_out: Iterable[Mapping[str, str]],
) -> Exported:
    """Write everything of some subjects, and what carries the tag, into an archive."""
    count = 0
    for number, subject in enumerate(sorted(wanted.subjects)):
        progress(" ".join(subject), number, len(wanted.subjects))
        count += _export_one(sources, subject, archive, progress)
    entries = _export_quarantine(sources, wanted, archive)
    names = [" ".join(subject) for subject in sorted(wanted.subjects)]
    names += [f"the tag {':'.join(wanted.tag)}"] if wanted.tag else []
    archive.notes += [
        f"Left out: {each['kind']} {each['subject']}: {each['reason']}.\n  {each['command']}"
        for each in left_out
    ]
    if wanted.tag:
        archive.notes.append(SPILL_NOTE)
    notes = "".join(f"\n{note}" for note in archive.notes)
    archive.write("README.txt", README.format(whom=", ".join(names), notes=notes + "\n" if notes else ""))
    return Exported(count, entries)


def _export_one(sources: Sources, subject: Subject, archive: Archive, progress: Progress) -> int:
    folder = "/".join(_safe(part) for part in subject)
    count = _export_events(sources.api, subject, archive, folder)
    kind, name = subject
    if kind not in LISTS or not has_page(name):
        archive.notes.append(f"{kind} {name} has no view of its own: only its events are here.")
    elif count:
        archive.write_json(f"{folder}/view.json", sources.api.get(path_of(kind, name)))
        if kind == CONVERSATION:
            _export_transcript(sources.api, name, archive, folder)
            _export_recordings(sources, name, archive, folder, progress)
    return count


def _safe(name: str) -> str:
    """Return a name that no unpacking can lead elsewhere."""
    encoded = quote(name, safe="-_~.")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")


def _export_events(api: "ApiClient", subject: Subject, archive: Archive, folder: str) -> int:
    events = list(_events(api, subject))
    for number, event in enumerate(events, 1):
        event["file"] = f"events/{number:06}-{_PLAIN.sub('-', event['event_type'])[:80]}.json"
        event_id = event.get("variant_id", event["event_id"])
        archive.write(f"{folder}/{event['file']}", api.text(f"/events/{quote(event_id, safe='')}/body", {}))
    listed = [{name: part for name, part in event.items() if name != "body"} for event in events]
    archive.write_json(f"{folder}/events.json", {"events": listed})
    return len(events)


def _export_transcript(api: "ApiClient", conversation: str, archive: Archive, folder: str) -> None:
    path = f"{path_of(CONVERSATION, conversation)}/transcript"
    content = _found(lambda: api.get(path, {"include": "system"}))
    if content is None:
        return
    archive.write_json(f"{folder}/transcript.json", content)
    for form, suffix in (("text", "txt"), ("vtt", "vtt")):
        written = _found(partial(api.text, path, {"include": "system", "format": form}))
        if written is not None:
            archive.write(f"{folder}/transcript.{suffix}", written)


def _found(ask: Callable[[], Any]) -> Any:
    """Return an answer, or None where there is none of it: 404, or 409 for subtitles without times."""
    from tavus_callbacks_cli.targets.api_client import Conflict, NotFound

    try:
        return ask()
    except (NotFound, Conflict):
        return None


def _export_recordings(
    sources: Sources, conversation: str, archive: Archive, folder: str, progress: Progress
) -> None:
    path = f"{path_of(CONVERSATION, conversation)}/recordings"
    content = _found(lambda: sources.api.get(path))
    if content is None:
        return
    archive.write_json(f"{folder}/recordings.json", content)
    names: set[str] = set()
    for one in content["recordings"]:
        reason = _why_not(sources.api, conversation, one)
        if reason is not None:
            archive.notes.append(f"Recording {one['recording_id']} of {conversation} is not here: {reason}.")
            continue
        name = f"{folder}/recordings/{_safe(_file_name(one, names))}"
        _add_recording(sources, f"{path}/{one['recording_id']}", archive, name, progress)


def _file_name(recording: dict[str, Any], names: set[str]) -> str:
    """Return a file name that is not among `names`, in any case, and add it to them.

    Recordings `1` and `1.MP4` would both be `1.mp4`.
    """
    suffix = signed_url.extension(recording["key"])
    stem = signed_url.file_name(recording["recording_id"], recording["key"]).removesuffix(suffix)
    candidates = (stem + (f"-{number}" if number > 1 else "") + suffix for number in itertools.count(1))
    name = next(each for each in candidates if each.lower() not in names)
    names.add(name.lower())
    return name


def _why_not(api: "ApiClient", conversation: str, recording: dict[str, Any]) -> str | None:
    """Say why a recording cannot be exported, or None; a forged callback may claim another's."""
    owner = owner_of(str(recording["key"]))
    if owner not in (None, conversation):
        return f"it lies in the folder of conversation {owner}"
    path = f"{path_of(CONVERSATION, conversation)}/recordings/{recording['recording_id']}"
    return None if _found(partial(api.get, path, {"format": "json"})) else f"it is {recording['status']}"


def _add_recording(sources: Sources, path: str, archive: Archive, name: str, progress: Progress) -> None:
    def signed_link() -> str:
        return str(sources.api.get(path, {"format": "json"})["url"])

    with ExitStack() as cleanup:
        # Beside the archive, where there is room for it, and not in a shared folder of the machine.
        beside = Path(str(archive.file.filename)).parent
        scratch = Path(cleanup.enter_context(tempfile.TemporaryDirectory(dir=beside)))
        sources.fetch(signed_link, scratch / "recording", lambda count, whole: progress(name, count, whole))
        archive.add(name, scratch / "recording")


def _export_quarantine(sources: Sources, wanted: Wanted, archive: Archive) -> int:
    """Write the entries of quarantine that are about somebody, and return how many there are."""
    if sources.quarantine is None:
        archive.notes.append("Quarantine was not searched: the export had no token of that scope.")
        return 0
    entries = [each for page in sources.quarantine.pages("/quarantine", {}) for each in page["quarantine"]]
    about = [each for each in entries if _is_about(wanted, each)]
    archive.write_json("quarantine.json", {"quarantine": about})
    for each in filter(_is_unreadable, about):
        name = each["quarantine_id"]
        archive.write(f"quarantine/{name}", sources.quarantine.content(f"/quarantine/{name}/body"))
    unreadable = sum(_is_unreadable(each) for each in entries if each not in about)
    if unreadable:
        archive.notes.append(
            f"{unreadable} entries of quarantine are too large, or no text, to be searched by their text."
        )
    return len(about)


def _is_unreadable(entry: dict[str, Any]) -> bool:
    """Tell whether a body is not in the list, or has U+FFFD for bytes that are no text, such as gzip."""
    return entry["body"] is None or "\ufffd" in entry["body"]


def _is_about(wanted: Wanted, entry: dict[str, Any]) -> bool:
    return wanted.has_tag(entry["tags"]) or wanted.is_named_in(str(entry["body"] or "").encode())
