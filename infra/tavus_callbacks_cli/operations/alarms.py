"""The alarms of a deployed stack: which are red, and who is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment

# CloudWatch's limit of names in one request.
_PAGE = 100
_UNCONFIRMED = "PendingConfirmation"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm by its logical id; `since` is when its state last changed, `topics` whom it tells."""

    name: str
    is_red: bool
    since: str
    description: str
    topics: tuple[str, ...]

    @property
    def runbook(self) -> str:
        """Return where it is written what to do."""
        return f"docs/operations.md#{self.name.lower()}"


def alarms(deployment: "Deployment") -> list[Alarm]:
    """Return the stack's alarms; none where it was deployed with Alarms=off."""
    ids = {id_: name for name, id_ in deployment.physical("AWS::CloudWatch::Alarm").items()}
    return [_alarm(ids[one["AlarmName"]], one) for one in _described(deployment, list(ids))]


def _described(deployment: "Deployment", names: list[str]) -> Iterator[dict[str, Any]]:
    client = deployment.client("cloudwatch")
    for start in range(0, len(names), _PAGE):
        some = names[start : start + _PAGE]
        yield from client.describe_alarms(AlarmNames=some, MaxRecords=_PAGE)["MetricAlarms"]


def _alarm(name: str, described: dict[str, Any]) -> Alarm:
    topics = described.get("AlarmActions", ()) if described.get("ActionsEnabled", True) else ()
    return Alarm(
        name=name,
        is_red=described["StateValue"] == "ALARM",
        since=iso(described["StateUpdatedTimestamp"]),
        description=described.get("AlarmDescription", ""),
        topics=tuple(topics),
    )


def confirmed(deployment: "Deployment", topic: str) -> tuple[int, int]:
    """Return how many receivers a topic has, and how many of them never confirmed."""
    pages = deployment.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [one["SubscriptionArn"] for page in pages for one in page["Subscriptions"]]
    # AWS writes it together, others with a space.
    return len(found), sum(one.replace(" ", "").lower() == _UNCONFIRMED.lower() for one in found)
