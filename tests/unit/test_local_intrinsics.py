"""CloudFormation's functions have the value that CloudFormation would give them."""

from typing import Any

import click
import pytest

from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.local_stack.template.intrinsics import Names, Resolver, cdn_domain, fill_in
from tavus_callbacks_cli.local_stack.template.template import load_template

PLAIN: dict[str, Any] = {
    "Parameters": {
        "Days": {"Type": "Number", "Default": 0},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a,b"},
        "Bare": {"Type": "String"},
    },
    "Conditions": {
        "Expires": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Days"}, 0]}]},
        "Keeps": {"Fn::Not": [{"Condition": "Expires"}]},
        "Both": {"Fn::And": [{"Condition": "Expires"}, {"Condition": "Keeps"}]},
        "Either": {"Fn::Or": [{"Condition": "Expires"}, {"Condition": "Keeps"}]},
    },
    "Mappings": {"Sizes": {"small": {"memory": 128}}},
    "Resources": {
        "Events": {"Type": "AWS::DynamoDB::Table"},
        "Bodies": {"Type": "AWS::S3::Bucket"},
        "Named": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "mine"}},
        "Api": {"Type": "AWS::ApiGatewayV2::Api"},
        "Key": {"Type": "AWS::CloudFront::PublicKey"},
        "Cdn": {"Type": "AWS::CloudFront::Distribution"},
        "Secret": {"Type": "AWS::SecretsManager::Secret"},
        "Made": {"Type": "Custom::SigningKey"},
    },
}


def resolver(**parameters: str) -> Resolver:
    """Make a resolver of the template above."""
    return Resolver(PLAIN, parameters, Names(PLAIN["Resources"]))


@pytest.mark.parametrize(
    ("expected", "part"),
    [
        ("tavus-callbacks-local-Events", {"Ref": "Events"}),
        ("tavus-callbacks-local-bodies", {"Ref": "Bodies"}),
        ("mine", {"Ref": "Named"}),
        (
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:tavus-callbacks-local-Secret",
            {"Ref": "Secret"},
        ),
        (
            "arn:aws:dynamodb:us-east-1:123456789012:table/tavus-callbacks-local-Events/stream/local",
            {"Fn::GetAtt": ["Events", "StreamArn"]},
        ),
        ("us-east-1", {"Ref": "AWS::Region"}),
        ("0", {"Ref": "Days"}),
        (["a", "b"], {"Ref": "Zones"}),
        ("arn:aws:s3:::mine", {"Fn::GetAtt": ["Named", "Arn"]}),
        ("arn:aws:s3:::mine", {"Fn::GetAtt": "Named.Arn"}),
        ("mine.s3.us-east-1.amazonaws.com", {"Fn::GetAtt": ["Named", "RegionalDomainName"]}),
        ("arn:aws:s3:::mine/events/*", {"Fn::Sub": "${Named.Arn}/events/*"}),
        ("${Kept} 0 x", {"Fn::Sub": ["${!Kept} ${Days} ${Own}", {"Own": "x"}]}),
        ("a-b", {"Fn::Join": ["-", ["a", "b"]]}),
        ("b", {"Fn::Select": ["1", {"Ref": "Zones"}]}),
        (["a", "", "c", ""], {"Fn::Split": ["|", {"Fn::Join": ["|", ["a", "", "c", ""]]}]}),
        (128, {"Fn::FindInMap": ["Sizes", "small", "memory"]}),
        ("no", {"Fn::If": ["Expires", "yes", "no"]}),
        ({"a": 1}, {"a": 1, "b": {"Ref": "AWS::NoValue"}}),
        ([1], [1, {"Ref": "AWS::NoValue"}]),
        ({"Condition": {"Bool": "x"}}, {"Condition": {"Bool": "x"}}),
    ],
)
def test_functions_have_their_value(expected: Any, part: Any) -> None:
    """Each function is replaced by its value, and everything else stays unchanged."""
    assert expected == resolver().resolve(part, "Thing")


@pytest.mark.parametrize(
    ("expected", "condition", "parameters"),
    [
        (False, "Expires", {}),
        (True, "Expires", {"Days": "7"}),
        (True, "Keeps", {}),
        (False, "Both", {}),
        (True, "Either", {"Days": "7"}),
    ],
)
def test_conditions_follow_the_parameters(expected: bool, condition: str, parameters: dict[str, str]) -> None:
    """A resource exists exactly where its condition holds under the parameters given."""
    assert expected == resolver(**parameters).exists({"Condition": condition})


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("Fn::Base64", {"Fn::Base64": "x"}),
        ("Ref Nothing", {"Ref": "Nothing"}),
        ("Ref Bare", {"Ref": "Bare"}),
        ("GetAtt Events.StreamLabel", {"Fn::GetAtt": ["Events", "StreamLabel"]}),
        ("GetAtt Nothing.Arn", {"Fn::GetAtt": ["Nothing", "Arn"]}),
        ("Condition Nowhere", {"Fn::If": ["Nowhere", 1, 2]}),
    ],
)
def test_what_cannot_be_resolved_names_its_resource(what: str, part: Any) -> None:
    """The error says where in the template the problem is, what it is, and what to do."""
    with pytest.raises(click.ClickException) as caught:
        resolver().resolve(part, "Thing")

    assert f"template.yaml, Thing: {what} cannot be interpreted locally; " in caught.value.message


def test_an_override_of_no_parameter_is_an_error() -> None:
    """A mistyped parameter is not ignored."""
    with pytest.raises(click.ClickException, match="no parameter Dayz"):
        resolver(Dayz="7")


def test_an_override_that_aws_would_refuse_is_an_error() -> None:
    """A stack that could never deploy does not start here."""
    with pytest.raises(click.ClickException, match="SigningKeys must be one of"):
        load_template(REPOSITORY / "template.yaml", {"SigningKeys": "purple"})


def test_ids_of_cloudfront_look_like_its_own_and_stay() -> None:
    """Links hold the id of a key: it follows from the logical id alone."""
    key, distribution, domain = (
        resolver().resolve(part, "here")
        for part in ({"Ref": "Key"}, {"Ref": "Cdn"}, {"Fn::GetAtt": ["Cdn", "DomainName"]})
    )

    assert ("K", "E", 14, 14) == (key[0], distribution[0], len(key), len(distribution))
    assert key == resolver().resolve({"Ref": "Key"}, "there")
    assert cdn_domain(distribution) == domain
    assert domain.endswith(".cloudfront.net")


def test_what_a_custom_resource_answers_is_filled_in_later() -> None:
    """A placeholder stands for the answer of a custom resource until it exists."""
    part = {
        "keys": [{"Encoded": {"Fn::GetAtt": ["Made", "PublicKey"]}}],
        "text": {"Fn::Sub": "a ${Made.Id} b"},
    }
    marked = resolver().resolve(part, "here")
    filled = fill_in(marked, {"Made": {"PublicKey": "PEM\nPEM", "Id": 7}})

    assert {"keys": [{"Encoded": "PEM\nPEM"}], "text": "a 7 b"} == filled
