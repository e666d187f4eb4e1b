"""An upgrade keeps what a stack of the previous release holds: data, keys, addresses, parameters, outputs.

There is no release yet, so the comparison starts at commit d58b683. This command writes its template:

git show d58b683:template.yaml | .venv/bin/python tests/upgrade.py > tests/data/previous_release.json
"""

import copy
import json
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


def properties(template, name):
    """Return the properties of a resource."""
    return template["Resources"][name]["Properties"]


def rename_events_table(template):
    """Give the table a name of its own."""
    properties(template, "EventsTable")["TableName"] = "events"
    return "resource EventsTable: TableName changed"


def move_events_table(template):
    """Declare the same table under another logical id."""
    template["Resources"]["Events"] = template["Resources"].pop("EventsTable")
    return "resource EventsTable: removed"


def change_key(template):
    """Sort by another attribute."""
    properties(template, "EventsTable")["KeySchema"][1]["AttributeName"] = "receipt"
    return "resource EventsTable: KeySchema changed"


def change_type_of_key(template):
    """Store the sort key as a number."""
    properties(template, "EventsTable")["AttributeDefinitions"][1]["AttributeType"] = "N"
    return "resource EventsTable: AttributeDefinitions changed"


def drop_index(template):
    """Leave out the index of lists."""
    properties(template, "EventsTable")["GlobalSecondaryIndexes"].pop()
    return "resource EventsTable: GlobalSecondaryIndexes changed"


def change_expiry(template):
    """Let rows expire by another attribute."""
    properties(template, "EventsTable")["TimeToLiveSpecification"]["AttributeName"] = "ttl"
    return "resource EventsTable: TimeToLiveSpecification changed"


def change_stream(template):
    """Put only keys into the stream."""
    properties(template, "EventsTable")["StreamSpecification"]["StreamViewType"] = "KEYS_ONLY"
    return "resource EventsTable: StreamSpecification changed"


def stop_retaining(template):
    """Delete the spill with the stack."""
    template["Resources"]["SpillQueue"]["DeletionPolicy"] = "Delete"
    return "resource SpillQueue: DeletionPolicy no longer retains it"


def stop_retaining_on_replacement(template):
    """Delete the bucket when it is replaced."""
    del template["Resources"]["BodiesBucket"]["UpdateReplacePolicy"]
    return "resource BodiesBucket: UpdateReplacePolicy no longer retains it"


def narrow_condition(template):
    """Make the bus only with a URL."""
    template["Resources"]["EventBus"]["Condition"] = "HasPushUrl"
    return "resource EventBus: removed under some parameters"


def change_secret(template):
    """Generate another secret for pushes."""
    properties(template, "PushSecret")["GenerateSecretString"]["PasswordLength"] = 32
    return "resource PushSecret: GenerateSecretString changed"


def change_public_key(template):
    """Update a key that CloudFront cannot update."""
    properties(template, "BluePublicKey")["PublicKeyConfig"]["CallerReference"] = "blue"
    return "resource BluePublicKey: PublicKeyConfig changed"


def rename_role(template):
    """Change the ARN that users gave to Tavus."""
    properties(template, "RecordingRole")["RoleName"] = "tavus"
    return "resource RecordingRole: RoleName changed"


def restart_stream(template):
    """Read the stream from its newest record."""
    properties(template, "ProjectFunctionKept")["StartingPosition"] = "LATEST"
    return "resource ProjectFunctionKept: StartingPosition changed"


def drop_parameter(template):
    """Leave out a parameter."""
    del template["Parameters"]["LogRetentionDays"]
    return "parameter LogRetentionDays: removed"


def change_default(template):
    """Switch pushes off by default."""
    template["Parameters"]["Push"]["Default"] = "off"
    return "parameter Push: Default changed"


def narrow_values(template):
    """Take fewer values."""
    template["Parameters"]["SilenceHours"]["MaxValue"] = 12
    return "parameter SilenceHours: accepts fewer values"


def narrow_choices(template):
    """Take one way less."""
    template["Parameters"]["PushMode"]["AllowedValues"] = ["signed"]
    return "parameter PushMode: accepts fewer values"


def ignore_parameter(template):
    """Declare a parameter that nothing reads."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Logs::LogGroup":
            resource["Properties"]["RetentionInDays"] = 30
    return "parameter LogRetentionDays: unused"


def drop_output(template):
    """Leave out an output."""
    del template["Outputs"]["SpillQueueUrl"]
    return "output SpillQueueUrl: removed"


def change_output(template):
    """Answer another bucket."""
    template["Outputs"]["FailedBucketName"]["Value"] = {"Ref": "BodiesBucket"}
    return "output FailedBucketName: Value changed"


MUTATIONS = [
    *(rename_events_table, move_events_table, change_key, change_type_of_key, drop_index, change_expiry),
    *(change_stream, stop_retaining, stop_retaining_on_replacement, narrow_condition, change_secret),
    *(change_public_key, rename_role, restart_stream, drop_parameter, change_default, narrow_values),
    *(narrow_choices, ignore_parameter, drop_output, change_output),
]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_each_loss_is_reported(current, mutate):
    """The comparison sees a fault of each kind."""
    changed = copy.deepcopy(current)

    expected = mutate(changed)

    assert expected in upgrade.losses(current, changed)
