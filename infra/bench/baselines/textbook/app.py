"""The receiver as the documentation of Powertools has one written."""
# ruff: noqa: INP001, RUF012  # a function's folder, as in Lambda; pydantic copies a default

import hmac
import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.parser import BaseModel
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ConfigDict

logger = Logger()
tracer = Tracer()
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["EVENTS_TABLE"])
persistence = DynamoDBPersistenceLayer(table_name=os.environ["TOKENS_TABLE"])
config = IdempotencyConfig(event_key_jmespath="[conversation_id, event_type, timestamp]")


class Callback(BaseModel):
    """The members that all conversation callbacks have."""

    model_config = ConfigDict(extra="allow")

    event_type: str
    conversation_id: str
    timestamp: str | None = None
    message_type: str | None = None
    properties: dict[str, Any] = {}


@app.post("/callbacks/<token>")
@tracer.capture_method
def receive(token: str, callback: Callback) -> dict[str, str]:
    """Authenticate and keep a callback."""
    if not hmac.compare_digest(token, os.environ["CALLBACK_TOKEN"]):
        raise UnauthorizedError("Unknown token")
    return keep(callback=callback.model_dump())


@idempotent_function(data_keyword_argument="callback", config=config, persistence_store=persistence)
@tracer.capture_method
def keep(callback: dict[str, Any]) -> dict[str, str]:
    """Keep a callback once."""
    table.put_item(
        Item={
            "pk": f"conversation#{callback['conversation_id']}",
            "sk": f"{callback['timestamp']}#{callback['event_type']}",
            "event_type": callback["event_type"],
            "body": json.dumps(callback),
        }
    )
    logger.info("Callback kept", extra={"event_type": callback["event_type"]})
    return {"status": "stored"}


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an event of the HTTP API."""
    config.register_lambda_context(context)
    return app.resolve(event, context)
