"""boto3 with a DynamoDB client, and pydantic with one union: what any receiver of this kind loads."""
# ruff: noqa: INP001  # a function's folder, as in Lambda

from typing import Annotated, Any, Literal

import boto3
from pydantic import BaseModel, Field, TypeAdapter

client = boto3.client("dynamodb")


class Joined(BaseModel):
    """One member."""

    event_type: Literal["system.replica_joined"]
    conversation_id: str


class Shutdown(BaseModel):
    """Another one."""

    event_type: Literal["system.shutdown"]
    conversation_id: str
    properties: dict[str, Any] = {}


union: TypeAdapter[Joined | Shutdown] = TypeAdapter(
    Annotated[Joined | Shutdown, Field(discriminator="event_type")]
)


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer at once."""
    return {"statusCode": 200, "body": "{}"}
