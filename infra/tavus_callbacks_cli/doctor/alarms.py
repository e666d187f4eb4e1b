"""Checks of the stack's alarms: whether somebody is notified, and whether one is red."""

from tavus_callbacks_cli.doctor.examination import Examination, Finding, failure, ok, warning
from tavus_callbacks_cli.operations.alarms import count_subscriptions, list_alarms
from tavus_callbacks_cli.output.shell import aws

_ADD_RECEIVER = "Run `sam deploy --parameter-overrides AlarmEmail=you@example.com`, and confirm both mails."

_SUBSCRIBE = "sns subscribe --protocol email --notification-endpoint ADDRESS --topic-arn"


def receivers(examination: Examination) -> Finding:
    """Check that every alarm notifies somebody who has confirmed the subscription."""
    alarms = list_alarms(examination.deployment)
    if not alarms:
        return warning("The stack has no alarms, because it has nobody to notify.", _ADD_RECEIVER)
    silent = [alarm.name for alarm in alarms if not alarm.topics]
    if silent:
        return warning(f"These alarms notify nobody: {', '.join(silent)}.", _ADD_RECEIVER)
    topics = sorted({topic for alarm in alarms for topic in alarm.topics})
    for topic in topics:
        count, waiting = count_subscriptions(examination.deployment, topic)
        if not count or count == waiting:
            return failure(
                f"Topic {topic} notifies nobody: {waiting} of {count} subscriptions are not confirmed.",
                "Open the mail 'AWS Notification - Subscription Confirmation' and follow its link. "
                f"`{aws(_SUBSCRIBE, topic)}` sends another.",
            )
    return ok(f"The receivers of {len(topics)} topics are confirmed.")


def states(examination: Examination) -> Finding:
    """Check that no alarm is red."""
    red = [alarm for alarm in list_alarms(examination.deployment) if alarm.is_red]
    if red:
        names, runbooks = ", ".join(alarm.name for alarm in red), ", ".join(alarm.runbook for alarm in red)
        return failure(f"These alarms are red: {names}.", f"Read {runbooks}")
    return ok("No alarm is red.")
