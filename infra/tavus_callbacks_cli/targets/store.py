"""The tables and bodies of a stack, as operations use them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import click

from tavus_callbacks.domain.common.timestamps import now

if TYPE_CHECKING:
    from boto3 import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.service_resource import Table

    from tavus_callbacks.aws.stores.bodies import Bodies


@dataclass(frozen=True, slots=True)
class Store:
    """The events table, by its client and name, and the bucket of large bodies."""

    client: "DynamoDBClient"
    table: str
    bodies: "Bodies"

    def now(self) -> datetime:
        """Return the time by the store's clock. Pulling goes by it, and this machine's may be minutes wrong.

        The store gives whole seconds. The rest is this machine's, so that no two times are equal.
        """
        from tavus_callbacks.aws.errors import store_down
        from tavus_callbacks.aws.items import write_item

        key = write_item({"pk": "clock", "sk": "none"})
        with store_down():
            answer = self.client.get_item(TableName=self.table, Key=key)
        here, date = now(), answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        there = parsedate_to_datetime(date).astimezone(UTC) if date else here
        return there.replace(microsecond=here.microsecond)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables for managing tokens: the tokens, the events (with the last use), and the API's URL."""

    tokens: "Table"
    events: "Table"
    api_url: str


def open_store(session: "Session", outputs: Mapping[str, str], endpoint_url: str | None) -> Store:
    """Open the store that a stack's outputs name; raises click.ClickException if one is missing."""
    from botocore.config import Config

    from tavus_callbacks.aws.stores.bodies import Bodies

    # Pulling may pass a stored event by if the event is not visible soon after its time. So there are no long
    # waits and no repeats by botocore. A command that fails can be started again.
    brief = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
    s3 = session.client("s3", endpoint_url=endpoint_url)
    return Store(
        session.client("dynamodb", endpoint_url=endpoint_url, config=brief),
        _output(outputs, "EventsTableName"),
        Bodies(_output(outputs, "BodiesBucketName"), lambda: s3),
    )


def open_tables(session: "Session", outputs: Mapping[str, str], endpoint_url: str | None) -> Tables:
    """Open the tables that a stack's outputs name; raises click.ClickException if one is missing."""
    resource = session.resource("dynamodb", endpoint_url=endpoint_url)
    names = ("TokensTableName", "EventsTableName", "ApiUrl")
    tokens, events, api_url = (_output(outputs, name) for name in names)
    return Tables(resource.Table(tokens), resource.Table(events), api_url)


def _output(outputs: Mapping[str, str], name: str) -> str:
    if name not in outputs:
        raise click.ClickException(
            f"The stack has no output {name!r}. It is of another version, or another kind of stack."
        )
    return outputs[name]
