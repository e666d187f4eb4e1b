"""Every call of AWS that the functions make in a test run, told by botocore: for the check of their roles.

Each is noted with the function that made it, the action that IAM would decide on, and the resources.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tavus_callbacks.aws.stores import index

FOLDER = Path(__file__).parents[1] / ".pytest_cache" / "aws-calls"

# Other names are stacks that tests of the command line make up.
_STACK = "tavus-callbacks-local"
REGION, ACCOUNT = "us-east-1", "123456789012"
_FUNCTIONS = {
    "tavus_callbacks.handlers.receive": "ReceiveFunction",
    "tavus_callbacks.handlers.drain": "DrainFunction",
    "tavus_callbacks.handlers.read": "ReadFunction",
    "tavus_callbacks.handlers.project": "ProjectFunction",
    "tavus_callbacks.handlers.resolve": "ResolveFunction",
    "tavus_callbacks.handlers.signing_key": "KeysFunction",
    "tavus_callbacks.handlers.push": "PushFunction",
    "tavus_callbacks.handlers.watch": "WatchFunction",
}
# Operations whose action has another name.
_ACTIONS = {"HeadObject": "GetObject", "HeadBucket": "ListBucket", "ListObjectsV2": "ListBucket"}

noted: set[str] = set()
_thread = threading.local()


def watch(client: Any) -> Any:
    """Note what a client is asked for from now on."""
    client.meta.events.register("before-parameter-build", note)
    return client


def note(params: dict[str, Any], model: Any, **_: object) -> None:
    """Note one call, unless no function's handler is below it: then a test made it."""
    function = _caller()
    if function is None:
        return
    service = model.service_model.service_name
    action = f"{service}:{_ACTIONS.get(model.name, model.name)}"
    if action == "s3:DeleteObject" and "VersionId" in params:
        action = "s3:DeleteObjectVersion"
    ours = (found for found in _RESOURCES[service](params) if _STACK in found[0])
    for resource, context in ours:
        call = {"function": function, "action": action, "resource": resource, "context": context}
        noted.add(json.dumps(call, sort_keys=True))


def _caller() -> str | None:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in ("handler", "resolve"):
            found = _FUNCTIONS.get(frame.f_globals["__name__"])
            if found:
                return found
        frame = frame.f_back  # type: ignore[assignment] # None above the outermost
    return getattr(_thread, "caller", None)


def follow_threads() -> None:
    """Let the threads that an index is asked by know who asks: no handler stands above them."""

    def pool(workers: int) -> ThreadPoolExecutor:
        caller = _caller()

        def take_over() -> None:
            _thread.caller = caller

        return ThreadPoolExecutor(workers, initializer=take_over)

    index.ThreadPoolExecutor = pool  # type: ignore[assignment,misc] # for the whole run


# The possible subjects of a policy's condition.
Context = dict[str, list[str]]


def _dynamodb(params: dict[str, Any]) -> Iterator[tuple[str, Context]]:
    tables = params.get("RequestItems") or {params["TableName"]: params}
    for table, request in tables.items():
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
        index = params.get("IndexName")
        keys = sorted(_partitions(request))
        context = {"dynamodb:LeadingKeys": keys} if keys else {}
        yield (f"{arn}/index/{index}" if index else arn), context | _projection(request)


def _projection(request: dict[str, Any]) -> Context:
    if "Select" not in request:
        return {}
    names = request.get("ExpressionAttributeNames", {})
    read = [names.get(name, name) for name in request["ProjectionExpression"].split(", ")]
    # The attributes of the key condition count, too.
    return {"dynamodb:Attributes": sorted({"pk", "sk", *read}), "dynamodb:Select": [request["Select"]]}


def _partitions(request: dict[str, Any]) -> set[str]:
    values = [request.get("Item"), request.get("Key"), *request.get("Keys", ())]
    found = [value.get("pk") for value in values if value]
    query = request.get("ExpressionAttributeValues", {}).get(":pk")
    # The part before the first # is the subject of a condition; the rest differs by test.
    return {f"{key['S'].partition('#')[0]}#x" for key in [*found, query] if key}


def _s3(params: dict[str, Any]) -> Iterator[tuple[str, Context]]:
    key = params.get("Key")
    # Policies distinguish the folder and one name of a key.
    named = f"/{key.partition('/')[0]}/x" if key and "/" in key else f"/{key}" if key else ""
    yield f"arn:aws:s3:::{params['Bucket']}{named}", {}


def _sqs(params: dict[str, Any]) -> Iterator[tuple[str, Context]]:
    yield f"arn:aws:sqs:{REGION}:{ACCOUNT}:{params['QueueUrl'].rpartition('/')[2]}", {}


def _secretsmanager(params: dict[str, Any]) -> Iterator[tuple[str, Context]]:
    secret = params["SecretId"]
    arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret.rpartition(':')[2]}"
    yield arn, {}


def _events(params: dict[str, Any]) -> Iterator[tuple[str, Context]]:
    for bus in {entry["EventBusName"] for entry in params["Entries"]}:
        yield f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}", {}


_RESOURCES = {
    "dynamodb": _dynamodb,
    "events": _events,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "sqs": _sqs,
}


def keep() -> None:
    """Write what this process noted, for the check that comes after the run."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{os.getpid()}.json").write_text("\n".join(sorted(noted)))
