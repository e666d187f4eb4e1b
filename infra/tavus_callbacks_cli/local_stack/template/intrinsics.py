"""CloudFormation's intrinsic functions, resolved before any resource exists.

Physical names follow from logical ids, so every reference has a value and the order of deployment does not
matter. Anything else is an error that names the resource. Only the answer of a custom resource comes later:
a placeholder stands for it until `fill_in` replaces it.
"""

import hashlib
import re
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION, STACK
from tavus_callbacks_cli.local_stack.template.parameters import check_parameters, is_list, split_list

if TYPE_CHECKING:
    from collections.abc import Callable

API_HOST_SUFFIX = f"execute-api.{REGION}.amazonaws.com"

_NO_VALUE = object()
_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": _NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}
_NAME_PROPERTIES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
}
# CloudFront assigns ids instead of names. Ours follow from the logical id, so links survive a restart.
_ID_PREFIXES = {"AWS::CloudFront::Distribution": "E", "AWS::CloudFront::PublicKey": "K"}
_PLACEHOLDER = re.compile(r"<the answer of (\w+)\.(\w+)>")
_SUBSTITUTION = re.compile(r"\$\{(!?)([^}]+)\}")


def uninterpretable(where: str, what: str, remedy: str) -> click.ClickException:
    """Return the error for a part of the template that the local stack does not support."""
    return click.ClickException(f"template.yaml, {where}: {what} cannot be interpreted locally; {remedy}")


class Names:
    """The values of `Ref` and `GetAtt` for the resources of a template."""

    def __init__(self, resources: dict[str, dict[str, Any]]) -> None:
        self._resources = resources

    def __contains__(self, logical_id: str) -> bool:
        return logical_id in self._resources

    def name(self, logical_id: str) -> str:
        """Return the physical name: the template's own, or one derived from the logical id."""
        kind = self._resources[logical_id]["Type"]
        explicit = self._resources[logical_id].get("Properties", {}).get(_NAME_PROPERTIES.get(kind, ""))
        if isinstance(explicit, str):
            return explicit
        name = f"{STACK}-{logical_id}"
        if kind in _ID_PREFIXES:
            return _ID_PREFIXES[kind] + _digest(name).upper()
        return name.lower() if kind == "AWS::S3::Bucket" else name

    def reference(self, logical_id: str) -> str:
        """Return the value of `Ref`: the ARN of a secret or topic, the URL of a queue, the name of others."""
        kind = self._resources[logical_id]["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.name(logical_id)}"
        has_arn_reference = kind in ("AWS::SecretsManager::Secret", "AWS::SNS::Topic")
        return self._arn(logical_id) if has_arn_reference else self.name(logical_id)

    def attribute(self, logical_id: str, attribute: str) -> str:
        """Return an attribute; raises KeyError if it is unknown before deployment."""
        kind = self._resources[logical_id]["Type"]
        if kind.startswith("Custom::"):
            return f"<the answer of {logical_id}.{attribute}>"
        if attribute == "Arn":
            return self._arn(logical_id)
        bucket = f"{self.name(logical_id)}.s3"
        attributes = {
            ("AWS::CloudFront::Distribution", "DomainName"): cdn_domain(self.name(logical_id)),
            ("AWS::DynamoDB::Table", "StreamArn"): f"{self._table_arn(logical_id)}/stream/local",
            ("AWS::SQS::Queue", "QueueName"): self.name(logical_id),
            ("AWS::S3::Bucket", "DomainName"): f"{bucket}.amazonaws.com",
            ("AWS::S3::Bucket", "RegionalDomainName"): f"{bucket}.{REGION}.amazonaws.com",
            ("AWS::ApiGatewayV2::Api", "ApiEndpoint"): f"https://{self.name(logical_id)}.{API_HOST_SUFFIX}",
        }
        return attributes[kind, attribute]

    def _arn(self, logical_id: str) -> str:
        kind, name = self._resources[logical_id]["Type"], self.name(logical_id)
        in_account = f"{REGION}:{ACCOUNT}"
        arns = {
            "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{in_account}:alarm:{name}",
            "AWS::DynamoDB::Table": self._table_arn(logical_id),
            "AWS::Events::EventBus": f"arn:aws:events:{in_account}:event-bus/{name}",
            "AWS::Events::Rule": f"arn:aws:events:{in_account}:rule/{name}",
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{in_account}:function:{name}",
            "AWS::Logs::LogGroup": f"arn:aws:logs:{in_account}:log-group:{name}:*",
            "AWS::S3::Bucket": f"arn:aws:s3:::{name}",
            "AWS::SNS::Topic": f"arn:aws:sns:{in_account}:{name}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{in_account}:{name}",
            # Without the six characters that AWS adds; an ARN without them is valid too.
            "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{in_account}:secret:{name}",
        }
        return arns[kind]

    def _table_arn(self, logical_id: str) -> str:
        return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{self.name(logical_id)}"


def fill_in(part: Any, answers: dict[str, dict[str, Any]]) -> Any:
    """Replace placeholders by the answers of custom resources, by logical id and attribute."""
    if isinstance(part, dict):
        return {name: fill_in(member, answers) for name, member in part.items()}
    if isinstance(part, list):
        return [fill_in(member, answers) for member in part]
    if not isinstance(part, str):
        return part
    return _PLACEHOLDER.sub(lambda match: str(answers[match[1]][match[2]]), part)


def cdn_domain(distribution_id: str) -> str:
    """Return the domain name of a distribution, in CloudFront's form."""
    return f"d{_digest(distribution_id)}.cloudfront.net"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:13]


class Resolver:
    """Replaces every intrinsic function in a part of the template by its value."""

    def __init__(self, plain: dict[str, Any], parameters: dict[str, str], names: Names) -> None:
        self._conditions = plain.get("Conditions", {})
        self._mappings = plain.get("Mappings", {})
        self._names = names
        self._parameters = _parameter_values(plain.get("Parameters", {}), parameters)
        self._functions: dict[str, Callable[[Any, str], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::And": lambda parts, where: all(self._value(part, where) for part in parts),
            "Fn::Equals": lambda parts, where: len({str(self._value(part, where)) for part in parts}) == 1,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda parts, where: self._value(
                parts[1 if self._condition(parts[0], where) else 2], where
            ),
            "Fn::Join": lambda parts, where: str(parts[0]).join(map(str, self._value(parts[1], where))),
            "Fn::Not": lambda parts, where: not self._value(parts[0], where),
            "Fn::Or": lambda parts, where: any(self._value(part, where) for part in parts),
            "Fn::Select": lambda parts, where: self._value(parts[1], where)[
                int(self._value(parts[0], where))
            ],
            "Fn::Split": lambda parts, where: str(self._value(parts[1], where)).split(parts[0]),
            "Fn::Sub": self._sub,
        }

    def exists(self, part: dict[str, Any]) -> bool:
        """Tell whether a resource or output exists: it has no condition, or its condition is true."""
        return "Condition" not in part or self._condition(part["Condition"], "Conditions")

    def resolve(self, part: Any, where: str) -> Any:
        """Return the part with values in place of functions; errors name `where`."""
        value = self._value(part, where)
        return None if value is _NO_VALUE else value

    def _value(self, part: Any, where: str) -> Any:
        if isinstance(part, list):
            values = [self._value(each, where) for each in part]
            return [value for value in values if value is not _NO_VALUE]
        if not isinstance(part, dict):
            return part
        [name, *others] = part or [""]
        # "Condition" with a string is a function; with an object it is a member of an IAM statement.
        is_condition = name == "Condition" and isinstance(part[name], str)
        if not others and (name == "Ref" or name.startswith("Fn::") or is_condition):
            if name not in self._functions:
                raise uninterpretable(where, name, "add it to local_stack/template/intrinsics.py")
            return self._functions[name](part[name], where)
        members = {name: self._value(value, where) for name, value in part.items()}
        return {name: value for name, value in members.items() if value is not _NO_VALUE}

    def _ref(self, name: str, where: str) -> Any:
        if name in self._names:
            return self._names.reference(name)
        values = {**_PSEUDO_PARAMETERS, **self._parameters}
        if name not in values:
            raise uninterpretable(where, f"Ref {name}", "declare it, or give the parameter a default")
        return values[name]

    def _get_att(self, argument: str | list[str], where: str) -> str:
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        try:
            return self._names.attribute(logical_id, attribute)
        except KeyError:
            remedy = "add it to Names in local_stack/template/intrinsics.py"
            raise uninterpretable(where, f"GetAtt {logical_id}.{attribute}", remedy) from None

    def _sub(self, argument: str | list[Any], where: str) -> str:
        text, extra = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in extra:
                return str(self._value(extra[name], where))
            return str(self._get_att(name, where) if "." in name else self._ref(name, where))

        return _SUBSTITUTION.sub(value, text)

    def _condition(self, name: str, where: str) -> bool:
        if name not in self._conditions:
            raise uninterpretable(where, f"Condition {name}", "declare it under Conditions")
        return bool(self._value(self._conditions[name], f"Conditions.{name}"))

    def _find_in_map(self, argument: list[Any], where: str) -> Any:
        name, first, second = (self._value(part, where) for part in argument)
        return self._value(self._mappings[name][first][second], where)


def _parameter_values(declared: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    check_parameters(declared, given)
    values = {name: given.get(name, declaration.get("Default")) for name, declaration in declared.items()}
    # CloudFormation passes every scalar on as a string, numbers too.
    texts = {name: str(value) for name, value in values.items() if value is not None}
    return {
        name: split_list(text) if is_list(declared[name]["Type"]) else text for name, text in texts.items()
    }
