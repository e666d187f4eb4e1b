"""Event patterns match the events that EventBridge's documentation describes."""

import pytest

from tavus_callbacks_cli.local_stack.template.pattern import check, matches

EVENT = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "resources": ["arn:aws:s3:::ours"],
    "detail": {"bucket": {"name": "ours"}, "object": {"key": "tavus/c1/1.mp4", "size": 1048576}, "empty": ""},
    "nothing": None,
    "yes": True,
    "many": [{"name": "a"}, {"name": "b"}],
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"source": ["aws.s3"]}, True),
        ({"source": ["aws.ec2", "aws.s3"]}, True),
        ({"source": ["aws.ec2"]}, False),
        ({"source": []}, False),
        ({"source": ["aws.s3"], "detail-type": ["Object Deleted"]}, False),
        ({"resources": ["arn:aws:s3:::ours"]}, True),
        ({"detail": {"bucket": {"name": ["ours"]}}}, True),
        ({"detail": {"bucket": {"name": ["theirs"]}}}, False),
        ({"detail": {"other": {"name": ["ours"]}}}, False),
        ({"source": {"name": ["x"]}}, False),
        ({"many": {"name": ["b"]}}, True),
        ({"many": {"name": ["c"]}}, False),
        ({"nothing": [None]}, True),
        ({"absent": [None]}, False),
        ({"detail": {"empty": [""]}}, True),
        ({"yes": [True]}, True),
        ({"yes": [1]}, False),
        ({"detail": {"object": {"size": [True]}}}, False),
        ({"detail": {"object": {"key": [{"prefix": "tavus/"}]}}}, True),
        ({"detail": {"object": {"key": [{"prefix": "other/"}]}}}, False),
        ({"detail": {"object": {"size": [{"prefix": "1"}]}}}, False),
        ({"detail": {"object": {"key": [{"suffix": ".mp4"}]}}}, True),
        ({"source": [{"equals-ignore-case": "AWS.S3"}]}, True),
        ({"source": [{"anything-but": "aws.ec2"}]}, True),
        ({"source": [{"anything-but": ["aws.ec2", "aws.s3"]}]}, False),
        ({"source": [{"anything-but": {"prefix": "aws."}}]}, False),
        ({"absent": [{"anything-but": "x"}]}, False),
        ({"detail": {"object": {"size": [{"numeric": [">", 0, "<=", 1048576]}]}}}, True),
        ({"detail": {"object": {"size": [{"numeric": ["=", 5]}]}}}, False),
        ({"detail": {"object": {"key": [{"numeric": [">", 0]}]}}}, False),
        ({"yes": [{"numeric": [">", 0]}]}, False),
        ({"source": [{"exists": True}]}, True),
        ({"absent": [{"exists": True}]}, False),
        ({"absent": [{"exists": False}]}, True),
        ({"source": [{"exists": False}]}, False),
        ({"absent": {"deep": [{"exists": False}]}}, True),
        ({"detail": [{"exists": True}]}, False),
        ({"source": ["aws.ec2", {"prefix": "aws."}]}, True),
    ],
)
def test_a_pattern_takes_what_it_describes(pattern, expected):
    """Lists are alternatives, members are all asked for, operators are EventBridge's."""
    check(pattern)
    assert expected is matches(pattern, EVENT)


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ({"source": [{"wildcard": "aws.*"}]}, "wildcard"),
        ({"detail": {"x": [{"cidr": "10.0.0.0/8"}]}}, "cidr"),
        ({"source": [{"prefix": "a", "suffix": "b"}]}, "prefix, suffix"),
        ({"$or": [{"a": ["b"]}]}, r"\$or"),
        ({"source": "aws.s3"}, "not a pattern"),
        ([], "not a pattern"),
    ],
)
def test_what_is_not_understood_is_named(pattern, named):
    """An operator that is missing here is an error when the template is read."""
    with pytest.raises(ValueError, match=named):
        check(pattern)
