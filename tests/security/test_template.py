"""Effects of the template that only AWS shows and no stand-in: read from the translated template itself."""

import re
from pathlib import Path

import pytest
import yaml

from tavus_callbacks.aws import spill
from tavus_callbacks_cli.local_stack.template.template import load_template

ROOT = Path(__file__).parents[2]
DAY = 86_400


def properties(template, kind):
    """Return the properties of each resource of a type by its logical id."""
    return {one.logical_id: one.properties for one in template.of_type(kind)}


def test_roles_are_explicit_and_one_a_function(template):
    """No managed policy, no role that two functions share, and only Lambda takes a function's role."""
    functions = properties(template, "AWS::Lambda::Function")
    used = [function["Role"].rpartition("/")[2] for function in functions.values()]
    roles = {role.name: role.properties for role in template.of_type("AWS::IAM::Role")}

    assert len(used) == len(set(used))
    assert not [name for name, role in roles.items() if role.get("ManagedPolicyArns")]
    for name in used:
        [statement] = roles[name]["AssumeRolePolicyDocument"]["Statement"]
        assert {"Service": "lambda.amazonaws.com"} == statement["Principal"]


def test_no_secret_has_a_default():
    """Parameters and variables hold none: keys are made at deployment, tokens by a command."""
    source = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Plain)  # noqa: S506 - it makes plain values only

    words = re.compile(r"secret|password|privatekey|tokenvalue", re.IGNORECASE)
    assert not [name for name in source["Parameters"] if words.search(name)]
    secrets = [one for one in source["Resources"].values() if one["Type"] == "AWS::SecretsManager::Secret"]
    assert not [one for one in secrets if "SecretString" in one["Properties"]]


class _Plain(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their arguments."""


_Plain.add_multi_constructor("!", lambda *_: None)


def test_tables_keep_what_a_mistake_would_lose(template):
    """Both can be restored to any second, and outlive the stack; rows go by the attribute that they carry."""
    tables = properties(template, "AWS::DynamoDB::Table")

    for table in tables.values():
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert tables["EventsTable"]["TimeToLiveSpecification"] == {
        "AttributeName": "expires_at",
        "Enabled": True,
    }
    assert "TimeToLiveSpecification" not in tables["TokensTable"]


def test_what_holds_data_outlives_the_stack():
    """Deleting or replacing a resource keeps its tables, buckets and queues."""
    source = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Plain)  # noqa: S506 - it makes plain values only
    kinds = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue")

    for one in source["Resources"].values():
        if one["Type"] in kinds:
            assert ("RetainExceptOnCreate", "Retain") == (one["DeletionPolicy"], one["UpdateReplacePolicy"])


def test_buckets_are_private_and_encrypted(template):
    """No public access of any kind, no ACLs, encrypted."""
    for bucket in properties(template, "AWS::S3::Bucket").values():
        assert {True} == set(bucket["PublicAccessBlockConfiguration"].values())
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert [{"ObjectOwnership": "BucketOwnerEnforced"}] == bucket["OwnershipControls"]["Rules"]
        assert bucket["BucketEncryption"]


def test_the_spill_waits_through_a_long_outage(template):
    """Fourteen days, a thousand tries, and six times the drain's patience between two."""
    queues = properties(template, "AWS::SQS::Queue")
    drain = properties(template, "AWS::Lambda::Function")["DrainFunction"]

    assert {14 * DAY} == {queue["MessageRetentionPeriod"] for queue in queues.values()}
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())
    assert 1000 == queues["SpillQueue"]["RedrivePolicy"]["maxReceiveCount"]
    assert queues["SpillQueue"]["VisibilityTimeout"] >= 6 * drain["Timeout"]


def test_a_spilled_body_outlives_the_message_that_names_it(template):
    """Its object stays a day longer than the queue keeps a message, and messages stay below SQS's limit."""
    [rule] = [
        rule
        for rule in properties(template, "AWS::S3::Bucket")["BodiesBucket"]["LifecycleConfiguration"]["Rules"]
        if rule.get("Prefix") == "spill/"
    ]

    assert rule["ExpirationInDays"] > 14
    assert spill.MESSAGE_LIMIT < properties(template, "AWS::SQS::Queue")["SpillQueue"]["MaximumMessageSize"]


@pytest.mark.parametrize(
    ("name", "holds", "days"), [("Spill", "spill", 9), ("Push", "pushes", 13)], ids=["spill", "pushes"]
)
def test_the_page_states_the_days_that_remain_in_a_dead_letter_queue(name, holds, days):
    """SQS counts them from the first send. The attempts before the move use up a part of the retention."""
    template = load_template(ROOT / "template.yaml", {"PushUrl": "https://a.example.com"})
    queues = properties(template, "AWS::SQS::Queue")
    queue, dead = queues[f"{name}Queue"], queues[f"{name}DeadQueue"]
    seconds = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    page = (ROOT / "docs" / "reliability.md").read_text()
    stated = re.findall(r"the (\w+)'s? dead-letter queue, about (\d+) days", page)

    assert days == (dead["MessageRetentionPeriod"] - seconds) // DAY
    assert seconds < queue["MessageRetentionPeriod"]
    assert str(days) == dict(stated)[holds]


def test_no_trigger_can_block_for_ever(template):
    """Streams: retries limited by age, halves, whole records to S3; queues, too: partial answers."""
    for mapping in properties(template, "AWS::Lambda::EventSourceMapping").values():
        assert ["ReportBatchItemFailures"] == mapping["FunctionResponseTypes"]
        if ":sqs:" in mapping["EventSourceArn"]:
            continue
        # Lambda's maximum: "Lambda parameters for Amazon DynamoDB event source mappings".
        assert mapping["MaximumRetryAttempts"] == 10_000
        # DynamoDB drops records after 24 hours. Before that, Lambda writes them to the failed bucket.
        assert mapping["MaximumRecordAgeInSeconds"] == DAY - 2 * 3600
        assert mapping["BisectBatchOnFunctionError"]
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"].startswith("arn:aws:s3:::")
        assert mapping["FilterCriteria"]["Filters"]


def test_access_logs_hold_neither_path_nor_query(template):
    """The path holds the token, the query tags."""
    [stage] = properties(template, "AWS::ApiGatewayV2::Stage").values()
    form = stage["AccessLogSettings"]["Format"]

    assert "$context.requestId" in form
    for variable in ("path", "rawPath", "queryString", "domainName", "authorizer", "identity.userAgent"):
        assert f"$context.{variable}" not in form


def test_logs_end(template):
    """Every function and the API write to a log group of their own, which forgets."""
    groups = properties(template, "AWS::Logs::LogGroup")
    functions = properties(template, "AWS::Lambda::Function")

    assert all(group["RetentionInDays"] for group in groups.values())
    assert len(functions) == len({function["LoggingConfig"]["LogGroup"] for function in functions.values()})


@pytest.mark.parametrize("name", ["ReceiveFunction", "ReadFunction"])
def test_the_api_waits_longer_than_its_functions(template, name):
    """HTTP API gives up after thirty seconds."""
    assert properties(template, "AWS::Lambda::Function")[name]["Timeout"] < 30


def test_receive_is_stopped_only_after_it_has_answered(template):
    """Its own deadlines end long before Lambda's."""
    assert properties(template, "AWS::Lambda::Function")["ReceiveFunction"]["Timeout"] >= 3 * 3
