"""Reads the folder of an earlier version: all data but the bytes of objects are in `items.json`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tavus_callbacks_cli.local_stack.services.journal import (
    ITEM,
    OBJECT,
    SECRET,
    Entry,
    UnreadableJournal,
    item_key,
)

_FILE_NAME = "items.json"
_HEADERS = {
    "ContentType": "Content-Type",
    "ContentEncoding": "Content-Encoding",
    "ContentDisposition": "Content-Disposition",
    "CacheControl": "Cache-Control",
}


def old_entries(folder: Path, keys: Mapping[str, list[str]]) -> Iterator[Entry]:
    """Yield the entries of a folder's `items.json`, if there is one; raises UnreadableJournal.

    `keys` has the names of the key attributes of each table.
    """
    path = folder / _FILE_NAME
    if not path.exists():
        return
    try:
        snapshot = json.loads(path.read_bytes())
        for table, items in snapshot["tables"].items():
            for item in items:
                # The items of a table that is gone have no known key, and are only set aside.
                yield Entry(ITEM, table, item_key(item, keys.get(table, item)), json.dumps(item))
        for entry in snapshot["objects"]:
            yield Entry(OBJECT, entry["bucket"], entry["key"], json.dumps(_object(folder, entry["file"])))
        for name, value in snapshot.get("secrets", {}).items():
            yield Entry(SECRET, "", name, json.dumps(value))
    except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError) as error:
        raise UnreadableJournal(f"{_FILE_NAME}: {error}") from error


def _object(folder: Path, name: str) -> dict[str, Any]:
    headers = json.loads((folder / f"{name}.json").read_bytes())
    metadata = {_HEADERS[header]: value for header, value in headers.items() if header in _HEADERS}
    metadata |= {f"x-amz-meta-{key}": value for key, value in headers.get("Metadata", {}).items()}
    return {"file": f"{name}.object", "metadata": metadata}
