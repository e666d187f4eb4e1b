"""Checks of the stack as a whole: outputs, triggers, concurrency, the key of Tavus, and logs."""

import re

from botocore.exceptions import ClientError

from tavus_callbacks.outbound.tavus_api import parse_key
from tavus_callbacks_cli.doctor.examination import REDEPLOY, Examination, Finding, failure, ok, skip, warning
from tavus_callbacks_cli.operations.pause import schedules
from tavus_callbacks_cli.output.shell import aws, line
from tavus_callbacks_cli.targets.aws_errors import error_code

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

# New accounts can have 10 (Lambda quotas). Lambda keeps at least 100 without a reservation in all others.
_ENOUGH = 100
# "Concurrent executions" in Service Quotas.
_QUOTA = ("--service-code", "lambda", "--quota-code", "L-B99A9384", "--desired-value", "1000")

# Secrets Manager ends each ARN with a dash and six random characters ("Permissions reference"). It also finds
# a secret by an ARN without them. The role of `watch` names the ARN as it is given. That IAM compares it with
# the complete ARN is unverified.
_COMPLETE_ARN = re.compile(r"arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-[A-Za-z0-9]{6}")


def outputs(examination: Examination) -> Finding:
    """Check that the stack has all outputs that other commands need; those of recordings are all or none."""
    names = examination.deployment.outputs.keys()
    has_recordings = bool(names & set(RECORDING_OUTPUTS))
    expected = (*OUTPUTS, *(RECORDING_OUTPUTS if has_recordings else ()))
    missing = [name for name in expected if name not in names]
    if missing:
        return failure(f"The stack lacks the outputs {', '.join(missing)}.", REDEPLOY)
    if examination.deployment.nests_storage:
        return warning(
            "The output RecordingStorage nests its members in `s3`, which Tavus does not accept. "
            f"`{examination.deployment.command('connect')}` prints the accepted form.",
            REDEPLOY,
        )
    return ok(f"All {len(expected)} outputs exist; recordings are {'on' if has_recordings else 'off'}.")


def triggers(examination: Examination) -> Finding:
    """Check that every stream and queue starts its function, and the last result."""
    client = examination.deployment.client("lambda")
    mappings = examination.deployment.physical("AWS::Lambda::EventSourceMapping")
    if not mappings:
        return failure("The stack has no event source mapping, so nothing follows its streams.", REDEPLOY)
    resume = examination.deployment.command("resume")
    for name, uuid in mappings.items():
        mapping = client.get_event_source_mapping(UUID=uuid)
        state, result = mapping["State"], mapping.get("LastProcessingResult") or "No records processed"
        if state not in ("Enabled", "Creating", "Enabling", "Updating"):
            return failure(f"{name} is {state.lower()}.", f"`{resume}` starts it again.")
        if result not in _FINE:
            return failure(
                f"The last result of {name} is: {result}.",
                f"Read the log of {mapping['FunctionArn'].rpartition(':')[2]}. "
                f"`{examination.deployment.command('failed list')}` lists what it could not process.",
            )
    return ok(f"Enabled, without a problem: {', '.join(mappings)}.")


def schedule(examination: Examination) -> Finding:
    """Check that the schedule starts the function that checks open conversations."""
    client, rules = examination.deployment.client("events"), schedules(examination.deployment)
    if not rules:
        return failure("The stack has no schedule, so open conversations are never checked.", REDEPLOY)
    off = [name for name, rule in rules.items() if client.describe_rule(Name=rule)["State"] == "DISABLED"]
    if off:
        resume = examination.deployment.command("resume")
        return failure(f"{', '.join(off)} is disabled.", f"`{resume}` starts it again.")
    return ok(f"Enabled: {', '.join(rules)}.")


def concurrency(examination: Examination) -> Finding:
    """Check that the account lets enough functions run at once to receive callbacks at any time."""
    limit = examination.deployment.client("lambda").get_account_settings()["AccountLimit"]
    total, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    if unreserved >= _ENOUGH:
        return ok(f"{unreserved} of {total} concurrent executions in this region are unreserved.")
    return warning(
        f"Only {unreserved} of {total} concurrent executions in this region are unreserved. Callbacks share "
        "them with the functions behind the streams. A callback that finds none free is refused.",
        f"`{aws('service-quotas request-service-quota-increase', *_QUOTA)}` asks AWS for more.",
    )


def tavus_key(examination: Examination) -> Finding:
    """Check that the secret of TavusApiKeyArn exists under its complete ARN; the key is never shown."""
    arn = examination.deployment.parameters.get("TavusApiKeyArn", "")
    if not arn:
        return skip("TavusApiKeyArn is not set, so callbacks that never reach AWS are not recovered.")
    try:
        secret = examination.deployment.client("secretsmanager").get_secret_value(SecretId=arn)
    except ClientError as error:
        return _unreadable_key(arn, error_code(error))
    if secret["ARN"] != arn:
        return _partial_arn(secret["ARN"])
    if not parse_key(secret.get("SecretString", "")).get_secret_value():
        value = ("--secret-id", arn, "--secret-string")
        return failure(
            "The secret of TavusApiKeyArn holds no text.",
            f'`{aws("secretsmanager put-secret-value", *value)} "$TAVUS_API_KEY"`',
        )
    return ok("The ARN of the secret is complete, and the secret can be read.")


def _unreadable_key(arn: str, code: str) -> Finding:
    if not _COMPLETE_ARN.fullmatch(arn):
        return _partial_arn("ARN")
    if code == "ResourceNotFoundException":
        return failure(
            "The secret of TavusApiKeyArn does not exist.",
            "Create it, and deploy with its ARN: `sam deploy --parameter-overrides TavusApiKeyArn=ARN`.",
        )
    return skip(f"The ARN is complete. These AWS credentials cannot read the secret ({code}).")


def _partial_arn(complete: str) -> Finding:
    return failure(
        "TavusApiKeyArn is a partial ARN, without the dash and six characters at the end. The role of watch "
        "names that ARN, which does not match the secret, so the key cannot be read.",
        f"`{line('sam', 'deploy', '--parameter-overrides', f'TavusApiKeyArn={complete}')}`. "
        f"`{aws('secretsmanager list-secrets --query SecretList[].ARN')}` lists complete ARNs.",
    )


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
            f"These log groups never expire: {', '.join(endless)}.",
            f"`{line('aws', 'logs', 'put-retention-policy', *options)}`",
        )
    return ok(f"The entries of all {len(names)} log groups expire.")
