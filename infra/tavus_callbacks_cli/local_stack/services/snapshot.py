"""Keeping the embedded services' data over a restart.

`items.json` holds every item of every table, the secrets, and the list of objects; an object's bytes lie in a
file of their own, written once, so that large bodies are not written again with every new event.
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
# A snapshot may take at most about a twentieth of the time, however many items there are.
_INTERVAL_PER_DURATION = 20
_BATCH = 25
_KEPT_HEADERS = ("ContentType", "ContentEncoding", "ContentDisposition", "CacheControl", "Metadata")


def save(folder: Path, template: "Template", clients: "Clients") -> None:
    """Write all data of the template's tables and buckets."""
    began = time.time()
    # Items first: the object that an item names was there before it.
    items = clients.items()
    buckets = [bucket.name for bucket in template.of_type("AWS::S3::Bucket")]
    objects = [entry for bucket in buckets for entry in _save_objects(folder, clients, bucket)]
    rest = json.dumps({"secrets": dict(_save_secrets(template, clients)), "objects": objects, "began": began})
    content = b'{"tables":%b,%b' % (items, rest.removeprefix("{").encode())
    replace_file(folder / "items.json", content)
    _drop_unlisted(folder, {entry["file"] for entry in objects})


def older(data: Path) -> list[Path]:
    """Return the snapshots that an earlier start put aside, by name."""
    return sorted(data.parent.glob(f"{data.name}-*"))


def is_newer(data: Path, moment: float) -> bool:
    """Tell whether the snapshot began after a moment and no file of the snapshot before it is left."""
    try:
        snapshot = json.loads((data / "items.json").read_bytes())
        files = {path.stem for path in data.iterdir() if path.name != "items.json"}
    except (FileNotFoundError, ValueError):
        return False
    return snapshot.get("began", 0) > moment and files <= {entry["file"] for entry in snapshot["objects"]}


def restore(folder: Path, template: "Template", clients: "Clients") -> str | None:
    """Put the data kept into the fresh services; return one line where some of it does not fit.

    What does not fit is left out, and the whole snapshot stays beside the new one.
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
def keep_saving(
    folder: Path, template: "Template", clients: "Clients", changed: threading.Event
) -> Iterator[None]:
    """Save now, then whenever something changed, and once more at the end."""
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
        except ClientError:  # an object went between listing and reading: the next round sees it so
            changed.set()
        pause = max(_SHORTEST_INTERVAL, _INTERVAL_PER_DURATION * (time.monotonic() - started))


def _save_secrets(template: "Template", clients: "Clients") -> Iterator[tuple[str, str]]:
    for secret in template.of_type("AWS::SecretsManager::Secret"):
        with contextlib.suppress(clients.secrets.exceptions.ResourceNotFoundException):  # it has no value yet
            yield secret.name, clients.secrets.get_secret_value(SecretId=secret.name)["SecretString"]


def _save_objects(folder: Path, clients: "Clients", bucket: str) -> Iterator[dict[str, Any]]:
    for page in clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for listed in page.get("Contents", []):
            yield _save_object(folder, clients, bucket, dict(listed))


def _save_object(folder: Path, clients: "Clients", bucket: str, listed: dict[str, Any]) -> dict[str, Any]:
    key = listed["Key"]
    identity = f"{bucket}\n{key}\n{listed['ETag']}\n{listed['LastModified']}"
    name = hashlib.sha256(identity.encode()).hexdigest()
    if not (folder / f"{name}.json").exists():
        found = clients.s3.get_object(Bucket=bucket, Key=key)
        replace_file(folder / f"{name}.object", found["Body"].read())
        headers = {header: value for header, value in found.items() if header in _KEPT_HEADERS}
        replace_file(folder / f"{name}.json", json.dumps(headers).encode())
    return {"bucket": bucket, "key": key, "file": name}


def _drop_unlisted(folder: Path, listed: set[str]) -> None:
    for path in folder.iterdir():
        if path.name != "items.json" and path.stem not in listed:
            path.unlink()


def _put_all(snapshot: dict[str, Any], folder: Path, template: "Template", clients: "Clients") -> list[str]:
    known = {resource.name for resource in template.resources.values()}
    tables = {table: items for table, items in snapshot["tables"].items() if items}
    misfits = {f"no table {table}" for table in tables if table not in known}
    misfits |= {
        f"no bucket {entry['bucket']}" for entry in snapshot["objects"] if entry["bucket"] not in known
    }
    refusals = [_put_items(clients, table, items) for table, items in tables.items() if table in known]
    for entry in snapshot["objects"]:
        if entry["bucket"] in known:
            _put_object(clients, folder, entry)
    # A slot's key goes with its slot: that of one that is gone is not missed.
    for name, value in snapshot.get("secrets", {}).items():
        if name in known:
            clients.secrets.put_secret_value(SecretId=name, SecretString=value)
    return sorted(misfits | {refusal for refusal in refusals if refusal})


def _put_items(clients: "Clients", table: str, items: list[Any]) -> str | None:
    from botocore.exceptions import ClientError

    requests = [{"PutRequest": {"Item": _members(item)}} for item in items]
    try:
        for start in range(0, len(requests), _BATCH):
            _put_batch(clients, {table: requests[start : start + _BATCH]})
    except ClientError as error:
        return f"table {table}: {error}"
    return None


def _put_batch(clients: "Clients", requests: dict[str, Any]) -> None:
    while requests:
        requests = dict(clients.dynamodb.batch_write_item(RequestItems=requests)["UnprocessedItems"])


def _put_object(clients: "Clients", folder: Path, entry: dict[str, str]) -> None:
    path = folder / f"{entry['file']}.object"
    headers = json.loads(path.with_suffix(".json").read_bytes())
    clients.s3.put_object(Bucket=entry["bucket"], Key=entry["key"], Body=path.read_bytes(), **headers)


def _members(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: _for_boto(value) for name, value in attributes.items()}


def _for_boto(value: dict[str, Any]) -> dict[str, Any]:
    # In JSON bytes are base64; boto3 takes bytes and encodes them itself.
    [(kind, content)] = value.items()
    convert = _CONVERSIONS.get(kind)
    return {kind: convert(content)} if convert else value


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "B": base64.b64decode,
    "BS": lambda texts: [base64.b64decode(text) for text in texts],
    "L": lambda values: [_for_boto(value) for value in values],
    "M": _members,
}
