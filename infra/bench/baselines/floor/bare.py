"""One `put_item` by botocore with what it does by default, and nothing else."""
# ruff: noqa: INP001  # a function's folder, as in Lambda

import os
from typing import Any

from botocore.session import Session
from item import BODY, ITEM

client = Session().create_client("dynamodb")


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Put an item."""
    client.put_item(TableName=os.environ["EVENTS_TABLE"], Item={**ITEM, "body": {"B": BODY}})
    return {"statusCode": 200, "body": "{}"}
