"""`make prove` on AWS: what it denies is allowed again, what it deploys is deleted, and nothing of others."""

import json
import os
import re
import tomllib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import boto3
import click
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

from tavus_callbacks.domain.common.token import new_token
from tavus_callbacks_cli.doctor.checks import Result as Checked

ROOT = Path(__file__).resolve().parents[2]
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(ROOT / "infra"))
    places, removal, report, steps = (
        import_module(f"prove.{name}") for name in ("places", "removal", "report", "steps")
    )

NAME, OTHER = "tavus-callbacks-prove-ab12cd", "tavus-callbacks"
TABLE = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
}
RESOURCES = {
    "EventsTable": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": TABLE},
    "BodiesBucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
    "SpillQueue": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"},
    "Logs": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"},
    **{
        role: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
        for role in ("ReceiveRole", "DrainRole")
    },
}
DENY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}]}
)
TEMPLATE = {"Resources": RESOURCES, "Outputs": {"EventsTableName": {"Value": {"Ref": "EventsTable"}}}}


@pytest.fixture
def session():
    """Give a session with two stacks: one of a proof, and one with the usual name."""
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        for name in (NAME, OTHER):
            session.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))
        yield session


@pytest.fixture
def sam(tmp_path, monkeypatch):
    """Put a program `sam` on PATH that notes its arguments and ends with the code in a file."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "sam"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/calls\nexit $(cat {tmp_path}/code)\n')
    program.chmod(0o755)
    (tmp_path / "code").write_text("0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def names(session):
    """Return the names of all tables, buckets, queues and log groups."""
    return [
        *session.client("dynamodb").list_tables()["TableNames"],
        *(bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]),
        *(url.rpartition("/")[2] for url in session.client("sqs").list_queues().get("QueueUrls", [])),
        *(group["logGroupName"] for group in session.client("logs").describe_log_groups()["logGroups"]),
    ]


def of_proof(session):
    """Return those that belong to the proof's stack."""
    return [name for name in names(session) if NAME in name]


def policies(session, role="ReceiveRole"):
    """Return the inline policies of a role of the proof's stack."""
    iam = session.client("iam")
    [name] = [each["RoleName"] for each in iam.list_roles()["Roles"] if f"{NAME}-{role}" in each["RoleName"]]
    return {
        each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"]
        for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
    }


def delete_stack(session):
    """Return what deletes the stack as `sam delete` does."""
    return lambda: session.client("cloudformation").delete_stack(StackName=NAME)


def place_of(session, folder):
    """Return the proof's stack on AWS."""
    return places.Aws(NAME, session, folder / "sam.log")


def proof_of(place):
    """Return a proof that waits for nothing."""
    empty = report.Report(NAME, "somewhere", [], datetime(2026, 11, 29, 13, tzinfo=UTC))
    return steps.Proof(place, empty, {}, timedelta(minutes=5))


def test_everything_that_the_stack_retained_is_deleted(session):
    """Tables, buckets with every version, queues and logs go; those of another stack stay."""
    bucket = next(name for name in of_proof(session) if "bodies" in name)
    s3 = session.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key="events/a", Body=body)
    s3.delete_object(Bucket=bucket, Key="events/a")
    session.client("logs").create_log_group(logGroupName=f"/aws/vendedlogs/{NAME}")
    others = set(names(session)) - set(of_proof(session))

    seen = removal.remove(session, NAME, delete_stack(session))

    assert others == set(names(session))
    assert 4 == len(others)
    assert 5 == len(seen.split(", "))
    assert "nothing was left" == removal.remove(session, NAME, delete_stack(session))


def test_a_store_that_is_still_denied_is_allowed_before_the_stack_goes(session):
    """IAM deletes no role with a policy that CloudFormation does not know."""
    [role] = [
        each["RoleName"]
        for each in session.client("iam").list_roles()["Roles"]
        if f"{NAME}-Re" in each["RoleName"]
    ]
    session.client("iam").put_role_policy(RoleName=role, PolicyName=removal.POLICY, PolicyDocument=DENY)
    seen = []

    removal.remove(session, NAME, lambda: (seen.append(policies(session)), delete_stack(session)()))

    assert [{}] == seen


@pytest.mark.parametrize("name", [OTHER, "", "tavus-callbacks-prove-", f"{NAME}x", NAME.upper(), f"{NAME}\n"])
def test_only_stacks_of_proofs_are_deleted(name):
    """Any other name is refused before AWS is asked."""
    with pytest.raises(click.UsageError, match="not the name of a proof"):
        removal.remove(None, name, lambda: pytest.fail("deleted"))


def test_a_running_deployment_is_awaited(session, monkeypatch):
    """After an interrupted update, the stack is deleted when CloudFormation has ended it."""
    states = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]
    monkeypatch.setattr(removal, "_PAUSE", 0)

    def change(parsed, **_):
        if states and parsed.get("Stacks"):
            parsed["Stacks"][0]["StackStatus"] = states.pop(0)

    session.events.register("after-call.cloudformation.DescribeStacks", change)
    remaining = []

    removal.remove(session, NAME, lambda: (remaining.extend(states), delete_stack(session)()))

    assert [] == remaining == states == of_proof(session)


def test_a_stack_that_stays_fails_the_removal(session):
    """Nothing retained is deleted while the stack still uses it."""
    before = names(session)

    with pytest.raises(click.ClickException, match="CREATE_COMPLETE"):
        removal.remove(session, NAME, lambda: None)

    assert before == names(session)


def test_every_type_that_the_template_retains_has_a_remover():
    """A new kind of retained resource needs a way to delete it."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    retained = {
        each["Type"] for each in resources.values() if each.get("DeletionPolicy", "Delete") != "Delete"
    }

    assert {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"} <= retained
    assert retained <= removal.REMOVERS.keys()
    assert set(removal.ROLES) <= resources.keys()


def test_the_store_is_denied_until_the_end(session, tmp_path):
    """Both roles get an explicit deny of the events table alone, and lose it after a fault too."""
    place = place_of(session, tmp_path)
    table = next(name for name in of_proof(session) if "Events" in name)

    with suppress(RuntimeError), place.outage():
        during = [policies(session, role)[removal.POLICY]["Statement"] for role in removal.ROLES]
        raise RuntimeError

    assert during[0] == during[1]
    assert [("Deny", "dynamodb:*")] == [(each["Effect"], each["Action"]) for each in during[0]]
    assert all(f":table/{table}" in resource for resource in during[0][0]["Resource"])
    assert [{}, {}] == [policies(session, role) for role in removal.ROLES]


def test_half_a_denial_is_undone(session, tmp_path):
    """If the second role cannot be changed, the first one is as before."""
    [role] = [
        each["RoleName"]
        for each in session.client("iam").list_roles()["Roles"]
        if f"{NAME}-Drain" in each["RoleName"]
    ]
    session.client("iam").delete_role(RoleName=role)

    with pytest.raises(ClientError, match="NoSuchEntity"), place_of(session, tmp_path).outage():
        pytest.fail("it is not denied")

    assert {} == policies(session)


def test_a_deployment_is_built_once_and_keeps_to_itself(sam):
    """The code has a prefix of its own; only named parameters change; the deletion asks nothing."""
    with mock_aws():
        place = place_of(boto3.Session("testing", "testing", region_name="eu-west-1"), sam)
        place.deploy({})
        place.deploy({"SigningKeys": "blue,green"})
        place.remove()

    where = f"--stack-name {NAME} --region eu-west-1 --s3-prefix {NAME} --config-env prove "
    build, first, second = (sam / "calls").read_text().splitlines()
    assert "build" == build
    assert first.startswith(f"deploy {where}")
    assert second == f'{first} --parameter-overrides SigningKeys="blue,green"'
    assert "prove" not in tomllib.loads((ROOT / "samconfig.toml").read_text())


def test_a_value_with_quotes_reaches_cloudformation_whole(sam):
    """SAM's parser ends a quoted value at a quote without a backslash."""
    with mock_aws():
        place_of(boto3.Session("testing", "testing", region_name="eu-west-1"), sam).deploy({"A": 'a "b" c'})

    assert (sam / "calls").read_text().endswith('--parameter-overrides A="a \\"b\\" c"\n')


def test_a_failed_deployment_names_its_log(sam):
    """The message says which command failed and where its output is."""
    (sam / "code").write_text("1")

    with pytest.raises(click.ClickException, match=r"`sam build` failed; its output is in .*sam\.log"):
        place_of(SimpleNamespace(region_name="x"), sam).deploy({})


def test_a_missing_sam_is_an_error_with_a_remedy(tmp_path, monkeypatch):
    """Without the SAM command line nothing is deployed."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(click.ClickException, match=r"README\.md"):
        place_of(SimpleNamespace(region_name="x"), tmp_path).deploy({})


def test_the_stack_is_removed_whatever_happens(monkeypatch):
    """A failed step skips those that need it, Ctrl-C skips all others, and the removal always runs."""

    def fail(_):
        raise steps.Failed("seen")

    def interrupt(_):
        raise KeyboardInterrupt

    flow = (
        steps.Step("good", lambda _: "fine", needs=()),
        steps.Step("bad", fail, needs=("good",)),
        steps.Step("needy", lambda _: "fine", needs=("bad",)),
        steps.Step("interrupted", interrupt, needs=()),
        steps.Step("never", lambda _: "fine", needs=()),
    )
    monkeypatch.setattr(steps, "STEPS", flow)
    proof = proof_of(SimpleNamespace(remove=lambda: "all"))

    with pytest.raises(KeyboardInterrupt):
        steps.run_all(proof, lambda _: None, lambda _: None)

    assert [(each.name, each.status, each.seen) for each in proof.report.results] == [
        ("good", "passed", "fine"),
        ("bad", "failed", "seen"),
        ("needy", "skipped", "not tried, because bad did not pass"),
        ("interrupted", "failed", "interrupted"),
        ("remove", "passed", "all"),
    ]
    assert not proof.report.is_proven


def test_a_report_holds_no_secret(tmp_path):
    """Tokens and account numbers are cut out; both files say that the proof is unverified."""
    token, empty = new_token(), report.Report(NAME, "AWS", ["AlarmEmail"], datetime(2026, 11, 29, tzinfo=UTC))
    empty.add("deploy", "failed", 1.24, f"arn:aws:iam::123456789012:role/x refused {token} | and")
    empty.bill.update({"alarms": 2.5, "metrics": 0.5})

    path = empty.write(tmp_path)
    markdown, content = path.read_text(), json.loads(path.with_suffix(".json").read_text())

    assert f"{NAME}-20261129-000000.md" == path.name
    assert "| deploy | failed | 1.2 s | arn:aws:iam::…:role/x refused tcb_… \\| and |" in markdown
    assert all(
        secret not in path.with_suffix(end).read_text()
        for secret in (token, "123456789012")
        for end in (".md", ".json")
    )
    assert report.UNVERIFIED in markdown
    assert (report.UNVERIFIED, False, 3.0) == (content["unverified"], content["is_proven"], content["month"])


@pytest.mark.parametrize(("name", "is_proven"), [("alarm receivers", True), ("callback", False)])
def test_unconfirmed_mails_only_warn(monkeypatch, name, is_proven):
    """A new address of alarms does not fail the proof; any other failed check does."""
    found = [Checked("outputs", "ok", "fine"), Checked(name, "failed", "waits")]
    monkeypatch.setattr(steps, "examine", lambda *_: found)
    proof = proof_of(SimpleNamespace(deployment=lambda: SimpleNamespace(tables=None), patience=1))

    steps.run(steps.Step("doctor", steps.doctor, needs=()), proof, lambda _: None)

    [result] = proof.report.results
    assert is_proven == proof.report.is_proven
    assert f"{name}: waits" in result.seen


class CloudWatch:
    """Answers with the history of alarms."""

    def __init__(self, **states):
        self.states = states

    def describe_alarm_history(self, *, AlarmName, **_):  # noqa: N803 - boto3's name
        """Return the updates of an alarm's state."""
        updates = ({"newState": {"stateValue": state}} for state in self.states.get(AlarmName, ()))
        return {"AlarmHistoryItems": [{"HistoryData": json.dumps(update)} for update in updates]}


def watched(minutes, alarms=("SpilledAlarm", "SpillWaitsAlarm"), **states):
    """Return a proof after an outage, with the states that its alarms went through."""
    deployment = SimpleNamespace(
        is_local=False,
        physical=lambda _: {name: name for name in alarms},
        client=lambda _: CloudWatch(**states),
    )
    proof = proof_of(SimpleNamespace(is_local=True, drain_patience=0.01, deployment=lambda: deployment))
    proof.outage = timedelta(minutes=minutes)
    return proof


def test_an_alarm_that_should_have_rung_fails_its_step():
    """Five minutes ring for spilled callbacks, and twenty for those that wait."""
    short = watched(5, SpilledAlarm=["ALARM", "OK"], SpillWaitsAlarm=["OK"])
    long = watched(20, SpilledAlarm=["ALARM"], SpillWaitsAlarm=["INSUFFICIENT_DATA"])

    assert "red: SpilledAlarm; SpillWaitsAlarm needs an outage of 20 minutes" == steps.alarms(short)
    with pytest.raises(steps.Failed, match="SpillWaitsAlarm"):
        steps.alarms(long)
    with pytest.raises(steps.Skipped, match="AlarmEmail"):
        steps.alarms(watched(5, alarms=()))


@pytest.fixture
def command(own_process, monkeypatch):  # noqa: ARG001 - an environment without other credentials
    """Give the command behind `make prove`, with AWS credentials, and what prices it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "infra"))
        module = import_module("prove.__main__")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return module.prove


def test_nothing_is_deployed_without_a_yes(command, sam):
    """The question shows account, region and price; No ends the command before SAM runs."""
    with mock_aws():
        result = CliRunner().invoke(command, ["--region", "eu-west-1", "--reports", str(sam)], input="n\n")

    assert 1 == result.exit_code
    assert re.search(r"account 123456789012, region eu-west-1", result.output)
    assert re.search(r"costs about \$0\.\d\d", result.output)
    assert "Unverified" in result.output
    assert not (sam / "calls").exists()


def test_a_failed_proof_says_how_to_clean_up(command, sam):
    """If SAM fails, nothing else is tried, the removal runs, and the report is there."""
    (sam / "code").write_text("1")
    with mock_aws():
        options = ["--region", "eu-west-1", "--reports", str(sam / "reports"), "--yes", "--json"]
        result = CliRunner().invoke(command, options)
    report = json.loads(result.stdout)
    statuses = {each["name"]: each["status"] for each in report["results"]}

    assert 1 == result.exit_code
    assert ("failed", "passed") == (statuses.pop("deploy"), statuses.pop("remove"))
    assert {"skipped"} == set(statuses.values())
    assert ["build"] == (sam / "calls").read_text().splitlines()
    assert "--clean-up" not in result.stderr


def test_a_clean_up_only_deletes(command, session, sam):
    """`--clean-up` runs `sam delete`; a stack that stays is an error with the command to try again."""
    options = ["--clean-up", NAME, "--region", "us-east-1", "--reports", str(sam / "reports"), "--yes"]

    result = CliRunner().invoke(command, options)

    assert [f"delete --stack-name {NAME} --region us-east-1 --no-prompts"] == (
        (sam / "calls").read_text().splitlines()
    )
    assert 1 == result.exit_code
    assert f"{NAME} is CREATE_COMPLETE" in result.stdout
    assert f'ARGS="--clean-up {NAME} --region us-east-1"' in result.stderr
    assert of_proof(session)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clean-up", OTHER, "--yes"], "not the name of a proof"),
        (["--local", "--region", "us-east-1"], "--local goes with neither"),
        (["--yes"], "No AWS region is set"),
        (["--parameter", "Recordings"], "NAME=VALUE"),
        (["--outage", "soon"], "30s"),
        (["--parameter", "SigningKeys=green"], "`make prove` sets SigningKeys itself"),
    ],
)
def test_wrong_options_are_refused(command, sam, options, message):
    """The message says what to write instead, and SAM does not run."""
    result = CliRunner().invoke(command, options)

    assert 2 == result.exit_code
    assert message in result.stderr
    assert not (sam / "calls").exists()


def test_the_page_lists_each_step_and_says_that_all_is_unverified(command):
    """docs/prove.md has a row for each step in their order; page and help have the word unverified."""
    page = (ROOT / "docs" / "prove.md").read_text()
    names = [each.name.partition(":")[0] for each in (*steps.STEPS, steps.REMOVE)]
    text = CliRunner().invoke(command, ["--help"]).output

    assert list(dict.fromkeys(names)) == re.findall(r"^\| `(\w+)", page, re.MULTILINE)
    assert all("unverified" in each for each in (page, text))
