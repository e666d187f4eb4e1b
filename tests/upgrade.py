"""Compares two translated templates: what an upgrade of a stack would lose.

As a program it reads a SAM template and prints what the comparison needs of it. See
tests/unit/test_upgrade.py.
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from combinations import Combinations
from tavus_callbacks_cli.local_stack.template.template import translate

# These hold data, a key, an address or a position that a new resource of the same name would not have.
STATEFUL = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::KeyGroup",
    "AWS::CloudFront::PublicKey",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "Custom::SigningKey",
}
# A change of these changes or deletes stored data, changes keys, or fails, although the schema lets it pass.
_FIXED_PROPERTIES = {
    "AWS::CloudFront::PublicKey": ("PublicKeyConfig",),
    "AWS::DynamoDB::Table": (
        "PointInTimeRecoverySpecification",
        "StreamSpecification",
        "TimeToLiveSpecification",
    ),
    "AWS::Logs::LogGroup": ("RetentionInDays",),
    "AWS::S3::Bucket": ("LifecycleConfiguration", "VersioningConfiguration"),
    "AWS::SQS::Queue": ("MessageRetentionPeriod",),
    "AWS::SecretsManager::Secret": ("GenerateSecretString", "SecretString"),
    "Custom::SigningKey": ("ServiceToken", "SecretArn"),
}
_RETAINED = ("Retain", "RetainExceptOnCreate")

Json = dict[str, Any]


def losses(old: Json, new: Json) -> list[str]:
    """Return one line for everything that a stack of the old template loses when it gets the new one."""
    before, after = Combinations(old, new), Combinations(new, old)
    used = Combinations(new).parameters | {each.target for each in after.references()}
    return [
        *(
            f"parameter {name}: new and without a default"
            for name in sorted(new["Parameters"].keys() - old["Parameters"])
            if "Default" not in new["Parameters"][name]
        ),
        *(line for name, value in old["Parameters"].items() for line in _parameter(name, value, new, used)),
        *(
            line
            for name, value in _stateful(old).items()
            for line in _resource(name, value, new, before, after)
        ),
        *(
            line
            for name, value in old["Outputs"].items()
            for line in _output(name, value, new, before, after)
        ),
    ]


def _stateful(template: Json) -> Json:
    """Return the resources with a state of their own, and those whose names a user may have."""
    named = {each.target for each in Combinations(template).references(["Outputs"])}
    resources = template["Resources"].items()
    return {name: each for name, each in resources if each["Type"] in STATEFUL or name in named}


def _parameter(name: str, old: Json, template: Json, used: set[str]) -> Iterator[str]:
    new = template["Parameters"].get(name)
    if new is None:
        yield f"parameter {name}: removed"
        return
    yield from (f"parameter {name}: {part} changed" for part in ("Type", "Default") if old[part] != new[part])
    if _narrower(old, new):
        yield f"parameter {name}: accepts fewer values"
    if name not in used:
        yield f"parameter {name}: unused"


def _narrower(old: Json, new: Json) -> bool:
    allowed = new.get("AllowedValues")
    return (
        (allowed is not None and not set(old.get("AllowedValues", [object()])) <= set(allowed))
        or new.get("AllowedPattern") not in (None, old.get("AllowedPattern"))
        or any(new.get(least, 0) > old.get(least, 0) for least in ("MinValue", "MinLength"))
        or any(new[most] < old.get(most, float("inf")) for most in ("MaxValue", "MaxLength") if most in new)
    )


def _resource(
    name: str, old: Json, template: Json, before: Combinations, after: Combinations
) -> Iterator[str]:
    new = template["Resources"].get(name)
    if new is None or new["Type"] != old["Type"]:
        yield f"resource {name}: removed"
        return
    if before.exists(old) & ~after.exists(new):
        yield f"resource {name}: removed under some parameters"
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if old.get(policy) in _RETAINED and new.get(policy) not in _RETAINED:
            yield f"resource {name}: {policy} no longer retains it"
    for path in _fixed_properties(old["Type"]):
        if _at(old, path) != _at(new, path):
            yield f"resource {name}: {'/'.join(path)} changed"
    if old["Type"] == "AWS::DynamoDB::Table":
        yield from _indexes(name, old["Properties"], new["Properties"])


def _indexes(name: str, old: Json, new: Json) -> Iterator[str]:
    """Compare lists of which a table may gain entries, and lose none."""
    for part in ("AttributeDefinitions", "GlobalSecondaryIndexes"):
        if any(entry not in new.get(part, []) for entry in old.get(part, [])):
            yield f"resource {name}: {part} changed"


def _output(name: str, old: Json, template: Json, before: Combinations, after: Combinations) -> Iterator[str]:
    new = template["Outputs"].get(name)
    if new is None:
        yield f"output {name}: removed"
        return
    if old["Value"] != new["Value"]:
        yield f"output {name}: Value changed"
    if before.exists(old) & ~after.exists(new):
        yield f"output {name}: removed under some parameters"


@cache
def _schemas() -> tuple[Path, dict[str, str]]:
    """Return the folder of cfn-lint's resource schemas, and the file of each resource type.

    The files are read without cfn-lint, whose import takes seconds.
    """
    spec = importlib.util.find_spec("cfnlint")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data" / "schemas"
    return folder / "resources", json.loads((folder / "providers" / "us-east-1.json").read_text())


@cache
def _fixed_properties(resource_type: str) -> list[tuple[str, ...]]:
    """Return the properties whose change replaces a resource or fails."""
    own: list[tuple[str, ...]] = [(name,) for name in _FIXED_PROPERTIES.get(resource_type, ())]
    if resource_type.startswith("Custom::"):
        return own
    folder, names = _schemas()
    schema = json.loads((folder / f"{names[resource_type]}.json").read_text())
    kinds = ("createOnlyProperties", "conditionalCreateOnlyProperties")
    pointers = [pointer for kind in kinds for pointer in schema.get(kind, [])]
    return own + [tuple(pointer.removeprefix("/properties/").split("/")) for pointer in pointers]


def _at(resource: Json, path: tuple[str, ...]) -> Any:
    value: Any = resource.get("Properties", {})
    for name in path:
        # The entries of a list have no names: the list is compared as a whole.
        value = value.get(name) if isinstance(value, dict) else value
    return value


def summary(template: Json) -> Json:
    """Return the parts of a translated template that `losses` reads of the old one."""
    resources = _stateful(template)
    for resource in resources.values():
        # The routes: large, and no part of the comparison.
        resource["Properties"].pop("Body", None)
    return {
        **{part: template[part] for part in ("Parameters", "Conditions", "Outputs")},
        "Resources": resources,
    }


if __name__ == "__main__":
    text = json.dumps(summary(translate(Path("/dev/stdin"), {})), indent=1, sort_keys=True)
    sys.stdout.write(text + "\n")
