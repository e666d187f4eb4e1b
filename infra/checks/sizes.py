#!/usr/bin/env python3
"""Measures what a callback writes (item, index entry, object, log) and what a million of them cost.

docs/cost.md has these figures, and tests/stack/test_docs.py compares them. The script runs the local stack,
so that handlers, keys and log records are real. Prices are those of us-east-1.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tavus_callbacks.aws.stores.bodies import ROW_BODY_LIMIT
from tavus_callbacks.domain.common.compression import pack
from tavus_callbacks_cli.local_stack.account import isolated_session
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.stack import LocalStack, local_stack

ROOT = Path(__file__).resolve().parents[2]
# A script can only import files next to it; the bodies are those of `make bench`.
sys.path.insert(0, str(ROOT / "infra"))
from bench.bodies import KILOBYTE, SIZES, name, transcript  # noqa: E402 - after the line above

HTTP_REQUEST, LAMBDA_REQUEST, WRITE_UNIT, PUT = 1.00e-6, 0.20e-6, 0.625e-6, 5.00e-6
GB_SECOND_ARM, LOG_BYTE = 0.0000133334, 0.50e-9
# Assumed, not measured: this has not run on AWS yet.
SECONDS, MEMORY_GB = 0.020, 0.5
# The bytes that CloudWatch Logs adds to a record. Lambda's platform adds START, END and REPORT (believed, 300
# bytes), unless the template's SystemLogLevel suppresses them.
RECORD, PLATFORM_RECORDS, PLATFORM_LOG = 26, 3, 300
ACCESS_LOG = re.compile(r'^ +(\{"requestId".*\})$', re.MULTILINE)
# The gateway's values in the access log of a stored callback.
ACCESS_LOG_VALUES = {
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.routeKey": "POST /callbacks/{token}",
    "$context.status": "200",
    "$context.identity.sourceIp": "203.0.113.100",
    "$context.responseLength": "312",
    "$context.responseLatency": "35",
    "$context.error.message": "-",
}


@dataclass(frozen=True, slots=True)
class Row:
    """The bytes, write units and objects that a callback with `body` bytes writes."""

    body: int
    item: int
    write_units: int
    objects: int
    log: int

    @property
    def dollars(self) -> float:
        """Return the price of a million such callbacks."""
        compute = LAMBDA_REQUEST + SECONDS * MEMORY_GB * GB_SECOND_ARM
        store = self.write_units * WRITE_UNIT + self.objects * PUT
        return 1e6 * (HTTP_REQUEST + compute + store + self.log * LOG_BYTE)


def main() -> None:
    """Print the table of docs/cost.md, and the largest body that stays in an item."""
    sys.stdout.write(f"{table(measure_all())}\n\n{inline_limit()}\n")


def measure_all() -> list[Row]:
    """Measure a body of each size on a fresh local stack."""
    with tempfile.TemporaryDirectory() as folder:
        options = Options(port=0, state_root=Path(folder))
        with local_stack(options) as stack:
            return [measure(stack, size) for size in SIZES]


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| body | item | write units | S3 puts | log | cost |", "|---:|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {name(row.body)} | {row.item} B | {row.write_units} | {row.objects} | {row.log} B | "
        f"${row.dollars:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def inline_limit() -> str:
    """Say how large a body can be that, deflated, fits into an item."""
    kilobytes = 0
    while True:
        body = json.dumps(transcript("c123456", (kilobytes + 1) * KILOBYTE)).encode()
        if len(pack(body).data) > ROW_BODY_LIMIT:
            fits = f"A body of up to {kilobytes} KB of such words fits into an item."
            return f"{fits} Larger bodies are stored in S3."
        kilobytes += 1


def measure(stack: LocalStack, size: int) -> Row:
    """Post a callback to a running stack and return what it wrote."""
    conversation_id = f"c{size:015x}"
    log = stack.state.logs / "ReceiveFunction.log"
    url = f"{stack.running.callback_url}?user=4711"
    # The record of a runtime's first request is longer, but of a million hardly any is a first one.
    httpx.get(url, trust_env=False).raise_for_status()
    before = log.stat().st_size
    httpx.post(url, json=transcript(conversation_id, size), trust_env=False).raise_for_status()
    item = _item(stack, f"conversation#{conversation_id}")
    entry = {name: item[name] for name in ("pk", "sk", "receipt_shard", "receipt")}
    return Row(
        body=size,
        item=size_of(item),
        write_units=_units(size_of(item)) + _units(size_of(entry)),
        objects=int("body_key" in item),
        log=log.stat().st_size - before + _access_log() + platform_log() + 2 * RECORD,
    )


def _item(stack: LocalStack, pk: str) -> dict[str, Any]:
    client = isolated_session(stack.running.aws_access_key_id).client(
        "dynamodb", endpoint_url=stack.running.endpoint_url
    )
    answer = client.query(
        TableName=stack.running.outputs["EventsTableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
    )
    return dict(answer["Items"][0])


def size_of(item: dict[str, Any]) -> int:
    """Return the bytes that DynamoDB counts for an item: names and values."""
    return sum(len(name.encode()) + sum(_sizes(value)) for name, value in item.items())


def _sizes(value: dict[str, Any]) -> Iterator[int]:
    ((kind, content),) = value.items()
    if kind in ("M", "L"):
        yield 3
        members = content.items() if kind == "M" else (("", member) for member in content)
        for name, member in members:
            yield len(name.encode()) + 1 + sum(_sizes(member))
    else:
        yield len(content.encode() if kind == "S" else content) if kind in ("S", "B") else _number(content)


def _number(content: object) -> int:
    return 1 if isinstance(content, bool) else (len(str(content)) + 1) // 2 + 1


def _units(size: int) -> int:
    return -(-size // KILOBYTE)


def _access_log() -> int:
    match = ACCESS_LOG.search((ROOT / "template.yaml").read_text(encoding="utf-8"))
    if match is None:
        raise LookupError("template.yaml has no access log format on a line of its own")
    return len(re.sub(r"\$context\.[\w.]+", lambda variable: ACCESS_LOG_VALUES[variable[0]], match[1]))


def platform_log() -> int:
    """Return the bytes that Lambda itself logs for a successful invocation."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    logging = template.partition("\nGlobals:\n")[2].partition("\nResources:\n")[0]
    return 0 if "SystemLogLevel: WARN" in logging else PLATFORM_LOG + PLATFORM_RECORDS * RECORD


if __name__ == "__main__":
    main()
