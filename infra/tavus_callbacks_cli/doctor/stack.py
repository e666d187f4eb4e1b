"""Checks of the stack as a whole: its outputs, the triggers of its functions, its logs."""

from tavus_callbacks_cli.doctor.examination import REDEPLOY, Examination, Finding, failure, ok, warning
from tavus_callbacks_cli.operations.pause import schedules
from tavus_callbacks_cli.output.shell import line

OUTPUTS = ("ApiUrl", "BodiesBucketName", "EventsTableName", "FailedBucketName", "TokensTableName")
RECORDING_OUTPUTS = (
    "CdnUrl",
    "RecordingProperties",
    "RecordingRoleArn",
    "RecordingStorage",
    "RecordingsBucketName",
    "SigningKeyGroupId",
)

# The results of a trigger without a problem.
_FINE = ("OK", "No records processed")


def outputs(examination: Examination) -> Finding:
    """Check that the stack has all outputs that other commands need; those of recordings are all or none."""
    names = examination.deployment.outputs.keys()
    has_recordings = bool(names & set(RECORDING_OUTPUTS))
    expected = (*OUTPUTS, *(RECORDING_OUTPUTS if has_recordings else ()))
    missing = [name for name in expected if name not in names]
    if missing:
        return failure(f"Not there: {', '.join(missing)}.", REDEPLOY)
    if examination.deployment.nests_storage:
        return warning(
            "The output RecordingStorage nests its members in `s3`, which Tavus does not accept. "
            "`tavus-callbacks connect` prints the accepted form.",
            REDEPLOY,
        )
    return ok(f"{len(expected)} are there; recordings are {'on' if has_recordings else 'off'}")


def triggers(examination: Examination) -> Finding:
    """Check that every stream still starts its function, and how that last went."""
    client = examination.deployment.client("lambda")
    mappings = examination.deployment.physical("AWS::Lambda::EventSourceMapping")
    if not mappings:
        return failure("The stack has no event source mapping: nothing follows its streams.", REDEPLOY)
    resume = examination.deployment.command("resume")
    for name, uuid in mappings.items():
        mapping = client.get_event_source_mapping(UUID=uuid)
        state, result = mapping["State"], mapping.get("LastProcessingResult") or "No records processed"
        if state not in ("Enabled", "Creating", "Enabling", "Updating"):
            return failure(f"{name} is {state.lower()}.", f"`{resume}` starts it again.")
        if result not in _FINE:
            return failure(
                f"{name} last answered: {result}.",
                f"Look into the log of {mapping['FunctionArn'].rpartition(':')[2]}; what it could not "
                "process lies in the bucket FailedBucketName.",
            )
    return ok(f"enabled and without a problem: {', '.join(mappings)}")


def schedule(examination: Examination) -> Finding:
    """Check that the clock still starts the function that looks at open conversations."""
    client, rules = examination.deployment.client("events"), schedules(examination.deployment)
    if not rules:
        return failure("The stack has no schedule: nobody looks at what is open.", REDEPLOY)
    off = [name for name, rule in rules.items() if client.describe_rule(Name=rule)["State"] == "DISABLED"]
    if off:
        resume = examination.deployment.command("resume")
        return failure(f"{', '.join(off)} is disabled.", f"`{resume}` starts it again.")
    return ok(f"enabled: {', '.join(rules)}")


def retention(examination: Examination) -> Finding:
    """Check that the entries of every log expire."""
    client = examination.deployment.client("logs")
    names, endless = examination.deployment.physical("AWS::Logs::LogGroup").values(), []
    for name in names:
        groups = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if not any(each.get("retentionInDays") for each in groups if each["logGroupName"] == name):
            endless.append(name)
    if endless:
        options = ("--log-group-name", endless[0], "--retention-in-days", "30")
        return failure(
            f"Kept for ever: {', '.join(endless)}.",
            f"`{line('aws', 'logs', 'put-retention-policy', *options)}`",
        )
    return ok(f"{len(names)} log groups expire")
