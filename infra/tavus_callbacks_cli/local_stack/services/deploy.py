"""Making what the template declares in the embedded services, one function a resource type.

Not through moto's own CloudFormation: that loses TTL, lifecycle and public access settings in silence.
Here a type or property that nobody has given a meaning is an error.
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

NO_LOCAL_MEANING = {
    "AWS::ApiGatewayV2::ApiMapping": "joins the API to its own domain, of which there is none on loopback",
    "AWS::ApiGatewayV2::Stage": "its limits protect an account on AWS; here nobody needs them",
    "AWS::CloudFront::OriginAccessControl": "how CloudFront signs for S3: here by an access key of its own",
    "AWS::ApiGatewayV2::DomainName": "a certificate and a DNS name; --public-url stands in for it",
    "AWS::CloudWatch::Alarm": "nobody is called from here; tests/integration/test_alarms.py evaluates them",
    "AWS::CloudWatch::Dashboard": "a picture of CloudWatch's metrics; here `tavus-callbacks stats`",
    "AWS::IAM::Role": "the embedded services enforce no IAM; the policies are checked by tests/stack",
    "AWS::Lambda::Permission": "who may call a function: here the front alone does",
    "AWS::Logs::LogGroup": "logs are files in the state folder",
    "AWS::Logs::MetricFilter": "there is no access log; tests/integration/test_alarms.py applies them",
    "AWS::SNS::Topic": "nobody is called from here",
    "AWS::S3::BucketPolicy": "the embedded S3 reads no conditions: a Deny under one would deny everybody",
    "AWS::SQS::QueuePolicy": "the embedded EventBridge asks nobody; tests/security checks the policy itself",
}
READ_ELSEWHERE = {
    "AWS::ApiGatewayV2::Api": "routes.py reads the routes",
    "AWS::CloudFront::CachePolicy": "cdn.py passes its query strings on; there is no cache",
    "AWS::CloudFront::Distribution": "cdn.py serves it",
    "AWS::CloudFront::KeyGroup": "cdn.py trusts its keys",
    "AWS::CloudFront::PublicKey": "cdn.py verifies with it",
    "AWS::CloudFront::ResponseHeadersPolicy": "cdn.py adds the headers",
    "AWS::Events::Rule": "bus.py gives events of the default bus to its targets, schedules.py keeps time",
    "AWS::Lambda::EventInvokeConfig": "asynchronous.py repeats and keeps what failed",
    "AWS::Lambda::EventSourceMapping": "streams.py follows the stream, queues.py empties the queue",
    "AWS::Lambda::Function": "functions.py runs the handler",
}


@dataclass(frozen=True)
class Clients:
    """The boto3 clients of the embedded services; `items` gives every item of every table as JSON."""

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    secrets: "SecretsManagerClient"
    sqs: "SQSClient"
    events: "EventBridgeClient"
    items: "Callable[[], bytes]"


def check(template: "Template") -> None:
    """Raise click.ClickException naming the first resource that has no meaning here."""
    for resource in template.resources.values():
        _check(resource)


def deploy(template: "Template", clients: Clients) -> None:
    """Make every resource of a checked template in empty embedded services."""
    for resource_type in _DEPLOYERS:
        # What another names comes before it: a queue's dead queue.
        for resource in sorted(template.of_type(resource_type), key=_names_another):
            _make(resource, clients)


def _names_another(resource: "Resource") -> bool:
    return "RedrivePolicy" in resource.properties


def watched_buckets(template: "Template") -> list[str]:
    """Return the buckets whose objects EventBridge is told of."""
    return [
        bucket.name
        for bucket in template.of_type("AWS::S3::Bucket")
        if "NotificationConfiguration" in bucket.properties
    ]


def _check(resource: "Resource") -> None:
    is_custom = resource.type.startswith("Custom::")
    if not is_custom and resource.type not in {**NO_LOCAL_MEANING, **READ_ELSEWHERE, **_DEPLOYERS}:
        remedy = "give it a function or a reason in local_stack/services/deploy.py"
        raise uninterpretable(resource.logical_id, resource.type, remedy)
    known = _PROPERTIES.get(resource.type)
    for name in resource.properties if known else ():
        if name not in (known or ()):
            remedy = f"let infra/tavus_callbacks_cli/local/ interpret it for {resource.type}"
            raise uninterpretable(resource.logical_id, name, remedy)


def _make(resource: "Resource", clients: Clients) -> None:
    from botocore.exceptions import ClientError, ParamValidationError

    try:
        _DEPLOYERS[resource.type](resource, clients)
    except (ClientError, ParamValidationError) as error:
        remedy = "see whether the template or local_stack/services/deploy.py is wrong"
        raise uninterpretable(resource.logical_id, str(error), remedy) from error


def _make_table(resource: "Resource", clients: Clients) -> None:
    properties = resource.properties
    name = resource.name
    create = {key: properties[key] for key in _PASSED_TO_CREATE_TABLE if key in properties}
    if "StreamSpecification" in properties:
        create["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    clients.dynamodb.create_table(TableName=name, **create)
    if "TimeToLiveSpecification" in properties:
        ttl = properties["TimeToLiveSpecification"]
        clients.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    if "PointInTimeRecoverySpecification" in properties:
        recovery = properties["PointInTimeRecoverySpecification"]
        clients.dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def _make_bucket(resource: "Resource", clients: Clients) -> None:
    clients.s3.create_bucket(Bucket=resource.name)
    for key, configure in _BUCKET_SETTINGS.items():
        if key in resource.properties:
            configure(clients.s3, resource.name, resource.properties[key])


def _make_secret(resource: "Resource", clients: Clients) -> None:
    properties = dict(resource.properties)
    how: Any = properties.pop("GenerateSecretString", None)
    if how is not None:
        properties["SecretString"] = clients.secrets.get_random_password(**how)["RandomPassword"]
    clients.secrets.create_secret(Name=resource.name, **properties)


def _make_bus(resource: "Resource", clients: Clients) -> None:
    clients.events.create_event_bus(Name=resource.name)


def _make_rule(resource: "Resource", clients: Clients) -> None:
    """Make a rule of a bus of the stack's own; those of the default bus are bus.py's."""
    properties: dict[str, Any] = resource.properties
    bus = properties.get("EventBusName")
    if bus is None:
        return
    rule: Any = {name: properties[name] for name in ("Description", "State") if name in properties}
    clients.events.put_rule(
        Name=resource.name, EventBusName=bus, EventPattern=json.dumps(properties["EventPattern"]), **rule
    )
    clients.events.put_targets(Rule=resource.name, EventBusName=bus, Targets=properties["Targets"])


def _make_queue(resource: "Resource", clients: Clients) -> None:
    attributes: Any = {name: _plain(value) for name, value in resource.properties.items()}
    clients.sqs.create_queue(QueueName=resource.name, Attributes=attributes)


def _plain(value: Any) -> str:
    # SQS takes every attribute as text, those with members as JSON.
    return json.dumps(value) if isinstance(value, dict | bool) else str(value)


def _block_public_access(s3: "S3Client", bucket: str, setting: Any) -> None:
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=setting)


def _own(s3: "S3Client", bucket: str, setting: Any) -> None:
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=setting)


def _encrypt(s3: "S3Client", bucket: str, setting: Any) -> None:
    by_default = "ServerSideEncryptionByDefault"
    rules: Any = [
        {f"Apply{name}" if name == by_default else name: value for name, value in rule.items()}
        for rule in setting["ServerSideEncryptionConfiguration"]
    ]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def _version(s3: "S3Client", bucket: str, setting: Any) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=setting)


def _notify(s3: "S3Client", bucket: str, setting: Any) -> None:
    # For who asks the bucket; what is told of its objects, `watched_buckets` decides.
    if setting != {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}:
        remedy = "let infra/tavus_callbacks_cli/local_stack/services/object_events.py tell of it"
        raise uninterpretable(bucket, "a notification that is not for EventBridge", remedy)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def _allow_origins(s3: "S3Client", bucket: str, setting: Any) -> None:
    rules: list[Any] = [
        {_CORS_MEMBERS.get(name, name): value for name, value in rule.items()}
        for rule in setting["CorsRules"]
    ]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})


def _set_lifecycle(s3: "S3Client", bucket: str, setting: Any) -> None:
    rules: list[Any] = [_lifecycle_rule(bucket, rule) for rule in setting["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(bucket: str, rule: dict[str, Any]) -> dict[str, Any]:
    unknown = rule.keys() - _LIFECYCLE_MEMBERS.keys() - {"Prefix"}
    if unknown:
        remedy = "let local_stack/services/deploy.py interpret it"
        raise uninterpretable(bucket, f"lifecycle {', '.join(sorted(unknown))}", remedy)
    members = [_LIFECYCLE_MEMBERS[name](value) for name, value in rule.items() if name != "Prefix"]
    return dict([("Filter", {"Prefix": rule.get("Prefix", "")}), *members])


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
_BUCKET_SETTINGS: "dict[str, Callable[[S3Client, str, Any], None]]" = {
    "PublicAccessBlockConfiguration": _block_public_access,
    "OwnershipControls": _own,
    "BucketEncryption": _encrypt,
    "VersioningConfiguration": _version,
    "CorsConfiguration": _allow_origins,
    "LifecycleConfiguration": _set_lifecycle,
    "NotificationConfiguration": _notify,
}
_DEPLOYERS: "dict[str, Callable[[Resource, Clients], None]]" = {
    "AWS::DynamoDB::Table": _make_table,
    "AWS::S3::Bucket": _make_bucket,
    "AWS::SecretsManager::Secret": _make_secret,
    "AWS::SQS::Queue": _make_queue,
    "AWS::Events::EventBus": _make_bus,
    "AWS::Events::Rule": _make_rule,
}
_PASSED_TO_CREATE_TABLE = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "ProvisionedThroughput",
)
_PROPERTIES: dict[str, tuple[str, ...]] = {
    "AWS::DynamoDB::Table": (
        *_PASSED_TO_CREATE_TABLE,
        "DeletionProtectionEnabled",  # a stack here is thrown away whole
        "PointInTimeRecoverySpecification",
        "SSESpecification",  # which key encrypts: the embedded table is not encrypted at all
        "StreamSpecification",
        "TableName",
        "Tags",
        "TimeToLiveSpecification",
    ),
    "AWS::S3::Bucket": (*_BUCKET_SETTINGS, "BucketName", "Tags"),
    "AWS::Events::EventBus": ("Name",),  # named by the logical id, as everything here
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
        "Qualifier",  # there are no versions here
    ),
    "AWS::Lambda::EventSourceMapping": (
        "BatchSize",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "EventSourceArn",
        "FilterCriteria",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "ScalingConfig",  # one thread a queue
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "StartingPosition",  # a stack begins with an empty stream
    ),
    "AWS::SecretsManager::Secret": ("Description", "GenerateSecretString"),
    "AWS::SQS::Queue": (
        "DelaySeconds",
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
