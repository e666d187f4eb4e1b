"""The alarms of a deployed stack: which are red, and who is notified."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment

# CloudWatch's limit of names in one request.
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm by its logical id; `since` is when its state last changed, `topics` whom it notifies."""

    name: str
    is_red: bool
    since: str
    description: str
    topics: tuple[str, ...]

    @property
    def runbook(self) -> str:
        """Return the address of the runbook: the last word of the description."""
        return self.description.rpartition(" ")[2]


def list_alarms(deployment: "Deployment") -> list[Alarm]:
    """Return the stack's alarms; none if it has nobody to notify."""
    client = deployment.client("cloudwatch")
    names = {id_: name for name, id_ in deployment.physical("AWS::CloudWatch::Alarm").items()}
    ids = list(names)
    batches = [ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE)]
    return [
        Alarm(
            name=names[alarm["AlarmName"]],
            is_red=alarm["StateValue"] == "ALARM",
            since=iso(alarm["StateUpdatedTimestamp"]),
            description=alarm.get("AlarmDescription", ""),
            topics=tuple(alarm.get("AlarmActions", ()) if alarm.get("ActionsEnabled", True) else ()),
        )
        for batch in batches
        for alarm in client.describe_alarms(AlarmNames=batch, MaxRecords=_PAGE)["MetricAlarms"]
    ]


def count_subscriptions(deployment: "Deployment", topic: str) -> tuple[int, int]:
    """Return how many subscriptions a topic has, and how many of them are not confirmed."""
    pages = deployment.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    arns = [subscription["SubscriptionArn"] for page in pages for subscription in page["Subscriptions"]]
    # AWS writes it as one word, others with a space.
    return len(arns), sum(arn.replace(" ", "").lower() == "pendingconfirmation" for arn in arns)
