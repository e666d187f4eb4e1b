"""Checks of the stack's alarms: whether anybody is told, and whether one is red."""

from tavus_callbacks_cli.doctor.examination import Examination, Finding, failed, ok, warning
from tavus_callbacks_cli.operations.alarms import alarms, confirmed
from tavus_callbacks_cli.output.shell import aws

_TELL = "`sam deploy --parameter-overrides AlarmEmail=you@example.com`, and confirm both mails."

_SUBSCRIBE = "sns subscribe --protocol email --notification-endpoint ADDRESS --topic-arn"


def receivers(examination: Examination) -> Finding:
    """Look whether every alarm tells somebody who has confirmed that they want it."""
    found = alarms(examination.deployment)
    if not found:
        return warning("the stack was deployed with Alarms=off: nobody is told of anything", _TELL)
    untold = [one.name for one in found if not one.topics]
    if untold:
        return warning(f"nobody is told of {', '.join(untold)}", _TELL)
    return _confirmed(examination, sorted({topic for one in found for topic in one.topics}))


def _confirmed(examination: Examination, topics: list[str]) -> Finding:
    for topic in topics:
        count, waiting = confirmed(examination.deployment, topic)
        if not count or count == waiting:
            return failed(
                f"Nobody hears of {topic}: {waiting} of {count} subscriptions wait to be confirmed.",
                "Open the mail `AWS Notification - Subscription Confirmation` and follow its link; "
                f"`{aws(_SUBSCRIBE, topic)}` "
                "sends another.",
            )
    return ok(f"confirmed for {len(topics)} topics")


def states(examination: Examination) -> Finding:
    """Look whether an alarm is red."""
    red = [one for one in alarms(examination.deployment) if one.is_red]
    if red:
        return failed(
            f"Red: {', '.join(one.name for one in red)}.", f"Read {', '.join(one.runbook for one in red)}."
        )
    return ok("none is red")
