"""Saves the data of the embedded services and restores them after a restart.

`items.json` holds every item of every table, the secrets, and the list of objects. The bytes of an object are
in a file of their own that is written once, so that a new event does not rewrite large bodies.
"""

import base64
import contextlib
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.output.files import replace_file

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.services.deploy import Clients
    from tavus_callbacks_cli.local_stack.template.template import Template

_SHORTEST_INTERVAL = 1.0
# Snapshots take at most about a twentieth of the time, however many items there are.
_INTERVAL_PER_DURATION = 20
_BATCH = 25
_SAVED_HEADERS = ("ContentType", "ContentEncoding", "ContentDisposition", "CacheControl", "Metadata")


def save(folder: Path, template: "Template", clients: "Clients") -> None:
    """Write all data of the template's tables, buckets and secrets."""
    began = time.time()
    # Items come first: the object that an item names exists before the item.
    items = clients.items()
    buckets = [bucket.name for bucket in template.of_type("AWS::S3::Bucket")]
    pages = clients.s3.get_paginator("list_objects_v2")
    objects = [
        _save_object(folder, clients, bucket, dict(listed))
        for bucket in buckets
        for page in pages.paginate(Bucket=bucket)
        for listed in page.get("Contents", [])
    ]
    secrets = {}
    for secret in template.of_type("AWS::SecretsManager::Secret"):
        with contextlib.suppress(clients.secrets.exceptions.ResourceNotFoundException):  # it has no value yet
            secrets[secret.name] = clients.secrets.get_secret_value(SecretId=secret.name)["SecretString"]
    rest = json.dumps({"secrets": secrets, "objects": objects, "began": began})
    content = b'{"tables":%b,%b' % (items, rest.removeprefix("{").encode())
    replace_file(folder / "items.json", content)
    files = {entry["file"] for entry in objects}
    for path in folder.iterdir():
        if path.name != "items.json" and path.stem not in files:
            path.unlink()


def older_snapshots(data: Path) -> list[Path]:
    """Return the snapshots that earlier starts set aside, by name."""
    return sorted(data.parent.glob(f"{data.name}-*"))


def is_newer(data: Path, moment: float) -> bool:
    """Tell whether the snapshot began after a moment and no file of an earlier snapshot is left."""
    try:
        snapshot = json.loads((data / "items.json").read_bytes())
        files = {path.stem for path in data.iterdir() if path.name != "items.json"}
    except (FileNotFoundError, ValueError):
        return False
    return snapshot.get("began", 0) > moment and files <= {entry["file"] for entry in snapshot["objects"]}


def restore(folder: Path, template: "Template", clients: "Clients") -> str | None:
    """Put the saved data into fresh services; return one line if some of it does not fit the template.

    Data that does not fit is left out, and the whole snapshot is set aside next to the new one.
    """
    path = folder / "items.json"
    if not path.exists():
        return None
    try:
        snapshot = json.loads(path.read_bytes())
        misfits = _put_all(snapshot, folder, template, clients)
    except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError) as error:
        misfits = [f"it cannot be read: {error}"]
    if not misfits:
        return None
    aside = folder.with_name(f"data-{time.strftime('%Y%m%d-%H%M%S')}")
    shutil.copytree(folder, aside, dirs_exist_ok=True)
    return f"data of another template: {'; '.join(misfits)}; the old data are kept in {aside}"


@contextlib.contextmanager
def save_continuously(
    folder: Path, template: "Template", clients: "Clients", changed: threading.Event
) -> Iterator[None]:
    """Save now, after changes, and at the end of the block."""
    ended, save_now = threading.Event(), partial(save, folder, template, clients)
    save_now()
    arguments = (save_now, changed, ended)
    thread = threading.Thread(target=_save_changes, args=arguments, name="snapshot", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        save_now()


def _save_changes(save_now: Callable[[], None], changed: threading.Event, ended: threading.Event) -> None:
    from botocore.exceptions import ClientError

    pause = _SHORTEST_INTERVAL
    while not ended.wait(pause):
        if not changed.is_set():
            continue
        changed.clear()
        started = time.monotonic()
        try:
            save_now()
        except ClientError:  # an object was deleted between listing and reading it; the next round omits it
            changed.set()
        pause = max(_SHORTEST_INTERVAL, _INTERVAL_PER_DURATION * (time.monotonic() - started))


def _save_object(folder: Path, clients: "Clients", bucket: str, listed: dict[str, Any]) -> dict[str, Any]:
    key = listed["Key"]
    identity = f"{bucket}\n{key}\n{listed['ETag']}\n{listed['LastModified']}"
    name = hashlib.sha256(identity.encode()).hexdigest()
    if not (folder / f"{name}.json").exists():
        stored = clients.s3.get_object(Bucket=bucket, Key=key)
        replace_file(folder / f"{name}.object", stored["Body"].read())
        headers = {header: value for header, value in stored.items() if header in _SAVED_HEADERS}
        replace_file(folder / f"{name}.json", json.dumps(headers).encode())
    return {"bucket": bucket, "key": key, "file": name}


def _put_all(snapshot: dict[str, Any], folder: Path, template: "Template", clients: "Clients") -> list[str]:
    """Put everything that fits into the services; return one text for each table or bucket that does not."""
    names = {resource.name for resource in template.resources.values()}
    misfits = set()
    for table, items in snapshot["tables"].items():
        if items and (misfit := _put_items(clients, table, items) if table in names else f"no table {table}"):
            misfits.add(misfit)
    for entry in snapshot["objects"]:
        if entry["bucket"] in names:
            path = folder / f"{entry['file']}.object"
            headers = json.loads(path.with_suffix(".json").read_bytes())
            clients.s3.put_object(Bucket=entry["bucket"], Key=entry["key"], Body=path.read_bytes(), **headers)
        else:
            misfits.add(f"no bucket {entry['bucket']}")
    # The key of a slot that is gone from the template is not needed.
    for name, value in snapshot.get("secrets", {}).items():
        if name in names:
            clients.secrets.put_secret_value(SecretId=name, SecretString=value)
    return sorted(misfits)


def _put_items(clients: "Clients", table: str, items: list[Any]) -> str | None:
    from botocore.exceptions import ClientError

    requests = [{"PutRequest": {"Item": _members(item)}} for item in items]
    try:
        for start in range(0, len(requests), _BATCH):
            batch: Any = {table: requests[start : start + _BATCH]}
            while batch:
                batch = clients.dynamodb.batch_write_item(RequestItems=batch)["UnprocessedItems"]
    except ClientError as error:
        return f"table {table}: {error}"
    return None


def _members(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: _for_boto(value) for name, value in attributes.items()}


def _for_boto(value: dict[str, Any]) -> dict[str, Any]:
    # Bytes are base64 in JSON, but boto3 takes them as they are.
    [(kind, content)] = value.items()
    convert = _CONVERSIONS.get(kind)
    return {kind: convert(content)} if convert else value


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "B": base64.b64decode,
    "BS": lambda texts: [base64.b64decode(text) for text in texts],
    "L": lambda values: [_for_boto(value) for value in values],
    "M": _members,
}
