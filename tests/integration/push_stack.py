"""The event bus for tests of one process, with everything that is published on it."""

import json
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
from inprocess import forget

from tavus_callbacks.aws import clients
from tavus_callbacks_cli.local_stack.services.deploy import deploy

BUS = "tavus-callbacks-local-EventBus"
LISTENER = "listener"


@dataclass
class Told:
    """A bus, and a queue behind it that gets everything."""

    sqs: Any
    url: str

    def events(self) -> list[dict[str, Any]]:
        """Return the events since the last call."""
        found = []
        while batch := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def pushes(self) -> list[dict[str, Any]]:
        """Return the details of the events since the last call."""
        return [event["detail"] for event in self.events()]

    def types(self) -> list[str]:
        """Return the types of the pushes since the last call, sorted."""
        return sorted(push["type"] for push in self.pushes())


@cache
def _sqs() -> Any:
    return boto3.client("sqs", region_name="us-east-1")


def listening_bus(template: Any, monkeypatch: Any) -> Told:
    """Make the template's bus and a queue that listens to it."""
    made = SimpleNamespace(events=clients.events())
    deploy(replace(template, resources={"EventBus": template.resources["EventBus"]}), made)
    sqs = _sqs()
    url = sqs.create_queue(QueueName=LISTENER)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    clients.events().put_rule(Name="all", EventBusName=BUS, EventPattern='{"source":["tavus-callbacks"]}')
    clients.events().put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "1", "Arn": arn}])
    monkeypatch.setenv("EVENT_BUS", BUS)
    forget()
    return Told(sqs, url)
