"""An upgrade keeps what a stack of the previous release holds: data, keys, addresses, parameters, outputs.

There is no release yet, so the comparison starts at commit d58b683. This command writes its template:

git show d58b683:template.yaml | .venv/bin/python tests/upgrade.py > tests/data/previous_release.json
"""

import copy
import functools
import json
import operator
import re
from pathlib import Path

import pytest

import upgrade
from tavus_callbacks_cli.local_stack.template.template import translate

ROOT = Path(__file__).parents[2]
PREVIOUS = json.loads((ROOT / "tests" / "data" / "previous_release.json").read_text(encoding="utf-8"))
# Each loss that this version accepts, with its reason; docs/operations.md, "Upgrades", tells users.
ACCEPTED = {
    "parameter Alarms: removed": "an alarm exists if somebody is notified; Dashboard has a parameter",
    "parameter FailedRetentionDays: removed": "QuarantineRetentionDays, with the same default",
    "parameter LinkLifetimeMinutes: removed": "constant: 60, its default; ?expires= asks for more",
    "parameter PresumedEndedAfterMinutes: removed": "constant: 240, its default",
    "parameter RecordingMissingAfterMinutes: removed": "constant: 60, its default",
    "parameter RecordingNoncurrentDays: removed": "constant: 30, its default",
    "parameter SummaryWindow: removed": "constant: 0, its default; it saved $0.78 a million callbacks",
    "parameter ThrottleBurst: removed": "constant: 200, twice its default",
    "parameter WatchSchedule: removed": "constant: its default with a key, else 15 minutes",
    "parameter TavusApiKeyArn: accepts fewer values": "a partial ARN matches no secret in the role's policy",
    "resource AccessLogs: LogGroupName changed": "other groups fill the account's log policy",
    "resource FailedBucket: LifecycleConfiguration changed": "QuarantineRetentionDays, as above",
    "resource RecordingsBucket: LifecycleConfiguration changed": "RecordingNoncurrentDays, as above",
    "output DashboardUrl: removed under some parameters": "the dashboard is opt-in",
    "output DashboardUrl: Value changed": "it names StackDashboard",
    "resource Dashboard: removed": "its name is the parameter's; StackDashboard shows the same",
}


@pytest.fixture(scope="module")
def current():
    """Return the translated template of this version."""
    return translate(ROOT / "template.yaml", {})


def test_an_upgrade_loses_only_what_the_list_accepts(current):
    """No stateful resource is replaced or removed, and no parameter or output loses its meaning."""
    assert [] == [loss for loss in upgrade.losses(PREVIOUS, current) if loss not in ACCEPTED]


def test_every_accepted_loss_occurs(current):
    """An entry that no longer applies leaves the list."""
    assert set(ACCEPTED) <= set(upgrade.losses(PREVIOUS, current))


def test_nothing_is_lost_without_a_change(current):
    """The comparison of a template with itself reports nothing."""
    assert [] == upgrade.losses(current, current)


def test_the_upgrade_steps_name_every_removed_parameter():
    """CloudFormation refuses a removed parameter, so the page says what replaces it."""
    steps = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("\n## Upgrades\n")[2]
    removed = [
        loss.split()[1].rstrip(":") for loss in ACCEPTED if re.fullmatch(r"parameter .*: removed", loss)
    ]

    assert [] == [name for name in removed if f"`{name}`" not in steps.partition("\n## ")[0]]


REMOVED = object()
TABLE = "Resources/EventsTable/Properties"
# Each fault as the path and the new value of a part of the template, by the loss that it causes.
FAULTS = {
    "resource EventsTable: removed": ("Resources/EventsTable", REMOVED),
    "resource EventsTable: TableName changed": (f"{TABLE}/TableName", "events"),
    "resource EventsTable: KeySchema changed": (f"{TABLE}/KeySchema/1/AttributeName", "receipt"),
    "resource EventsTable: AttributeDefinitions changed": (
        f"{TABLE}/AttributeDefinitions/1/AttributeType",
        "N",
    ),
    "resource EventsTable: GlobalSecondaryIndexes changed": (f"{TABLE}/GlobalSecondaryIndexes/0", REMOVED),
    "resource EventsTable: TimeToLiveSpecification changed": (
        f"{TABLE}/TimeToLiveSpecification/AttributeName",
        "ttl",
    ),
    "resource EventsTable: StreamSpecification changed": (
        f"{TABLE}/StreamSpecification/StreamViewType",
        "KEYS_ONLY",
    ),
    "resource EventsTable: PointInTimeRecoverySpecification changed": (
        f"{TABLE}/PointInTimeRecoverySpecification",
        REMOVED,
    ),
    "resource SpillQueue: MessageRetentionPeriod changed": (
        "Resources/SpillQueue/Properties/MessageRetentionPeriod",
        60,
    ),
    "resource BodiesBucket: LifecycleConfiguration changed": (
        "Resources/BodiesBucket/Properties/LifecycleConfiguration/Rules/0/ExpirationInDays",
        1,
    ),
    "resource SpillQueue: DeletionPolicy no longer retains it": (
        "Resources/SpillQueue/DeletionPolicy",
        "Delete",
    ),
    "resource BodiesBucket: UpdateReplacePolicy no longer retains it": (
        "Resources/BodiesBucket/UpdateReplacePolicy",
        REMOVED,
    ),
    "resource EventBus: removed under some parameters": ("Resources/EventBus/Condition", "HasPushUrl"),
    "resource PushSecret: GenerateSecretString changed": (
        "Resources/PushSecret/Properties/GenerateSecretString/PasswordLength",
        32,
    ),
    "resource BluePublicKey: PublicKeyConfig changed": (
        "Resources/BluePublicKey/Properties/PublicKeyConfig/CallerReference",
        "blue",
    ),
    "resource RecordingRole: RoleName changed": ("Resources/RecordingRole/Properties/RoleName", "tavus"),
    "resource ProjectFunctionKept: StartingPosition changed": (
        "Resources/ProjectFunctionKept/Properties/StartingPosition",
        "LATEST",
    ),
    "parameter LogRetentionDays: removed": ("Parameters/LogRetentionDays", REMOVED),
    "parameter Region: new and without a default": ("Parameters/Region", {"Type": "String"}),
    "parameter Push: Default changed": ("Parameters/Push/Default", "off"),
    "parameter SilenceHours: accepts fewer values": ("Parameters/SilenceHours/MaxValue", 12),
    "parameter PushMode: accepts fewer values": ("Parameters/PushMode/AllowedValues", ["signed"]),
    "parameter CertificateArn: unused": (
        "Resources/Domain/Properties/DomainNameConfigurations",
        [],
    ),
    "output SpillQueueUrl: removed": ("Outputs/SpillQueueUrl", REMOVED),
    "output FailedBucketName: Value changed": ("Outputs/FailedBucketName/Value", {"Ref": "BodiesBucket"}),
    "output FailedBucketName: removed under some parameters": (
        "Outputs/FailedBucketName/Condition",
        "HasPushUrl",
    ),
}


@pytest.mark.parametrize(
    ("loss", "path", "value"), [(loss, *fault) for loss, fault in FAULTS.items()], ids=FAULTS
)
def test_each_loss_is_reported(current, loss, path, value):
    """The comparison sees a fault of each kind."""
    changed = copy.deepcopy(current)
    *parents, last = [int(name) if name.isdigit() else name for name in path.split("/")]
    part = functools.reduce(operator.getitem, parents, changed)
    if value is REMOVED:
        del part[last]
    else:
        part[last] = value

    assert loss in upgrade.losses(current, changed)
