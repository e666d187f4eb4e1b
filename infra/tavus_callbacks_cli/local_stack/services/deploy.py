"""Creates the resources of a template in the embedded services, one function per resource type.

Moto's own CloudFormation silently loses TTL, lifecycle and public access settings. Here an unsupported type
or property is an error.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

NOT_NEEDED_LOCALLY = {
    "AWS::ApiGatewayV2::ApiMapping": "joins the API to its own domain, which a local stack does not have",
    "AWS::ApiGatewayV2::Stage": "its throttle protects an AWS account, which a local stack does not have",
    "AWS::CloudFront::OriginAccessControl": "how CloudFront signs for S3; here it has its own access key",
    "AWS::ApiGatewayV2::DomainName": "a certificate and a DNS name; --public-url replaces it",
    "AWS::CloudWatch::Alarm": "it notifies people; tests/integration/test_alarms.py evaluates alarms",
    "AWS::CloudWatch::Dashboard": "a view of CloudWatch's metrics; use `tavus-callbacks stats` here",
    "AWS::IAM::Role": "the embedded services enforce no IAM; tests/stack checks the policies",
    "AWS::Lambda::Permission": "who may call a function; here only the local stack does",
    "AWS::Logs::LogGroup": "logs are files in the state folder",
    "AWS::Logs::MetricFilter": "there is no access log; tests/integration/test_alarms.py applies them",
    "AWS::SNS::Topic": "a local stack notifies nobody",
    "AWS::S3::BucketPolicy": "the embedded S3 ignores conditions: a Deny with one would deny every request",
    "AWS::SQS::QueuePolicy": "the embedded EventBridge ignores it; tests/security checks the policy",
}
READ_ELSEWHERE = {
    "AWS::ApiGatewayV2::Api": "http/routes.py reads the routes",
    "AWS::CloudFront::CachePolicy": "cdn/ passes its query strings on; there is no cache",
    "AWS::CloudFront::Distribution": "cdn/ serves it",
    "AWS::CloudFront::KeyGroup": "cdn/ trusts its keys",
    "AWS::CloudFront::PublicKey": "cdn/ verifies with it",
    "AWS::CloudFront::ResponseHeadersPolicy": "cdn/ adds the headers",
    "AWS::Events::Rule": "triggers/event_bus.py delivers events, triggers/schedules.py runs schedules",
    "AWS::Lambda::EventInvokeConfig": "functions/async_invocations.py retries, and writes dead letters",
    "AWS::Lambda::EventSourceMapping": "triggers/streams.py reads streams, triggers/queues.py reads queues",
    "AWS::Lambda::Function": "functions/local_function.py runs the handler",
}


@dataclass(frozen=True)
class Clients:
    """The boto3 clients of the embedded services."""

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    secrets: "SecretsManagerClient"
    sqs: "SQSClient"
    events: "EventBridgeClient"


def check_resources(template: "Template") -> None:
    """Raise click.ClickException naming the first resource that is not supported."""
    types = {**NOT_NEEDED_LOCALLY, **READ_ELSEWHERE, **_DEPLOYERS}
    for resource in template.resources.values():
        if not resource.type.startswith("Custom::") and resource.type not in types:
            remedy = "give it a function or a reason in local_stack/services/deploy.py"
            raise uninterpretable(resource.logical_id, resource.type, remedy)
        supported = _PROPERTIES.get(resource.type, resource.properties.keys())
        for name in resource.properties:
            if name not in supported:
                remedy = f"let infra/tavus_callbacks_cli/local_stack/ interpret it for {resource.type}"
                raise uninterpretable(resource.logical_id, name, remedy)


def deploy(template: "Template", clients: Clients) -> None:
    """Create every resource of a checked template in empty embedded services."""
    from botocore.exceptions import ClientError, ParamValidationError

    for resource_type, create in _DEPLOYERS.items():
        # A dead-letter queue comes before the queue that names it.
        resources = sorted(
            template.of_type(resource_type), key=lambda each: "RedrivePolicy" in each.properties
        )
        for resource in resources:
            try:
                create(resource, clients)
            except (ClientError, ParamValidationError) as error:
                remedy = "see whether the template or local_stack/services/deploy.py is wrong"
                raise uninterpretable(resource.logical_id, str(error), remedy) from error


def buckets_with_events(template: "Template") -> list[str]:
    """Return the buckets that send the events of their objects to EventBridge."""
    return [
        bucket.name
        for bucket in template.of_type("AWS::S3::Bucket")
        if "NotificationConfiguration" in bucket.properties
    ]


def _create_table(resource: "Resource", clients: Clients) -> None:
    properties = resource.properties
    name = resource.name
    create = {key: properties[key] for key in _CREATE_TABLE_MEMBERS if key in properties}
    if "StreamSpecification" in properties:
        create["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    clients.dynamodb.create_table(TableName=name, **create)
    if "TimeToLiveSpecification" in properties:
        ttl = properties["TimeToLiveSpecification"]
        clients.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    if "PointInTimeRecoverySpecification" in properties:
        recovery = properties["PointInTimeRecoverySpecification"]
        clients.dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def _create_bucket(resource: "Resource", clients: Clients) -> None:
    clients.s3.create_bucket(Bucket=resource.name)
    for name, (method, argument, convert) in _BUCKET_SETTINGS.items():
        if name in resource.properties:
            setting = convert(resource.name, resource.properties[name])
            getattr(clients.s3, method)(Bucket=resource.name, **{argument: setting})


def _create_secret(resource: "Resource", clients: Clients) -> None:
    properties = dict(resource.properties)
    generate: Any = properties.pop("GenerateSecretString", None)
    if generate is not None:
        properties["SecretString"] = clients.secrets.get_random_password(**generate)["RandomPassword"]
    clients.secrets.create_secret(Name=resource.name, **properties)


def _create_rule(resource: "Resource", clients: Clients) -> None:
    """Create a rule of a custom event bus; triggers/event_bus.py runs the rules of the default bus."""
    properties: dict[str, Any] = resource.properties
    bus = properties.get("EventBusName")
    if bus is None:
        return
    rule: Any = {name: properties[name] for name in ("Description", "State") if name in properties}
    # CloudFormation takes a pattern as an object or as its JSON text.
    pattern: dict[str, Any] | str = properties["EventPattern"]
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    clients.events.put_rule(Name=resource.name, EventBusName=bus, EventPattern=text, **rule)
    clients.events.put_targets(Rule=resource.name, EventBusName=bus, Targets=properties["Targets"])


def _create_queue(resource: "Resource", clients: Clients) -> None:
    # SQS takes every attribute as a string, and objects as JSON.
    attributes: Any = {
        name: json.dumps(value) if isinstance(value, dict | bool) else str(value)
        for name, value in resource.properties.items()
    }
    clients.sqs.create_queue(QueueName=resource.name, Attributes=attributes)


def _encryption(_bucket: str, setting: Any) -> Any:
    by_default = "ServerSideEncryptionByDefault"
    rules = [
        {f"Apply{name}" if name == by_default else name: value for name, value in rule.items()}
        for rule in setting["ServerSideEncryptionConfiguration"]
    ]
    return {"Rules": rules}


def _notification(bucket: str, setting: Any) -> Any:
    # This only answers a client that reads the setting; `buckets_with_events` decides about events.
    if setting != {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}:
        remedy = "let infra/tavus_callbacks_cli/local_stack/services/object_events.py announce it"
        raise uninterpretable(bucket, "a notification that is not for EventBridge", remedy)
    return {"EventBridgeConfiguration": {}}


def _cors(_bucket: str, setting: Any) -> Any:
    rules = setting["CorsRules"]
    renamed = [{_CORS_MEMBERS.get(name, name): value for name, value in rule.items()} for rule in rules]
    return {"CORSRules": renamed}


def _lifecycle(bucket: str, setting: Any) -> Any:
    rules = []
    for rule in setting["Rules"]:
        unknown = rule.keys() - _LIFECYCLE_MEMBERS.keys() - {"Prefix"}
        if unknown:
            remedy = "let local_stack/services/deploy.py interpret it"
            raise uninterpretable(bucket, f"lifecycle {', '.join(sorted(unknown))}", remedy)
        members = [_LIFECYCLE_MEMBERS[name](value) for name, value in rule.items() if name != "Prefix"]
        rules.append(dict([("Filter", {"Prefix": rule.get("Prefix", "")}), *members]))
    return {"Rules": rules}


def _unchanged(_bucket: str, setting: Any) -> Any:
    return setting


_CORS_MEMBERS = {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}
_LIFECYCLE_MEMBERS: "dict[str, Callable[[Any], tuple[str, Any]]]" = {
    "Id": lambda value: ("ID", value),
    "Status": lambda value: ("Status", value),
    "ExpirationInDays": lambda value: ("Expiration", {"Days": int(value)}),
    "AbortIncompleteMultipartUpload": lambda value: ("AbortIncompleteMultipartUpload", value),
    "NoncurrentVersionExpiration": lambda value: (
        "NoncurrentVersionExpiration",
        {"NoncurrentDays": int(value["NoncurrentDays"])},
    ),
    "ExpiredObjectDeleteMarker": lambda value: ("Expiration", {"ExpiredObjectDeleteMarker": value}),
}
# For each property: the method of S3 and its argument, and the conversion of the property into that argument.
_BUCKET_SETTINGS: "dict[str, tuple[str, str, Callable[[str, Any], Any]]]" = {
    "PublicAccessBlockConfiguration": (
        "put_public_access_block",
        "PublicAccessBlockConfiguration",
        _unchanged,
    ),
    "OwnershipControls": ("put_bucket_ownership_controls", "OwnershipControls", _unchanged),
    "BucketEncryption": ("put_bucket_encryption", "ServerSideEncryptionConfiguration", _encryption),
    "VersioningConfiguration": ("put_bucket_versioning", "VersioningConfiguration", _unchanged),
    "CorsConfiguration": ("put_bucket_cors", "CORSConfiguration", _cors),
    "LifecycleConfiguration": ("put_bucket_lifecycle_configuration", "LifecycleConfiguration", _lifecycle),
    "NotificationConfiguration": (
        "put_bucket_notification_configuration",
        "NotificationConfiguration",
        _notification,
    ),
}
_DEPLOYERS: "dict[str, Callable[[Resource, Clients], object]]" = {
    "AWS::DynamoDB::Table": _create_table,
    "AWS::S3::Bucket": _create_bucket,
    "AWS::SecretsManager::Secret": _create_secret,
    "AWS::SQS::Queue": _create_queue,
    "AWS::Events::EventBus": lambda bus, clients: clients.events.create_event_bus(Name=bus.name),
    "AWS::Events::Rule": _create_rule,
}
_CREATE_TABLE_MEMBERS = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "ProvisionedThroughput",
)
_PROPERTIES: dict[str, tuple[str, ...]] = {
    "AWS::DynamoDB::Table": (
        *_CREATE_TABLE_MEMBERS,
        "DeletionProtectionEnabled",  # a local stack is removed as a whole
        "PointInTimeRecoverySpecification",
        "SSESpecification",  # the embedded table is not encrypted
        "StreamSpecification",
        "TableName",
        "Tags",
        "TimeToLiveSpecification",
    ),
    "AWS::S3::Bucket": (*_BUCKET_SETTINGS, "BucketName", "Tags"),
    "AWS::Events::EventBus": ("Name",),  # the logical id names it, as every resource here
    "AWS::Events::Rule": (
        "Description",
        "EventBusName",
        "EventPattern",
        "ScheduleExpression",
        "State",
        "Targets",
    ),
    "AWS::Lambda::EventInvokeConfig": (
        "DestinationConfig",
        "FunctionName",
        "MaximumRetryAttempts",
        "Qualifier",  # local functions have no versions
    ),
    "AWS::Lambda::EventSourceMapping": (
        "BatchSize",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "EventSourceArn",
        "FilterCriteria",
        "FunctionName",
        "FunctionResponseTypes",
        "ScalingConfig",  # each queue has one thread
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "StartingPosition",  # a local stack starts with an empty stream
    ),
    "AWS::SecretsManager::Secret": ("Description", "GenerateSecretString"),
    "AWS::SQS::Queue": (
        "DelaySeconds",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "VisibilityTimeout",
    ),
    "AWS::Lambda::Function": (
        "Architectures",  # this machine's own
        "Code",
        "Description",
        "Environment",
        "Handler",
        "LoggingConfig",  # a file in the state folder
        "MemorySize",
        "Role",  # no IAM here
        "Runtime",
        "Tags",
        "Timeout",
    ),
}
