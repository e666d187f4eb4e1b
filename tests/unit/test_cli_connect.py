"""`connect`: bodies that Tavus takes, with this stack's values, and what to know beside them."""

import json
import shlex
from typing import Any

import pytest
from click.testing import CliRunner, Result

from samples import TOKEN
from tavus_callbacks_cli import deployed
from tavus_callbacks_cli.local import registry
from tavus_callbacks_cli.local.registry import RunningStack
from tavus_callbacks_cli.main import main

ROLE = "arn:aws:iam::123456789012:role/recording"
STORAGE = {
    "enable_recording": True,
    "recording_storage": {
        "provider": "s3",
        "s3": {
            "bucket_name": "recordings",
            "bucket_region": "us-east-1",
            "assume_role_arn": ROLE,
            "external_id": "tavus",
        },
    },
}
OLDER = {
    "enable_recording": True,
    "recording_s3_bucket_name": "recordings",
    "recording_s3_bucket_region": "us-east-1",
    "aws_assume_role_arn": ROLE,
}
START = "await call.join({url: conversation_url}); await call.startRecording();"


def outputs(external_id: str = "tavus") -> dict[str, str]:
    """Return the outputs of a stack with recordings."""
    storage = json.dumps(STORAGE).replace('"tavus"', json.dumps(external_id))
    return {
        "ApiUrl": "http://127.0.0.1:9001",
        "RecordingsBucketName": "recordings",
        "RecordingStorage": storage,
        "RecordingProperties": json.dumps(OLDER),
        "RecordingStart": START,
    }


@pytest.fixture
def running(monkeypatch):
    """Let one local stack run whose outputs and callback_url a test can change."""
    values: dict[str, Any] = {
        "outputs": outputs(),
        "callback_url": f"https://example.trycloudflare.com/callbacks/{TOKEN}",
    }

    def stacks() -> list[RunningStack]:
        addresses = {"api_url": "http://127.0.0.1:9001", "endpoint_url": "http://127.0.0.1:1"}
        tokens = {"read_token": TOKEN, "quarantine_token": TOKEN}
        return [RunningStack(pid=1, port=9001, region="us-east-1", **addresses, **tokens, **values)]

    monkeypatch.setattr(registry, "running_stacks", stacks)
    return values


def run(*arguments: str) -> Result:
    """Run the command on the local stack."""
    result = CliRunner().invoke(main, ["connect", *arguments, "--local"])
    assert 0 == result.exit_code, result.output
    return result


def test_a_conversation_is_recorded_here_and_calls_back_here(running):
    """The whole body, ready but for what only its owner knows."""
    body = json.loads(run("conversation").stdout)

    assert {
        "replica_id": "REPLICA_ID",
        "persona_id": "PERSONA_ID",
        "callback_url": running["callback_url"],
        "properties": STORAGE,
    } == body


@pytest.mark.usefixtures("running")
def test_the_older_form_has_the_four_fields():
    """For accounts and clients that do not know recording_storage yet."""
    assert OLDER == json.loads(run("conversation", "--older").stdout)["properties"]


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("video", {"replica_id", "script", "callback_url"}),
        ("replica", {"replica_name", "train_video_url", "callback_url"}),
    ],
)
def test_the_other_kinds_call_back_here(kind, members, running):
    """No recording is theirs, nor is a word about it."""
    result = run(kind)

    body = json.loads(result.stdout)
    assert members == body.keys()
    assert running["callback_url"] == body["callback_url"]
    assert "enable_recording" not in result.output


@pytest.mark.usefixtures("running")
def test_without_a_kind_there_is_one_of_each():
    """One JSON object, so that `jq .video` takes its part; three curl lines."""
    result = run()

    bodies = json.loads(result.stdout)
    assert ["conversation", "video", "replica"] == list(bodies)
    for kind, body in bodies.items():
        (line,) = [line for line in result.stderr.splitlines() if f"/v2/{kind}s " in line]
        assert body == json.loads(shlex.split(line)[-1])
        assert "x-api-key: $TAVUS_API_KEY" in shlex.split(line)


@pytest.mark.usefixtures("running")
def test_json_is_plain_in_a_pipe():
    """One line for programs."""
    assert 1 == len(run("conversation").stdout.splitlines())


@pytest.mark.usefixtures("running")
def test_a_recording_must_be_started_and_the_line_for_it_is_there():
    """enable_recording alone records nothing."""
    result = run("conversation")

    assert "enable_recording only permits it" in result.stderr
    assert START in result.stderr


@pytest.mark.parametrize(
    ("external_id", "options", "warns_of_documented", "warns_of_older"),
    [
        ("tavus", (), True, False),
        ("tavus", ("--older",), True, False),
        ("mine-4711", (), False, False),
        ("mine-4711", ("--older",), False, True),
    ],
)
def test_the_external_id_is_warned_of(external_id, options, warns_of_documented, warns_of_older, running):
    """The documented one is everybody's; one of your own is not carried by the older fields."""
    running["outputs"] = outputs(external_id)

    said = run("conversation", *options).stderr

    assert warns_of_documented == ("keep the ARN to yourself" in said)
    assert warns_of_older == ("carry no external id" in said)


@pytest.mark.parametrize(
    ("url", "warns"),
    [(f"http://127.0.0.1:9001/callbacks/{TOKEN}", True), (f"https://a.example/{TOKEN}", False)],
    ids=["loopback", "tunnel"],
)
def test_an_address_that_tavus_cannot_reach_is_warned_of(url, warns, running):
    """A callback_url on loopback wants a tunnel."""
    running["callback_url"] = url

    assert warns == ("--public-url" in run("video").stderr)


@pytest.mark.usefixtures("running")
def test_a_bucket_of_this_machine_is_warned_of():
    """Tavus cannot write here; a simulated recording is what helps."""
    assert "simulate recording --local" in run("conversation").stderr


def test_a_stack_without_recordings_has_no_properties(running):
    """Recordings=off is said, and the body is good without."""
    running["outputs"] = {"ApiUrl": "http://127.0.0.1:9001"}

    result = run("conversation")

    assert "properties" not in json.loads(result.stdout)
    assert "Recordings=off" in result.stderr


@pytest.mark.usefixtures("running")
def test_the_callback_url_can_be_given():
    """With its tags."""
    url = f"https://api.example.com/callbacks/{TOKEN}?user=4711"

    assert url == json.loads(run("video", "--callback-url", url).stdout)["callback_url"]


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    "url",
    ["https://api.example.com", f"ftp://a.example/{TOKEN}", TOKEN],
    ids=["no token", "no web address", "bare token"],
)
def test_what_is_no_callback_url_is_a_usage_error(url):
    """An API's own address, or a bare token, would lose every callback."""
    result = CliRunner().invoke(main, ["connect", "--callback-url", url, "--local"])

    assert 2 == result.exit_code
    assert "token create" in result.stderr


def test_a_read_token_is_no_access_to_outputs(monkeypatch):
    """A URL does not know the bucket and role: the ways that do are named."""
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", "https://api.example.com")

    result = CliRunner().invoke(main, ["connect"])

    assert 2 == result.exit_code
    assert "--stack NAME or --local" in result.stderr


def test_a_deployed_stack_gives_its_values_and_says_where_the_token_comes_from(monkeypatch):
    """A token is kept as a digest, so its URL cannot be known again: the placeholder says how to get one."""
    deployed_outputs = outputs("mine-4711") | {"ApiUrl": "https://api.example.com"}
    found = [{"OutputKey": name, "OutputValue": value} for name, value in deployed_outputs.items()]
    monkeypatch.setattr(deployed, "described", lambda *_: {"Outputs": found})
    arguments = [
        "connect",
        "conversation",
        "--label",
        "website",
        "--stack",
        "production",
        "--region",
        "eu-west-1",
    ]

    result = CliRunner().invoke(main, arguments)

    assert 0 == result.exit_code, result.output
    body = json.loads(result.stdout)
    assert body["callback_url"].startswith("https://api.example.com/callbacks/TOKEN ")
    assert "tavus-callbacks token create --label website" in body["callback_url"]
    assert "mine-4711" == body["properties"]["recording_storage"]["s3"]["external_id"]
    assert "bucket of this machine" not in result.stderr
    assert "on stack production in eu-west-1\n" in result.stderr
