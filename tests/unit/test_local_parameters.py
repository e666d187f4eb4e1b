"""`local` takes the values of parameters that CloudFormation would take."""

import re

import click
import pytest

from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.local_stack.template.parameters import check_parameters

# The ARN of a secret in the folder `prod`, without the end of its name.
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod"

NO_PUSH_TYPES = (
    *("", "transcript", "transcripts.ready", "conversation.end", "*.ready", "callback.", "callback.a*b"),
    *("transcript.ready,", 'callback."x', "Transcript.ready", "conversation.ready"),
)


@pytest.fixture(scope="module")
def declared():
    """Read the parameters of the project's template."""
    from samtranslator.yaml_helper import yaml_parse

    return yaml_parse((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))["Parameters"]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("SigningKeys", "purple", 'one of "blue", "blue,green", "green,blue", "green"'),
        ("Recordings", "On", 'one of "on", "off"'),
        ("LogRetentionDays", "2", 'one of "1", "3", "5"'),
        ("QuarantineRetentionDays", "abc", "a number at least 1"),
        ("QuarantineRetentionDays", "-5", "a number at least 1"),
        ("SilenceHours", "25", "a number at least 0 and at most 24"),
        ("SilenceHours", "nan", "a number at least 0 and at most 24"),
        ("ThrottleRate", "1_000", "a number at least 1"),
        ("RecordingExternalId", "x", "a text of at least 2 characters"),
        ("TavusApiKeyArn", f"{SECRET}/key", "of the form (arn:"),
        ("TavusApiKeyArn", f"{SECRET}/tavus-key", "of the form (arn:"),
        ("PushUrl", "ftp://localhost/", r"of the form (https://\S+)?"),
        *[("PushTypes", each, "types of pushes such as transcript.ready") for each in NO_PUSH_TYPES],
    ],
)
def test_a_value_that_cloudformation_refuses_is_refused(declared, name, value, allowed):
    """The error names the parameter and the allowed values, and never repeats a value."""
    with pytest.raises(click.ClickException) as refused:
        check_parameters(declared, {"Push": "on", name: value})

    assert f"{name} must be {allowed}" in refused.value.message
    assert f"{name}={value}" not in refused.value.message
    assert "Push must" not in refused.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SigningKeys", "green,blue"),
        ("SilenceHours", "24"),
        ("ThrottleRate", "1.5"),
        ("LogRetentionDays", "30"),
        ("CdnAllowedOrigins", "https://a.example.com,https://b.example.com"),
        ("TavusApiKeyArn", ""),
        ("TavusApiKeyArn", f"{SECRET}/tavus-key-Ab1Cd2"),
        ("PushUrl", "https://example.com/in"),
        ("PushTypes", "transcript.ready, recording.*"),
        ("PushTypes", "*"),
        ("PushTypes", ",".join(f"callback.{name}" for name in ("*", "system.*", "video.ready", "x-y_z"))),
    ],
)
def test_a_value_that_cloudformation_takes_is_taken(declared, name, value):
    """Up to the bounds, as text, as a list, or empty where the pattern lets it."""
    check_parameters(declared, {name: value})


def test_every_type_of_push_can_be_chosen(declared):
    """Those of the table in docs/consume.md, those of each kind of resource, and the beginnings of all."""
    page = (REPOSITORY / "docs" / "consume.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[a-z]+\..*?) \|", page.partition("\nEvery push has")[0], re.MULTILINE)
    documented = set(re.findall(r"`([a-z]+\.[a-z]+)`", " ".join(cells)))
    resources = {f"{kind}.{status}" for kind in KINDS[1:] for status in ("ready", "failed")}
    types = documented | resources
    choices = types | {f"{name.partition('.')[0]}.*" for name in types}

    assert documented >= {"conversation.erased", "recording.failed", "replica.ready"}
    check_parameters(declared, {"PushTypes": ",".join(choices)})


def test_every_default_of_the_template_is_taken(declared):
    """The defaults of the template are valid."""
    check_parameters(declared, {name: str(one["Default"]) for name, one in declared.items()})


def test_pushes_may_go_to_a_server_of_ones_own_without_tls(declared):
    """The one difference from AWS: a developer's server listens on plain HTTP."""
    check_parameters(declared, {"PushUrl": "http://localhost:5000/pushes"})


@pytest.mark.parametrize(("value", "is_taken"), [("1,2", True), ("1,x", False), ("1,11", False)])
def test_each_value_of_a_list_is_checked(value, is_taken):
    """One bad value makes a list bad."""
    declared = {"Days": {"Type": "List<Number>", "MaxValue": 10}}
    if is_taken:
        check_parameters(declared, {"Days": value})
    else:
        with pytest.raises(click.ClickException, match=r"Days must be a number at most 10\."):
            check_parameters(declared, {"Days": value})


def test_all_that_is_wrong_is_said_at_once(declared):
    """Nobody starts twice to learn of two mistakes."""
    with pytest.raises(click.ClickException) as refused:
        check_parameters(declared, {"SigningKeys": "purple", "ThrottleRate": "0"})

    assert 2 == refused.value.message.count(" must be ")
