"""One PutItem, signed by hand (Signature Version 4), over a connection that is kept alive."""
# ruff: noqa: INP001  # a function's folder, as in Lambda

import base64
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from item import BODY, ITEM

TARGET = "DynamoDB_20120810.PutItem"
TYPE = "application/x-amz-json-1.0"
SIGNED = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
REGION, HOST = os.environ["AWS_DEFAULT_REGION"], urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
connection = HTTPConnection(HOST)


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Put an item."""
    item = {**ITEM, "body": {"B": base64.b64encode(BODY).decode()}}
    body = json.dumps({"TableName": os.environ["EVENTS_TABLE"], "Item": item}).encode()
    connection.request("POST", "/", body, signed_headers(body))
    connection.getresponse().read()
    return {"statusCode": 200, "body": "{}"}


def signed_headers(body: bytes) -> dict[str, str]:
    """Return the headers of a request with its signature."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    session = os.environ["AWS_SESSION_TOKEN"]
    headers = f"content-type:{TYPE}\nhost:{HOST}\nx-amz-date:{moment}\nx-amz-security-token:{session}\n"
    headers += f"x-amz-target:{TARGET}\n"
    request = f"POST\n/\n\n{headers}\n{SIGNED}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{REGION}/dynamodb/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = hmac.new(
        key_of(moment[:8]), f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode(), hashlib.sha256
    ).hexdigest()
    who = f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    return {
        "Content-Type": TYPE,
        "X-Amz-Date": moment,
        "X-Amz-Security-Token": session,
        "X-Amz-Target": TARGET,
        "Authorization": f"{who}, SignedHeaders={SIGNED}, Signature={signature}",
    }


def key_of(day: str) -> bytes:
    """Return the signing key of a day."""
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (day, REGION, "dynamodb", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
