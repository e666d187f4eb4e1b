"""The template deploys under every combination of its parameters: references, order, routes, names."""

import copy
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from combinations import Combinations
from tavus_callbacks_cli.local_stack.template.template import load_template, translate

ROOT = Path(__file__).parents[2]
# The property that gives a resource of each type its name; None if the type has no name in the account.
NAMES = {
    "AWS::ApiGatewayV2::Api": "Name",
    "AWS::ApiGatewayV2::ApiMapping": None,
    "AWS::ApiGatewayV2::DomainName": "DomainName",
    "AWS::ApiGatewayV2::Stage": None,
    "AWS::CloudFront::CachePolicy": "CachePolicyConfig.Name",
    "AWS::CloudFront::Distribution": None,
    "AWS::CloudFront::KeyGroup": "KeyGroupConfig.Name",
    "AWS::CloudFront::OriginAccessControl": "OriginAccessControlConfig.Name",
    "AWS::CloudFront::PublicKey": "PublicKeyConfig.Name",
    "AWS::CloudFront::ResponseHeadersPolicy": "ResponseHeadersPolicyConfig.Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::EventInvokeConfig": None,
    "AWS::Lambda::EventSourceMapping": None,
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::Permission": None,
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::MetricFilter": "FilterName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::S3::BucketPolicy": None,
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SQS::QueuePolicy": None,
    "AWS::SecretsManager::Secret": "Name",
    "Custom::SigningKey": None,
}
MOST_RESOURCES = 65
KEY = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tavus-key-Ab1Cd2"
METHODS = {"get", "post"}


@pytest.fixture(scope="module")
def template():
    """Return the translated template."""
    return translate(ROOT / "template.yaml", {})


def dangling(template):
    """Return the references to what does not exist, each with a combination of parameters that shows it."""
    combinations = Combinations(template)
    resources, known = template["Resources"], template["Parameters"].keys()
    found = []
    for source, target, under in combinations.references():
        if target.startswith("AWS::") or target in known:
            continue
        missing = under & ~combinations.exists(resources[target]) if target in resources else under
        if missing:
            found.append((source, target, combinations.example(missing)))
    return found


def cycle(template):
    """Return the resources of a cycle, or None; references of any combination count."""
    graph = {name: set() for name in template["Resources"]}
    for source, target, under in Combinations(template).references():
        if under and source in graph and target in graph:
            graph[source].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def unknown_routes(template):
    """Return the keys of RouteSettings without a route under some combination of parameters."""
    combinations = Combinations(template)
    routes = {}
    for path, method, under in declared_routes(template, combinations):
        key = f"{method.upper()} {path}"
        routes[key] = routes.get(key, 0) | under
    return [key for key, under in limited_routes(template, combinations) if under & ~routes.get(key, 0)]


def declared_routes(template, combinations):
    """Yield path, method and combinations of each route of the API."""
    for paths, first in combinations.branches(
        template["Resources"]["Api"]["Properties"]["Body"]["paths"], combinations.all
    ):
        for path, item in paths.items():
            for methods, second in combinations.branches(item, first):
                for method, operation in methods.items():
                    if method in METHODS:
                        for _, under in combinations.branches(operation, second):
                            yield path, method, under


def limited_routes(template, combinations):
    """Yield the keys of RouteSettings, and their combinations."""
    [stage] = [each for each in template["Resources"].values() if each["Type"] == "AWS::ApiGatewayV2::Stage"]
    for settings, first in combinations.branches(stage["Properties"]["RouteSettings"], combinations.all):
        for key, limits in settings.items():
            for _, under in combinations.branches(limits, first):
                yield key, under


def test_all_combinations_of_parameters_are_checked(template):
    """The conditions tell tens of thousands of combinations apart, and each parameter in them takes part."""
    combinations = Combinations(template)

    assert combinations.count >= 2**14
    assert combinations.all == combinations.where("Push", "on") | combinations.where("Push", "off")
    assert (
        "blue,green" == combinations.example(combinations.where("SigningKeys", "blue,green"))["SigningKeys"]
    )


def test_no_reference_dangles(template):
    """Ref, GetAtt, Sub, DependsOn and outputs name only what exists under the same combination."""
    assert [] == dangling(template)


def test_no_resource_waits_for_itself(template):
    """CloudFormation refuses a cycle of references."""
    assert cycle(template) is None


def test_each_limited_route_exists(template):
    """API Gateway refuses a stage whose RouteSettings name a route that the API does not have."""
    assert [] == unknown_routes(template)


def test_callbacks_share_no_limit_with_readers(template):
    """Each reading route has limits of its own, and the callback routes have those of the stage."""
    combinations = Combinations(template)
    limited = {key for key, _ in limited_routes(template, combinations)}
    routes = {f"{method.upper()} {path}" for path, method, _ in declared_routes(template, combinations)}

    assert {key for key in routes if "/callbacks/" not in key} == limited


def test_each_route_calls_its_function_as_the_handlers_expect(template):
    """Lambda proxy integrations get events of payload 2.0, and a path declares the parameters in it."""
    for path, item in template["Resources"]["Api"]["Properties"]["Body"]["paths"].items():
        assert re.findall(r"{(.+?)}", path) == [each["name"] for each in item.get("parameters", [])]
        for method in METHODS & item.keys():
            integration = dict(item[method]["x-amazon-apigateway-integration"])
            assert ("Receive" if "/callbacks/" in path else "Read") in str(integration.pop("uri"))
            assert {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "payloadFormatVersion": "2.0",
            } == integration


def test_the_page_names_the_limits_of_the_routes(template):
    """docs/parameters.md has the constants: the stage's burst, and rate and burst of a reading route."""
    [stage] = [each for each in template["Resources"].values() if each["Type"] == "AWS::ApiGatewayV2::Stage"]
    stage = stage["Properties"]
    [reading] = {tuple(each.items()) for each in stage["RouteSettings"].values()}
    limits = dict(reading)
    page = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")

    burst = stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]
    assert f"The whole stage: `ThrottleRate` requests a second, with bursts of {burst}." in page
    rate, burst = limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]
    assert f"Each reading route: {rate} requests a second, with bursts of {burst}." in page


def without_condition(template):
    """Let a resource exist although what it refers to does not."""
    del template["Resources"]["ResolveFunction"]["Condition"]


def other_condition(template):
    """Choose a secret that does not exist under `SigningKeys=green`."""
    variables = template["Resources"]["ReadFunction"]["Properties"]["Environment"]["Variables"]
    variables["SIGNING_SECRET"] = {
        "Fn::If": ["HasRecordings", {"Ref": "BlueSecret"}, {"Ref": "AWS::NoValue"}]
    }


def without_resource(template):
    """Remove a resource that a text names."""
    del template["Resources"]["FailedBucketPolicy"], template["Resources"]["FailedBucket"]


def output_without_condition(template):
    """Let an output exist although its resource does not."""
    del template["Outputs"]["EventBusArn"]["Condition"]


@pytest.mark.parametrize(
    ("break_it", "source", "target"),
    [
        (without_condition, "ResolveFunction", "RecordingsBucket"),
        (other_condition, "ReadFunction", "BlueSecret"),
        (without_resource, "PushRole", "FailedBucket"),
        (output_without_condition, "EventBusArn", "EventBus"),
    ],
)
def test_a_dangling_reference_is_found(template, break_it, source, target):
    """The walk reports source and target of what a change breaks."""
    broken = copy.deepcopy(template)
    break_it(broken)

    assert (source, target) in {found[:2] for found in dangling(broken)}


def test_a_cycle_is_found(template):
    """A function that names its own API refers to itself through the routes."""
    broken = copy.deepcopy(template)
    variables = broken["Resources"]["ReadFunction"]["Properties"]["Environment"]["Variables"]
    variables["API"] = {"Fn::Sub": "https://${Api}.example.com"}

    assert {"Api", "ReadFunction"} <= set(cycle(broken))


@pytest.mark.parametrize("item", [{}, {"Fn::If": ["HasRecordings", {"get": {}}, {"Ref": "AWS::NoValue"}]}])
def test_a_limit_without_its_route_is_found(template, item):
    """A route that is removed, or exists under some combinations only, needs the same for its limits."""
    broken = copy.deepcopy(template)
    broken["Resources"]["Api"]["Properties"]["Body"]["paths"]["/videos"] = item

    assert ["GET /videos"] == unknown_routes(broken)


def fixed_names(template):
    """Return the names that the template fixes, by logical id, as docs/parameters.md writes them."""
    names = {}
    for logical_id, resource in template["Resources"].items():
        value = resource.get("Properties", {})
        for part in (NAMES[resource["Type"]] or "no name").split("."):
            value = value.get(part) or {}
        if value:
            text = value.get("Fn::Sub") or f"${{{value['Ref']}}}" if isinstance(value, dict) else value
            names[logical_id] = re.sub(
                r"\$\{(?:AWS::)?(\w+?)(?:Name)?\}", lambda match: WORDS[match[1]], text
            )
    return names


WORDS = {"Stack": "STACK", "Region": "REGION", "Domain": "DomainName"}


def test_the_page_lists_every_fixed_name(template):
    """A fixed name can collide with another stack's, so docs/parameters.md has it beside its resource."""
    page = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8").partition("\n## Fixed names\n")[2]
    documented = {
        resource: name
        for resources, names in re.findall(
            r"^- ((?:`\w+`,? ?)+): ((?:`[^`]+`(?:, (?=`))?)+)", page, re.MULTILINE
        )
        for resource, name in zip(
            re.findall(r"`(.+?)`", resources), re.findall(r"`(.+?)`", names) * 9, strict=False
        )
    }

    assert fixed_names(template) == documented


def test_the_default_stack_is_small():
    """Recordings and pushes are on; everything else that costs or counts is opt-in."""
    resources = load_template(ROOT / "template.yaml").resources

    assert {"RecordingsBucket", "EventBus"} <= resources.keys()
    assert len(resources) <= MOST_RESOURCES


def test_each_function_of_the_api_has_one_permission(template):
    """Only this API may call it, by any of its routes."""
    permissions = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Permission"
        and resource["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]

    assert [{"Ref": "ReceiveFunction"}, {"Ref": "ReadFunction"}] == [
        each["FunctionName"] for each in permissions
    ]
    assert all(each["SourceArn"]["Fn::Sub"].endswith(":${Api}/*") for each in permissions)


def test_every_queue_takes_messages_of_one_mebibyte(template):
    """The limit is explicit, because SQS's default has changed."""
    queues = [each for each in template["Resources"].values() if each["Type"] == "AWS::SQS::Queue"]

    assert [1024 * 1024] * 4 == [queue["Properties"]["MaximumMessageSize"] for queue in queues]


def test_the_access_log_does_not_fill_the_policy_of_the_account(template):
    """Its group begins with /aws/vendedlogs/, and a stack has a group of its own."""
    name = template["Resources"]["AccessLogs"]["Properties"]["LogGroupName"]

    assert {"Fn::Sub": "/aws/vendedlogs/${AWS::StackName}"} == name


@pytest.mark.parametrize(
    ("key", "rate"), [("", "rate(15 minutes)"), (KEY, "rate(5 minutes)")], ids=["none", "key"]
)
def test_the_schedule_follows_the_key(key, rate):
    """Without a key to ask Tavus with, open conversations are checked less often."""
    rules = load_template(ROOT / "template.yaml", {"TavusApiKeyArn": key}).of_type("AWS::Events::Rule")

    assert [rate] == [
        rule.properties["ScheduleExpression"] for rule in rules if "ScheduleExpression" in rule.properties
    ]
