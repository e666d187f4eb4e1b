"""`doctor` on a deployed stack: green if everything works, and a failed check with its fix for each fault.

AWS is moto. A fake answers over HTTPS; it can be broken in each way that the live checks look for.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import click
import httpx
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from aws_commands import commands, faults
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import doctor as command
from tavus_callbacks_cli.doctor import alarms, checks, live, probe, stack, storage
from tavus_callbacks_cli.doctor.probe import CONTENT
from tavus_callbacks_cli.erasure import erase
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations.alarms import Alarm
from tavus_callbacks_cli.tokens import create_token, list_tokens, rotate_token

REGION = "eu-west-1"
_SESSION = boto3.Session
_deployed: "list[Aws]" = []
NAMES = [check.name for check in checks.CHECKS]
RECORDERS = "arn:aws:iam::291871421005:root"


def _trust(principal: Any = None, external_id: str | None = "tavus", action: str = "sts:AssumeRole") -> Any:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": principal or {"AWS": RECORDERS},
        "Action": action,
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _table(*keys: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
            "KeySchema": [
                {"AttributeName": key, "KeyType": role}
                for key, role in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            **properties,
        },
    }


def _storage(external_id: str) -> str:
    return json.dumps({"recording_storage": {"provider": "s3", "external_id": external_id}})


OUTPUTS = {
    "ApiUrl": "https://api.example.com",
    "BodiesBucketName": "bodies",
    "FailedBucketName": "failed",
    "EventBusName": "told",
    "PushQueueUrl": "queue",
    "PushSecretArn": "signs",
    "CdnUrl": "https://cdn.example.com",
    "RecordingStorage": _storage("mine-4711"),
    "RecordingProperties": "{}",
    "RecordingsBucketName": "recordings",
    "EventsTableName": {"Ref": "EventsTable"},
    "TokensTableName": {"Ref": "TokensTable"},
    "RecordingRoleArn": {"Fn::GetAtt": ["RecordingRole", "Arn"]},
}
# As much of template.yaml as the doctor looks at, in a form that moto deploys.
RESOURCES = {
    "EventsTable": _table("pk", "sk"),
    "TokensTable": _table("token_digest"),
    "WatchFunctionSchedule": {
        "Type": "AWS::Events::Rule",
        "Properties": {"ScheduleExpression": "rate(5 minutes)"},
    },
    "SpillQueue": {"Type": "AWS::SQS::Queue"},
    "ReadLogs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
    "RecordingRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": _trust(external_id="mine-4711"),
            "MaxSessionDuration": 43200,
        },
    },
}


@dataclass
class Web:
    """The API, CDN and S3 over HTTPS; each member breaks one thing."""

    callback_url_status: int = 200
    slash_status: int = 200
    below_status: int = 200
    post_status: int = 200
    keeps_callbacks: bool = True
    keeps_tags: bool = True
    finds_objects: bool = True
    joins_claims: bool = True
    link_status: int = 200
    link_content: bytes = CONTENT
    altered_status: int = 403
    preflight_status: int = 200
    preflight_origin: str = "*"
    unsigned_status: int = 403
    bare_status: int = 403
    is_up: bool = True
    quarantine_id: str | None = None
    posted: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def client(self, url: str, *_: Any) -> httpx.Client:
        """Stand in for `http_client`."""
        return httpx.Client(base_url=url, transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not self.is_up:
            raise httpx.ConnectError("Name or service not known")
        if request.url.host == "cdn.example.com":
            return self._cdn(request)
        if request.url.host != "api.example.com":
            return httpx.Response(self.bare_status)
        return self._api(request)

    def _cdn(self, request: httpx.Request) -> httpx.Response:
        signed = request.url.params.get("Expires")
        if request.method == "OPTIONS":
            asked = {name: request.headers[name] for name in request.headers if "control" in name}
            assert {"access-control-request-method", "access-control-request-headers"} == asked.keys()
            headers = {"access-control-allow-origin": self.preflight_origin}
            return httpx.Response(self.preflight_status, headers=headers)
        status = {None: self.unsigned_status, "100": self.link_status}.get(signed, self.altered_status)
        return httpx.Response(status, content=self.link_content)

    def _api(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.tokens += re.findall(r"tcb_\w+", path + request.headers.get("authorization", ""))
        if request.method == "POST":
            return self._post(request)
        if path.startswith("/callbacks/"):
            status = self.slash_status if path.endswith("/") else self.callback_url_status
            status = self.below_status if path.endswith("/webhook") else status
            return httpx.Response(status, json={"label": self.label(), "ready": True})
        return httpx.Response(200, json=self._read(path.rpartition("/")[2]))

    def label(self) -> str:
        """Return the label under which the doctor made its tokens."""
        table = _table_of(stack_outputs()["TokensTableName"])
        return next(item["label"] for item in table.scan()["Items"] if item["label"].startswith("doctor-"))

    def _post(self, request: httpx.Request) -> httpx.Response:
        self.posted.append(json.loads(request.content) | {"query": request.url.query.decode()})
        if self.post_status != 200:
            members = {"detail": f"no {request.url.path}", "quarantine_id": self.quarantine_id}
            return httpx.Response(self.post_status, json=members)
        return httpx.Response(200, json={"event_id": f"e{len(self.posted)}", "status": "stored"})

    def _read(self, name: str) -> dict[str, Any]:
        if name == "events":
            tags = {"simulated": "true"} if self.keeps_tags else {}
            return {"events": [{"event_id": "e1", "tags": tags}] if self.keeps_callbacks else []}
        if name == "latest":
            return {"url": "https://cdn.example.com/key?response-content-type=x&Expires=100&Signature=s"}
        announced = self.joins_claims and len(self.posted) > 1
        recording = {"status": "available", "announced": announced}
        return {"recordings": [recording] if self.finds_objects else []}


@pytest.fixture
def web(monkeypatch) -> Web:
    """Connect the live checks to the fake web, without waiting."""
    made = Web()
    for module in (live, probe):
        monkeypatch.setattr(module, "http_client", made.client)
    monkeypatch.setattr(command, "_PATIENCE", 0)
    monkeypatch.setattr(erase, "SETTLE", 0)
    return made


@cache
def _table_of(name: str) -> Any:
    return boto3.resource(
        "dynamodb", REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    ).Table(name)


@cache
def _client(service: Any) -> Any:
    # One for all tests: making one takes longer than most questions.
    return boto3.client(service, REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


@dataclass
class Aws:
    """A deployed stack in moto, and clients to break it with."""

    tells_of_objects: bool = True
    unreserved: int = 1000
    calls: set[str] = field(default_factory=set)

    def client(self, service: Any) -> Any:
        """Return a client."""
        return _client(service)

    def physical(self, logical_id: str) -> str:
        """Return the physical id of a resource."""
        answer = self.client("cloudformation").describe_stack_resource(
            StackName="production", LogicalResourceId=logical_id
        )
        name: str = answer["StackResourceDetail"]["PhysicalResourceId"]
        return name


def stack_outputs() -> dict[str, str]:
    """Return the stack's outputs."""
    (stack,) = _client("cloudformation").describe_stacks(StackName="production")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def aws(aws_keys, monkeypatch) -> Iterator[Aws]:  # noqa: ARG001  # they are in the environment
    """Deploy a stack in which everything is right, with a callback token."""
    with mock_aws():
        made = Aws()
        _deploy(made)
        monkeypatch.setattr(boto3, "Session", _session)
        monkeypatch.setattr(sys.modules[__name__], "_deployed", [made])
        _watch(monkeypatch)
        table = _table_of(made.physical("TokensTable"))
        create_token(table, label="production", scope="callback", now=datetime.now(UTC))
        yield made


def _deploy(aws: Aws) -> None:
    cloudfront = aws.client("cloudfront")
    key = cloudfront.create_public_key(
        PublicKeyConfig={"CallerReference": "blue", "Name": "blue", "EncodedKey": "pem"}
    )["PublicKey"]["Id"]
    group = cloudfront.create_key_group(KeyGroupConfig={"Name": "group", "Items": [key]})["KeyGroup"]["Id"]
    outputs = {**OUTPUTS, "SigningKeyGroupId": group}
    template = {
        "Parameters": {
            **{name: {"Type": "String"} for name in ("PushUrl", "TavusApiKeyArn")},
            "PushMode": {"Type": "String", "Default": "signed"},
            # CloudFormation describes a list as the text that was given, moto as a Python list.
            "PushTypes": {"Type": "String", "Default": "*"},
        },
        "Resources": {**RESOURCES, **_functions(key)},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    aws.client("cloudformation").create_stack(
        StackName="production",
        TemplateBody=json.dumps(template),
        Parameters=_parameters(PushUrl="https://8.8.8.8/in", TavusApiKeyArn=_create_key(aws)),
    )
    _settle_telling(aws)
    _settle_tables(aws)
    _settle_bucket(aws)


def _parameters(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def _create_key(aws: Aws) -> str:
    secret = aws.client("secretsmanager").create_secret(Name="tavus/key", SecretString="key")
    return str(secret["ARN"])


def _functions(key: str) -> dict[str, Any]:
    role = {"Fn::GetAtt": ["RecordingRole", "Arn"]}
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Handler": "tavus_callbacks.handlers.read.handler",
            "Runtime": "python3.13",
            "Role": role,
            "Code": {"ZipFile": "pass"},
            "Environment": {"Variables": {"SIGNING_KEY_ID": key}},
        },
    }
    mapping = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            # A queue: moto would run the function for each row of the table.
            "EventSourceArn": {"Fn::GetAtt": ["SpillQueue", "Arn"]},
            "FunctionName": {"Ref": "ReadFunction"},
        },
    }
    return {"ReadFunction": function, "ResolveFunctionClaimed": mapping}


def _settle_telling(aws: Aws) -> None:
    aws.client("events").create_event_bus(Name="told")
    aws.client("secretsmanager").create_secret(Name="signs", SecretString="A" * 44)


def _settle_tables(aws: Aws) -> None:
    client = aws.client("dynamodb")
    for name in ("EventsTable", "TokensTable"):
        _recover(aws, name, is_on=True)
    client.update_time_to_live(
        TableName=aws.physical("EventsTable"),
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )


def _recover(aws: Aws, name: str, *, is_on: bool) -> None:
    aws.client("dynamodb").update_continuous_backups(
        TableName=aws.physical(name),
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": is_on},
    )


def _settle_bucket(aws: Aws) -> None:
    s3 = aws.client("s3")
    for bucket in ("recordings", "bodies", "failed"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="recordings", VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(
        Bucket="recordings", PublicAccessBlockConfiguration=dict.fromkeys(storage._BLOCKS, True)
    )
    _allow(s3, "*")


def _allow(s3: Any, origin: str) -> None:
    rule = {"AllowedOrigins": [origin], "AllowedMethods": ["GET"], "AllowedHeaders": ["Range"]}
    s3.put_bucket_cors(Bucket="recordings", CORSConfiguration={"CORSRules": [rule]})


@cache
def _session(**options: Any) -> boto3.Session:
    # One for all tests, and one client a service: making them takes longer than all that they ask.
    made = _SESSION(**options)
    made.events.register("after-call.s3.GetBucketNotificationConfiguration", _tell_of_eventbridge)
    made.events.register("before-call.lambda.GetAccountSettings", _account_settings)
    made.events.register("provide-client-params", _note_call)
    made.client = cache(made.client)  # type: ignore[method-assign]  # moto is behind each all the same
    return made


def _tell_of_eventbridge(parsed: dict[str, Any], **_: Any) -> None:
    """Restore the one member of a bucket's notifications that moto stores and does not return."""
    parsed.update({"EventBridgeConfiguration": {}} if _deployed[-1].tells_of_objects else {})


def _account_settings(**_: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
    """Answer the one question that moto does not know."""
    limit = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": _deployed[-1].unreserved}
    return SimpleNamespace(status_code=200), {"AccountLimit": limit}


def _note_call(model: Any, **_: Any) -> None:
    """Note an operation by the name of its service in IAM."""
    _deployed[-1].calls.add(f"{model.service_model.signing_name}:{model.name}")


def _watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the stack an alarm and a receiver: moto makes neither from a template."""
    told = Alarm("TooLargeAlarm", is_red=False, since="", description="", topics=("arn",))
    monkeypatch.setattr(alarms, "list_alarms", lambda _: [told])
    monkeypatch.setattr(alarms, "count_subscriptions", lambda *_: (1, 0))


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--stack", "production", "--region", REGION])


def examined() -> dict[str, dict[str, str]]:
    """Run the doctor and return its results, by the names of the checks."""
    result = _run("doctor", "--json")
    findings = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert (1 if "failed" in {check["status"] for check in findings.values()} else 0) == result.exit_code
    return findings


def statuses(findings: dict[str, dict[str, str]], *but: str) -> set[str]:
    """Return the different statuses of all checks but some."""
    return {check["status"] for name, check in findings.items() if name not in but}


@pytest.mark.usefixtures("aws", "web")
def test_everything_right_is_all_green():
    """Every check runs and finds no fault."""
    findings = examined()

    assert {"ok"} == statuses(findings), findings
    assert [*NAMES, "clean-up"] == list(findings)


@pytest.mark.usefixtures("aws", "web")
def test_people_see_a_line_a_check():
    """A line has status, name and sentence, without colours in a pipe."""
    result = _run("doctor")

    lines = result.stdout.splitlines()
    assert [*NAMES, "clean-up"] == [line[8:24].strip() for line in lines]
    assert {"ok"} == {line.split()[0] for line in lines}
    assert "\x1b" not in result.stdout
    assert "All checks passed." in result.stderr


def test_under_a_failed_check_stands_its_fix(aws, web, monkeypatch):
    """A terminal shows colours, and the fix below each failed check."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "300")
    aws.client("s3").put_bucket_versioning(
        Bucket="recordings", VersioningConfiguration={"Status": "Suspended"}
    )

    result = _run("doctor")

    assert 1 == result.exit_code
    assert "\x1b[32mok" in result.stdout
    assert "\x1b[1;31mfailed" in result.stdout
    lines = click.unstyle(result.stdout).splitlines()
    (red,) = [number for number, line in enumerate(lines) if line.startswith("failed")]
    assert "Versioning of recordings is suspended" in lines[red]
    assert lines[red + 1].strip().startswith("fix: `aws s3api put-bucket-versioning --bucket recordings")
    assert f"1 of {len(NAMES) + 1} checks failed.\n" in result.stderr
    assert web.posted


def _stop_versioning(aws: Aws) -> None:
    aws.client("s3").put_bucket_versioning(
        Bucket="recordings", VersioningConfiguration={"Status": "Suspended"}
    )


def _silence(aws: Aws) -> None:
    aws.tells_of_objects = False


def _open(aws: Aws) -> None:
    aws.client("s3").delete_public_access_block(Bucket="recordings")


def _half_open(aws: Aws) -> None:
    aws.client("s3").put_public_access_block(
        Bucket="recordings",
        PublicAccessBlockConfiguration=dict.fromkeys(storage._BLOCKS, True) | {"BlockPublicPolicy": False},
    )


def _forget_pages(aws: Aws) -> None:
    aws.client("s3").delete_bucket_cors(Bucket="recordings")


def _allow_another_page(aws: Aws) -> None:
    _allow(aws.client("s3"), "https://*.example.com")


def _stop_expiry(aws: Aws) -> None:
    aws.client("dynamodb").update_time_to_live(
        TableName=aws.physical("EventsTable"),
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"},
    )


def _forget_tokens(aws: Aws) -> None:
    table = _table_of(aws.physical("TokensTable"))
    for item in table.scan()["Items"]:
        table.delete_item(Key={"token_digest": item["token_digest"]})


def _sign_with_another_key(aws: Aws) -> None:
    aws.client("lambda").update_function_configuration(
        FunctionName=aws.physical("ReadFunction"), Environment={"Variables": {"SIGNING_KEY_ID": "KOTHER"}}
    )


def _disable_trigger(aws: Aws) -> None:
    uuid = aws.physical("ResolveFunctionClaimed")
    aws.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False)


def _stop_clock(aws: Aws) -> None:
    aws.client("events").disable_rule(Name=aws.physical("WatchFunctionSchedule"))


def _lose_bus(aws: Aws) -> None:
    aws.client("events").delete_event_bus(Name="told")


def _empty_key(aws: Aws) -> None:
    aws.client("secretsmanager").put_secret_value(SecretId="tavus/key", SecretString=" ")


def _give_partial_arn(aws: Aws) -> None:
    arn = aws.client("secretsmanager").describe_secret(SecretId="tavus/key")["ARN"]
    _change_parameters(aws, TavusApiKeyArn=arn[:-7])


def _delete_key(aws: Aws) -> None:
    aws.client("secretsmanager").delete_secret(SecretId="tavus/key", ForceDeleteWithoutRecovery=True)


def _change_parameters(aws: Aws, **values: str) -> None:
    (stack,) = aws.client("cloudformation").describe_stacks(StackName="production")["Stacks"]
    before = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    aws.client("cloudformation").update_stack(
        StackName="production", UsePreviousTemplate=True, Parameters=_parameters(**(before | values))
    )


def _write_secret(text: str):
    return lambda aws: aws.client("secretsmanager").put_secret_value(SecretId="signs", SecretString=text)


def _move_target(url: str):
    return lambda aws: _change_parameters(aws, PushUrl=url)


def _keep_logs(aws: Aws) -> None:
    aws.client("logs").delete_retention_policy(logGroupName=aws.physical("ReadLogs"))


def _shorten_sessions(aws: Aws) -> None:
    aws.client("iam").update_role(RoleName=aws.physical("RecordingRole"), MaxSessionDuration=3600)


def _trust_policy(document: Any):
    def change(aws: Aws) -> None:
        aws.client("iam").update_assume_role_policy(
            RoleName=aws.physical("RecordingRole"), PolicyDocument=json.dumps(document)
        )

    return change


BREAKS = {
    "versioning off": ("versioning", _stop_versioning, "Status=Enabled"),
    "EventBridge off": ("EventBridge", _silence, "put-bucket-notification-configuration"),
    "public access open": ("public access", _open, "RestrictPublicBuckets=true"),
    "no CORS rules": ("preflight", _forget_pages, "CdnAllowedOrigins"),
    "public access half open": ("public access", _half_open, "BlockPublicPolicy=true"),
    "events recovery off": (
        "events recovery",
        lambda aws: _recover(aws, "EventsTable", is_on=False),
        "PointInTimeRecoveryEnabled=true",
    ),
    "tokens recovery off": (
        "tokens recovery",
        lambda aws: _recover(aws, "TokensTable", is_on=False),
        "PointInTimeRecoveryEnabled=true",
    ),
    "expiry off": ("events expiry", _stop_expiry, "Enabled=true,AttributeName=expires_at"),
    "no token": ("callback token", _forget_tokens, "token create --label production --stack production"),
    "key not in group": ("signing key", _sign_with_another_key, "SigningKeys"),
    "trigger disabled": ("triggers", _disable_trigger, "tavus-callbacks resume"),
    "schedule disabled": ("schedule", _stop_clock, "tavus-callbacks resume"),
    "no bus": ("bus", _lose_bus, "sam deploy"),
    "key that is empty": ("Tavus key", _empty_key, "put-secret-value"),
    "key by a partial ARN": ("Tavus key", _give_partial_arn, "TavusApiKeyArn=arn:aws:secretsmanager:"),
    "key that is gone": ("Tavus key", _delete_key, "TavusApiKeyArn=ARN"),
    "target inside": ("push target", _move_target("https://10.0.0.1/in"), "public address"),
    "target without TLS": ("push target", _move_target("http://8.8.8.8/in"), "PushUrl=https://"),
    "raw without callbacks": (
        "push target",
        lambda aws: _change_parameters(aws, PushMode="raw", PushTypes="transcript.ready"),
        "PushTypes=callback.*",
    ),
    "secret that signs nothing": ("push secret", _write_secret("abcde"), "put-secret-value"),
    "endless log": ("log retention", _keep_logs, "put-retention-policy"),
    "short sessions": ("role session", _shorten_sessions, "--max-session-duration 43200"),
    "trust without external id": ("role trust", _trust_policy(_trust(external_id=None)), "sts:ExternalId"),
    "trust of another id": ("role trust", _trust_policy(_trust(external_id="other")), "mine-4711"),
    "trust of everybody": ("role trust", _trust_policy(_trust("*", "mine-4711")), "291871421005"),
    "trust of another account": (
        "role trust",
        _trust_policy(_trust({"AWS": "arn:aws:iam::123456789012:root"}, "mine-4711")),
        "291871421005",
    ),
    "trust of another account too": (
        "role trust",
        _trust_policy(_trust({"AWS": [RECORDERS, "arn:aws:iam::123456789012:root"]}, "mine-4711")),
        "291871421005",
    ),
    "trust of a service too": (
        "role trust",
        _trust_policy(_trust({"AWS": RECORDERS, "Service": "ec2.amazonaws.com"}, "mine-4711")),
        "291871421005",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "break_it", "fix"), BREAKS.values(), ids=BREAKS)
@pytest.mark.usefixtures("web")
def test_what_is_set_wrong_is_red_with_its_fix(name, break_it, fix, aws):
    """One wrong setting makes one line red, and its fix is a command or a setting."""
    break_it(aws)

    findings = examined()

    assert "failed" == findings[name]["status"], findings[name]
    assert fix in findings[name]["fix"]
    assert [] == [fault for each in commands(findings[name]["fix"]) for fault in faults(each)]
    assert {"ok"} == statuses(findings, name), findings


@pytest.mark.usefixtures("web")
def test_chosen_types_of_pushes_are_listed(aws):
    """The check of the target says what it receives."""
    _change_parameters(aws, PushTypes="transcript.ready,recording.*")

    expected = "It receives transcript.ready, recording.* (PushTypes), and conversation.erased."
    assert expected in examined()["push target"]["detail"]


@pytest.mark.usefixtures("web")
def test_the_printed_trust_policy_is_the_right_one(aws):
    """After the command of the fix, the role trusts the recorder alone."""
    _trust_policy(_trust("*"))(aws)

    [command_line] = re.findall(r"`(aws [^`]+)`", examined()["role trust"]["fix"])
    _call(aws, command_line)

    assert "ok" == examined()["role trust"]["status"]


@pytest.mark.usefixtures("web")
def test_a_label_whose_last_token_expires_soon_is_a_warning(aws):
    """A rotated label is not one: its next token stays valid when the one before it expires."""
    now, table = datetime.now(UTC), _table_of(aws.physical("TokensTable"))
    create_token(table, label="trial", scope="callback", now=now, expires_at=iso(now + timedelta(days=6)))
    rotate_token(table, label="production", grace=timedelta(hours=1), now=now)

    finding = examined()["callback token"]

    assert ("warning", True) == (finding["status"], "label trial expires at" in finding["detail"])
    assert "tavus-callbacks token rotate trial --expires 90d --stack production" in finding["fix"]
    rotate_token(table, label="trial", grace=timedelta(0), now=now, expires_at=iso(now + timedelta(days=90)))
    assert "Valid tokens: production, trial." == examined()["callback token"]["detail"]


FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "callback url refused": ("tokens", {"callback_url_status": 401}, "another tokens table"),
    "callback url elsewhere": ("tokens", {"callback_url_status": 404}, "API mapping"),
    "callback url fails": ("tokens", {"callback_url_status": 500}, "sam logs"),
    "trailing slash fails": ("trailing slash", {"slash_status": 500}, "sam logs"),
    "callback not kept": ("callback", {"keeps_callbacks": False}, "sam logs"),
    "tags lost": ("callback", {"keeps_tags": False}, "sam deploy"),
    "claims ignored": ("announced", {"joins_claims": False}, "triggers"),
    "link refused": ("link", {"link_status": 403}, "signing key"),
    "link to something else": ("link", {"link_content": b"other"}, "signing key"),
    "preflight refused": ("preflight", {"preflight_status": 403}, "sam deploy"),
    "preflight for others": ("preflight", {"preflight_origin": "https://b.example.com"}, "sam deploy"),
    "altered link let in": ("altered link", {"altered_status": 200}, "trust the key group"),
    "unsigned URL let in": ("unsigned URL", {"unsigned_status": 200}, "trust the key group"),
    "bucket open": ("bare S3 URL", {"bare_status": 200}, "distribution alone"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "broken", "fix"), FAULTS.values(), ids=FAULTS)
@pytest.mark.usefixtures("aws")
def test_what_works_wrong_is_red_with_its_fix(name, broken, fix, web):
    """One fault on the way makes one line red."""
    for member, value in broken.items():
        setattr(web, member, value)

    findings = examined()

    assert "failed" == findings[name]["status"], findings[name]
    assert fix in findings[name]["fix"]
    assert {"ok"} == statuses(findings, name), findings


@pytest.mark.usefixtures("aws")
def test_a_trailing_slash_that_is_not_routed_is_yellow(web):
    """Callbacks still arrive at the printed URL, so the stack has no fault."""
    web.slash_status = 404

    findings = examined()

    assert "warning" == findings["trailing slash"]["status"]
    assert "without a trailing slash" in findings["trailing slash"]["fix"]
    assert {"ok"} == statuses(findings, "trailing slash"), findings


@pytest.mark.usefixtures("aws")
def test_a_stack_without_the_routes_below_the_token_is_to_be_deployed_again(web):
    """A stack of an earlier version routes no path behind the token, with or without a slash."""
    web.slash_status = web.below_status = 404

    findings = examined()

    assert "warning" == findings["trailing slash"]["status"]
    assert "sam deploy" in findings["trailing slash"]["fix"]
    assert {"ok"} == statuses(findings, "trailing slash"), findings


def test_a_pattern_of_origins_is_asked_with_one_of_them(aws, web):
    """The check uses and names an origin that the pattern allows."""
    _allow_another_page(aws)
    web.preflight_origin = "https://app.example.com"

    findings = examined()

    assert "ok" == findings["preflight"]["status"]


@pytest.mark.usefixtures("aws")
def test_an_object_that_nobody_finds_is_red(web):
    """Both the unannounced and the announced object are red, and the fix names where to look."""
    web.finds_objects = False

    findings = examined()

    assert {"failed"} == {findings[name]["status"] for name in ("unannounced", "announced")}
    assert "EventBridge rule" in findings["unannounced"]["fix"]


@pytest.mark.usefixtures("aws")
def test_a_callback_that_is_not_kept_is_red_with_the_receivers_words(web):
    """The line has the status and the reason, with the token replaced."""
    web.post_status = 503

    findings = examined()

    assert {"failed"} == {findings[name]["status"] for name in ("callback", "announced")}
    assert "A simulated callback answered 503: no /callbacks/tcb_…" == findings["callback"]["detail"]


@pytest.mark.usefixtures("aws")
def test_an_address_that_nobody_answers_is_red_and_the_rest_is_looked_at(web):
    """Checks that need an answer are red; settings are checked all the same."""
    web.is_up = False

    findings = examined()

    assert "No answer: Name or service not known." == findings["tokens"]["detail"]
    assert "ok" == findings["versioning"]["status"] == findings["clean-up"]["status"]


@pytest.mark.usefixtures("web")
def test_the_documented_external_id_is_yellow_and_no_fault(aws):
    """The documented id works, but all customers share it."""
    _trust_policy(_trust())(aws)
    stack = aws.client("cloudformation")
    body = json.loads(json.dumps(stack.get_template(StackName="production")["TemplateBody"]))
    body["Outputs"]["RecordingStorage"]["Value"] = _storage("tavus")
    stack.update_stack(StackName="production", TemplateBody=json.dumps(body))

    findings = examined()

    assert "warning" == findings["role trust"]["status"]
    assert "ARN to yourself" in findings["role trust"]["fix"]
    assert {"ok"} == statuses(findings, "role trust")


@pytest.mark.usefixtures("web")
def test_an_output_in_the_nested_form_is_yellow_and_its_external_id_is_read(aws):
    """An earlier deployment shows a form that Tavus refuses; its role is still checked."""
    nested = {"recording_storage": {"provider": "s3", "s3": {"external_id": "mine-4711"}}}
    stack = aws.client("cloudformation")
    body = json.loads(json.dumps(stack.get_template(StackName="production")["TemplateBody"]))
    body["Outputs"]["RecordingStorage"]["Value"] = json.dumps(nested)
    stack.update_stack(StackName="production", TemplateBody=json.dumps(body))

    findings = examined()

    assert "warning" == findings["outputs"]["status"]
    assert "sam deploy" in findings["outputs"]["fix"]
    assert {"ok"} == statuses(findings, "outputs")


@pytest.mark.parametrize(
    ("missing", "status"),
    [({"ApiUrl"}, 1), ({"RecordingStorage"}, 1), ({"FailedBucketName"}, 1)],
    ids=lambda value: ",".join(value) if isinstance(value, set) else "",
)
@pytest.mark.usefixtures("web")
def test_missing_outputs_are_named(missing, status, aws):
    """A stack of another version lacks outputs, and the line names them."""
    stack = aws.client("cloudformation")
    body = json.loads(json.dumps(stack.get_template(StackName="production")["TemplateBody"]))
    for name in missing:
        del body["Outputs"][name]
    stack.update_stack(StackName="production", TemplateBody=json.dumps(body))

    result = _run("doctor")

    assert status == result.exit_code
    assert all(name in result.output for name in missing)


@pytest.mark.usefixtures("web")
def test_a_stack_without_recordings_skips_what_is_theirs(aws):
    """Checks of recordings are grey with the reason; all others run."""
    stack = aws.client("cloudformation")
    body = json.loads(json.dumps(stack.get_template(StackName="production")["TemplateBody"]))
    of_recordings = ("CdnUrl", "Recording", "SigningKeyGroupId")
    body["Outputs"] = {
        name: each for name, each in body["Outputs"].items() if not name.startswith(of_recordings)
    }
    stack.update_stack(StackName="production", TemplateBody=json.dumps(body))

    findings = examined()

    theirs = {check.name for check in checks.CHECKS if check.is_of_recordings}
    assert {"skipped"} == {findings[name]["status"] for name in theirs}
    assert {"ok"} == statuses(findings, *theirs)


def texts(aws: Aws) -> list[str]:
    """Return everything in every table and bucket of the account."""
    contents = [
        str(item)
        for name in aws.client("dynamodb").list_tables()["TableNames"]
        for item in _table_of(name).scan()["Items"]
    ]
    s3 = aws.client("s3")
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        listed = s3.list_object_versions(Bucket=bucket)
        for version in listed.get("Versions", []):
            which = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
            contents.append(f"{version['Key']} {s3.get_object(**which)['Body'].read()!r}")
        contents += [f"marker {marker['Key']}" for marker in listed.get("DeleteMarkers", [])]
    return contents


def left_of_doctors(aws: Aws) -> list[str]:
    """Return what contains the label or the conversation of a doctor."""
    return [text for text in texts(aws) if "doctor-" in text or "csim" in text]


def tombstones(aws: Aws) -> list[Any]:
    """Return the tombstones and the marker, if it is there."""
    items = _table_of(stack_outputs()["EventsTableName"]).scan()["Items"]
    assert aws.calls
    return [item for item in items if item["pk"].startswith("tombstone#")]


@pytest.mark.parametrize("broken", [{}, {"post_status": 503}, {"finds_objects": False}], ids=str)
def test_nothing_of_the_doctor_is_left(broken, aws, web):
    """No table and no bucket holds its label or its conversation, whatever fails.

    Its callbacks carry the tag of a simulation. Its tombstone expires, and has no marker.
    """
    for member, value in broken.items():
        setattr(web, member, value)

    findings = examined()

    assert [] == left_of_doctors(aws)
    assert re.fullmatch(r"Removed: (recordings bucket 1, )?tokens 2\.", findings["clean-up"]["detail"])
    assert all(body["conversation_id"].startswith("csim") for body in web.posted)
    assert {"simulated=true"} == {body["query"] for body in web.posted}
    [tombstone] = tombstones(aws)
    assert tombstone["expires_at"] < datetime.now(UTC).timestamp() + 16 * 86400


def plant(aws: Aws, conversation: str) -> None:
    """Store rows, objects, and failed records of a conversation, and one of another conversation."""
    table = _table_of(stack_outputs()["EventsTableName"])
    pk = f"conversation#{conversation}"
    table.put_item(Item={"pk": pk, "sk": "s1", "type": "summary"})
    table.put_item(Item={"pk": pk, "sk": "e1#1", "type": "event", "label": f"doctor-{conversation}"})
    images = [{"pk": {"S": name}, "tags": {"M": {}}} for name in (pk, "conversation#c1")]
    batch = {"Records": [{"dynamodb": {"NewImage": image}} for image in images]}
    s3 = aws.client("s3")
    s3.put_object(Bucket="failed", Key="aws/lambda/1", Body=json.dumps({"payload": json.dumps(batch)}))
    s3.put_object(Bucket="recordings", Key=f"tavus/{conversation}/1", Body=b"test")


def run_that_is_killed(aws: Aws, name: str, *, since: timedelta) -> None:
    """Leave the tokens of a doctor that began some time ago."""
    began, tokens = datetime.now(UTC) - since, _table_of(stack_outputs()["TokensTableName"])
    create_token(
        tokens, label=f"doctor-{name}", scope="callback", now=began, expires_at=iso(began + probe.LIFETIME)
    )
    [record] = [each for each in list_tokens(tokens) if each.label == f"doctor-{name}"]
    use = {**keys.token_use(record.token_id), "type": "use", "used_at": "then"}
    _table_of(aws.physical("EventsTable")).put_item(Item=use)


@pytest.mark.usefixtures("web")
def test_a_later_run_removes_what_a_killed_run_left(aws):
    """The label names the conversation; records of others stay, and so does a doctor that still runs."""
    killed, running = "csim0123456789abc", "csimabcdef0123456"
    for name, hours in ((killed, 2), (running, 0), ("0a1b2c3d", 2), ("office", 2)):
        run_that_is_killed(aws, name, since=timedelta(hours=hours))
    plant(aws, killed)

    findings = examined()

    left = "\n".join(texts(aws))
    assert not [name for name in (killed, "doctor-0a1b2c3d") if name in left]
    assert all(name in left for name in (f"doctor-{running}", "doctor-office", "conversation#c1"))
    assert 2 == left.count("'type': 'use'")
    removed = "Removed: events 1, failed 1, recordings bucket 2, summaries 1, tokens 4."
    assert removed == findings["clean-up"]["detail"]


# IAM's names of S3's operations, where they differ.
ACTIONS = {
    "DeleteObject": "DeleteObjectVersion",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
}
# The calls of checks that this module replaces, and what a bucket without versioning asks for.
NOT_CALLED = {"cloudwatch:DescribeAlarms", "sns:ListSubscriptionsByTopic", "s3:DeleteObject"}


def test_the_documented_rights_are_those_of_its_calls(aws, web):
    """docs/cli.md lists what a run needs that removes something from every store, and no more."""
    run_that_is_killed(aws, "csim0123456789abc", since=timedelta(hours=2))
    plant(aws, "csim0123456789abc")
    aws.client("events").put_rule(Name="mine", EventBusName="told", EventPattern='{"source": ["x"]}')
    web.quarantine_id, web.post_status = "q1", 400
    page = (Path(__file__).resolve().parents[2] / "docs/cli.md").read_text(encoding="utf-8")
    section = page.partition("## Doctor\n")[2].partition("\n## ")[0]
    documented = {
        f"{service}:{action}"
        for service, actions in re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
        for action in re.findall(r"`([A-Z][A-Za-z0-9]+)`", actions.partition(", for")[0])
    }

    examined()

    calls = (call.split(":") for call in aws.calls)
    needed = {f"{service}:{ACTIONS.get(name, name)}" for service, name in calls}
    assert documented == needed | NOT_CALLED


def test_a_callback_that_went_to_quarantine_is_removed(aws, web):
    """The answer names the entry, and nothing else in quarantine is read or removed."""
    table = _table_of(aws.physical("EventsTable"))
    for name in ("q1", "q2"):
        table.put_item(Item={**keys.quarantine(name), "quarantine_id": name, "type": "quarantine"})
    web.quarantine_id = "q1"
    web.post_status = 400

    findings = examined()

    assert ["q2"] == [item["quarantine_id"] for item in table.scan()["Items"] if "quarantine_id" in item]
    assert "quarantine 1" in findings["clean-up"]["detail"]


@pytest.mark.usefixtures("web")
def test_what_cannot_be_removed_is_named_and_the_next_run_removes_it(aws, monkeypatch):
    """The tokens are revoked first and deleted last, so that the next run finds the conversation."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise StoreDown("AccessDeniedException")

    with monkeypatch.context() as patch:
        patch.setattr(erase, "recording_pieces", refuse)
        first = examined()
    tokens = [token for token in list_tokens(_table_of(aws.physical("TokensTable"))) if "csim" in token.label]
    second = examined()

    assert "failed" == first["clean-up"]["status"]
    assert "AccessDeniedException" in first["clean-up"]["detail"]
    assert "erase conversation csim" in first["clean-up"]["fix"]
    assert all(token.revoked_at for token in tokens)
    assert "Removed: recordings bucket 2, tokens 4." == second["clean-up"]["detail"]
    assert [] == left_of_doctors(aws)


@pytest.mark.usefixtures("web")
def test_ctrl_c_cleans_up_too(aws, monkeypatch):
    """An interrupted run removes what it made, says so, and ends with 1."""

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(live, "wait_for_recording", interrupted)

    result = _run("doctor")

    assert 1 == result.exit_code
    assert "Removed: recordings bucket 1, tokens 2." in result.stdout
    assert [] == left_of_doctors(aws)


def test_few_concurrent_executions_are_a_warning(aws, web):
    """A new account can have 10, and callbacks share them; the fix asks AWS for more."""
    aws.unreserved = 10

    findings = examined()
    web.posted.clear()
    shown = _run("doctor")

    assert "warning" == findings["concurrency"]["status"]
    assert "Only 10 of 1000" in findings["concurrency"]["detail"]
    assert "request-service-quota-increase --service-code lambda" in findings["concurrency"]["fix"]
    assert {"ok"} == statuses(findings, "concurrency")
    assert "No check failed; warnings: 1." in shown.stderr


@pytest.mark.usefixtures("web")
def test_rules_of_others_on_the_bus_are_listed_with_the_commands_that_remove_them(aws):
    """The commands work: after them only the stack's own rule is on the bus."""
    events = aws.client("events")
    for name, targets in (("mine", ["a", "b"]), ("bare", [])):
        events.put_rule(Name=name, EventBusName="told", EventPattern='{"source": ["tavus-callbacks"]}')
        arns = [{"Id": target, "Arn": "arn:aws:sqs:eu-west-1:123456789012:q"} for target in targets]
        if arns:
            events.put_targets(Rule=name, EventBusName="told", Targets=arns)

    before = examined()["bus"]
    for text in re.findall(r"`(aws [^`]+)`", before["fix"]):
        _call(aws, text)
    after = examined()["bus"]

    assert "ok" == before["status"] == after["status"]
    assert "bare, mine" in before["detail"]
    assert "Push=off" in before["fix"]
    assert not after["fix"]


@pytest.mark.usefixtures("web")
def test_a_rule_that_a_service_manages_gets_no_command(aws):
    """An archive of the bus has a rule, which EventBridge refuses to delete by itself."""
    [bus] = [each for each in aws.client("events").list_event_buses()["EventBuses"] if each["Name"] == "told"]
    aws.client("events").create_archive(ArchiveName="old", EventSourceArn=bus["Arn"])

    finding = examined()["bus"]

    assert "not the stack's: Events-Archive-old." in finding["detail"]
    assert finding["fix"].endswith("Delete the archive or the schema discovery that made Events-Archive-old.")
    assert "delete-rule" not in finding["fix"]


def _call(aws: Aws, text: str) -> None:
    """Do what a command of the AWS CLI does."""
    _, service, operation, *options = shlex.split(text)
    shape = aws.client(service).meta.service_model.operation_model(
        "".join(word.title() for word in operation.split("-"))
    )
    parameters: dict[str, Any] = {}
    for option in options:
        if option.startswith("--"):
            name = "".join(word.title() for word in option[2:].split("-"))
            is_list = shape.input_shape.members[name].type_name == "list"
            parameters[name] = [] if is_list else None
        else:
            parameters[name] = [*parameters[name], option] if is_list else option
    getattr(aws.client(service), operation.replace("-", "_"))(**parameters)


@pytest.mark.usefixtures("web")
def test_a_key_that_the_operator_may_not_read_is_no_fault(aws, monkeypatch):
    """The check is skipped with the reason, because the role of the function decides."""
    _delete_key(aws)
    unreadable = stack._unreadable_key
    monkeypatch.setattr(stack, "_unreadable_key", lambda arn, _: unreadable(arn, "AccessDeniedException"))

    findings = examined()

    assert "skipped" == findings["Tavus key"]["status"]
    assert "AccessDeniedException" in findings["Tavus key"]["detail"]


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_whole_words_and_commands_in_one_piece(width, aws, monkeypatch):
    """Only a command may be longer than the terminal; the name of a check stays on the left."""
    for break_it in (_stop_versioning, _keep_logs, _give_partial_arn, _stop_expiry):
        break_it(aws)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(width))

    lines = click.unstyle(_run("doctor").stdout).splitlines()

    assert [line for line in lines if len(line) <= width] != lines
    assert all(len(line) <= width or line.strip().startswith(("`", "fix: `")) for line in lines)
    assert all(line.count("`") % 2 == 0 for line in lines)
    shown = [line[8:25].strip() for line in lines if not line.startswith(" ")]
    assert [*NAMES, "clean-up"] == shown


@pytest.mark.usefixtures("aws")
def test_no_token_is_ever_shown(web):
    """Neither lines nor JSON show a token."""
    web.post_status = 503

    output = _run("doctor").output + _run("doctor", "--json").output

    assert web.tokens
    assert not [token for token in web.tokens if token in output]


@pytest.mark.usefixtures("web")
def test_what_aws_refuses_is_a_sentence_with_what_to_do(aws, monkeypatch):
    """Missing permission and a fault of the doctor's own are a red line each, and the other checks run."""
    from botocore.exceptions import ClientError, NoCredentialsError

    def raising(error: Exception):
        def look(_: Any) -> Any:
            raise error

        return look

    denied = ClientError({"Error": {"Code": "AccessDenied"}}, "GetRole")
    looks = {
        "denied": raising(denied),
        "gone": raising(ClientError({"Error": {"Code": "NoSuchResource"}}, "GetKeyGroup")),
        "unknown": raising(NoCredentialsError()),
        "refused": raising(click.ClickException("There is no such stack.")),
        "broken": raising(ZeroDivisionError("by zero")),
        "outputs": checks.CHECKS[0].look,
    }
    monkeypatch.setattr(checks, "CHECKS", [checks.Check(name, look) for name, look in looks.items()])

    findings = examined()

    assert "AWS answered AccessDenied to GetRole." == findings["denied"]["detail"]
    assert "AWS_PROFILE" in findings["denied"]["fix"]
    assert "A resource of the stack was deleted. Deploy" in findings["gone"]["fix"]
    assert "AWS was not asked: NoCredentialsError." == findings["unknown"]["detail"]
    assert "There is no such stack." == findings["refused"]["detail"]
    assert "The check itself failed: ZeroDivisionError by zero." == findings["broken"]["detail"]
    assert {"ok"} == {findings[name]["status"] for name in ("outputs", "clean-up")}
    assert aws.tells_of_objects


def test_a_read_token_examines_nothing(monkeypatch):
    """A URL cannot examine a stack; the error names the ways that can."""
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", "https://api.example.com")

    result = CliRunner().invoke(main, ["doctor"])

    assert 2 == result.exit_code
    assert "--stack NAME or --local" in result.stderr
