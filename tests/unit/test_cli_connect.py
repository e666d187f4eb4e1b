"""`connect` prints requests that Tavus accepts, with this stack's values and advice."""

import json
import shlex
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import ValidationError

from samples import TOKEN
from tavus_callbacks_cli.local_stack import registry
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.local_stack.template.template import load_template
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations.connect import OLDER_NAMES, REQUESTS
from tavus_callbacks_cli.targets import aws_stack
from tavus_requests import request_of, validate

API_URL = "https://api.example.com"
CALLBACK_URL = f"{API_URL}/callbacks/{TOKEN}"
KINDS = [*REQUESTS, "replica"]
# Each name that Tavus changed in June 2026, by its field.
CURRENT, OLDER = {"face_id", "pal_id", "face_name"}, {"replica_id", "persona_id", "replica_name"}


def outputs(**parameters: str) -> dict[str, str]:
    """Return the stack outputs of template.yaml as the local stack resolves them."""
    return {**load_template(REPOSITORY / "template.yaml", parameters).outputs, "ApiUrl": API_URL}


@pytest.fixture(scope="session")
def template_outputs() -> dict[str, str]:
    """Resolve the template's outputs once."""
    return outputs()


@pytest.fixture
def running(monkeypatch, template_outputs):
    """Run one local stack whose outputs and callback_url a test can change."""
    values: dict[str, Any] = {
        "outputs": dict(template_outputs),
        "callback_url": f"https://example.trycloudflare.com/callbacks/{TOKEN}",
    }

    def stacks() -> list[RunningStack]:
        addresses = {"api_url": "http://127.0.0.1:9001", "endpoint_url": "http://127.0.0.1:1"}
        tokens = {"read_token": TOKEN, "quarantine_token": TOKEN}
        return [
            RunningStack(
                pid=1,
                port=9001,
                region="us-east-1",
                aws_access_key_id="id",
                aws_secret_access_key="secret",
                **addresses,
                **tokens,
                **values,
            )
        ]

    monkeypatch.setattr(registry, "running_stacks", stacks)
    return values


@pytest.fixture
def stack(monkeypatch, template_outputs):
    """Deploy the stack `production`, whose outputs a test can change."""
    values = dict(template_outputs)

    def described(*_: object) -> dict[str, Any]:
        return {"Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in values.items()]}

    monkeypatch.setattr(aws_stack, "describe_stack", described)
    return values


def run(*arguments: str) -> Result:
    """Run the command."""
    result = CliRunner().invoke(main, ["connect", *arguments])
    assert 0 == result.exit_code, result.output
    return result


def local(*arguments: str) -> Result:
    """Run the command on the local stack."""
    return run(*arguments, "--local")


def production(*arguments: str) -> Result:
    """Run the command on the deployed stack."""
    return run(*arguments, "--stack", "production", "--region", "eu-west-1")


def body_of(result: Result) -> Any:
    """Return the printed body, which must be a request that Tavus documents, and the curl line's too."""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("curl ")]
    words = shlex.split(line)
    request = request_of(words)
    assert request is not None
    path, body = request
    validate(path, body)
    assert json.loads(result.stdout) == body
    assert "x-api-key: $TAVUS_API_KEY" in words
    return body


def members_of(body: Any) -> dict[str, Any]:
    """Return the object of the body that holds the callback_url."""
    members: dict[str, Any] = body["data"][0] if "data" in body else body
    return members


@pytest.fixture(params=["on", "off"])
def recordings(request, running, stack):
    """Give both stacks recordings, or neither."""
    if request.param == "off":
        running["outputs"] = {"ApiUrl": API_URL}
        stack.clear()
        stack["ApiUrl"] = API_URL


@pytest.mark.usefixtures("recordings")
@pytest.mark.parametrize("options", [(), ("--older",)], ids=["current", "older"])
@pytest.mark.parametrize("where", [local, production], ids=["local", "deployed"])
@pytest.mark.parametrize("kind", KINDS)
def test_tavus_documents_every_member_that_is_printed(kind, where, options):
    """For every kind and stack, in current and older names, the closed schema accepts body and path."""
    body = body_of(where(kind, *options))

    assert "callback_url" in members_of(body)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("kind", KINDS)
def test_current_names_are_the_default_and_older_prints_the_older_ones(kind):
    """Tavus renamed replica to face and persona to PAL in June 2026."""
    current, older = (members_of(body_of(production(kind, *option))) for option in ((), ("--older",)))

    assert not OLDER & current.keys()
    assert not CURRENT & older.keys()
    assert [OLDER_NAMES.get(name, name) for name in current] == list(older)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("kind", "current", "older"),
    [("face", "faces", "replicas"), ("replica", "faces", "replicas"), ("lipsync", "lipsync", "lipsync")],
)
def test_a_training_goes_to_faces(kind, current, older):
    """`replica` means `face`, and only --older decides about the path."""
    assert f"/v2/{current} " in production(kind).stderr
    assert f"/v2/{older} " in production(kind, "--older").stderr


@pytest.mark.usefixtures("stack")
def test_a_guardrail_is_one_and_with_older_a_set():
    """A guardrail is a resource today; Tavus calls the sets legacy."""
    guardrail, guardrails = body_of(production("guardrail")), body_of(production("guardrail", "--older"))

    assert {"name": "NAME", "data": [guardrail]} == guardrails
    assert guardrail["callback_url"]


@pytest.mark.usefixtures("stack")
def test_a_conversation_is_the_default():
    """The default is one body for a conversation."""
    assert production("conversation").stdout == production().stdout


def test_a_deployed_stack_records_into_its_bucket(stack):
    """The members of recording_storage are flat, as Tavus documents them."""
    body = body_of(production("--callback-url", CALLBACK_URL))

    assert {
        "face_id": "FACE_ID",
        "pal_id": "PAL_ID",
        "callback_url": CALLBACK_URL,
        "properties": json.loads(stack["RecordingStorage"]),
    } == body
    storage = body["properties"]["recording_storage"]
    assert (True, "s3", "tavus") == (
        body["properties"]["enable_recording"],
        storage["provider"],
        storage["external_id"],
    )
    assert stack["RecordingsBucketName"] == storage["bucket_name"]


def test_the_older_form_has_the_four_fields(stack):
    """The older form is for accounts and clients without recording_storage."""
    properties = body_of(production("--older"))["properties"]

    assert {
        "enable_recording",
        "recording_s3_bucket_name",
        "recording_s3_bucket_region",
        "aws_assume_role_arn",
    } == properties.keys()
    assert json.loads(stack["RecordingProperties"]) == properties


@pytest.mark.parametrize("name", ["RecordingStorage", "RecordingProperties"])
@pytest.mark.parametrize("external_id", ["tavus", "mine-4711"])
def test_an_output_can_be_pasted(name, external_id):
    """The template's outputs are properties that Tavus documents."""
    properties = json.loads(outputs(RecordingExternalId=external_id)[name])

    validate("/v2/conversations", {"face_id": "r1", "properties": properties})


def nested(storage: str) -> str:
    """Return the output RecordingStorage as templates before November 2026 wrote it."""
    properties = json.loads(storage)
    provider = properties["recording_storage"].pop("provider")
    properties["recording_storage"] = {"provider": provider, "s3": properties["recording_storage"]}
    return json.dumps(properties)


def test_the_schema_refuses_a_nested_storage(stack):
    """Earlier versions printed the nested form, which Tavus does not document."""
    properties = json.loads(nested(stack["RecordingStorage"]))

    with pytest.raises(ValidationError):
        validate("/v2/conversations", {"face_id": "r1", "properties": properties})


def test_a_stack_that_was_deployed_earlier_prints_the_flat_form_too(stack):
    """Its output stays nested until the next deployment, but the printed body is flat."""
    expected = json.loads(stack["RecordingStorage"])
    stack["RecordingStorage"] = nested(stack["RecordingStorage"])

    result = production()

    assert expected == body_of(result)["properties"]
    assert "keep the arn to yourself" in result.stderr.lower()


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("options", [(), ("--older",)], ids=["current", "older"])
def test_a_local_stack_leaves_out_its_bucket(options):
    """Tavus cannot write to this machine; a note says so and names the command that makes a recording."""
    result = local(*options)

    body = body_of(result)
    (line,) = [line for line in result.stderr.splitlines() if "simulate recording --local" in line]
    assert "properties" not in body
    assert "no recording_storage" in line
    for advice in ("enable_recording", "startRecording", "ARN", "external id"):
        assert advice not in result.stderr


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "conversation"])
def test_only_a_conversation_is_recorded(kind):
    """Other kinds have no recording and no advice about one."""
    assert "recording" not in production(kind).output.lower()


@pytest.mark.usefixtures("stack")
def test_json_is_plain_in_a_pipe():
    """A program gets the body as one line."""
    assert 1 == len(production("conversation").stdout.splitlines())


def test_a_recording_must_be_started_and_the_line_for_it_is_there(stack):
    """The advice says that enable_recording alone records nothing."""
    result = production("conversation")

    assert "enable_recording only permits" in result.stderr
    assert stack["RecordingStart"] in result.stderr


def test_the_external_id_that_all_customers_share_is_warned_of(stack):
    """The shared external id leaves only the role's ARN secret; an id of your own needs no warning."""
    assert "Keep the ARN to yourself" in production().stderr

    stack["RecordingStorage"] = stack["RecordingStorage"].replace('"tavus"', '"mine-4711"')

    assert "Keep the ARN to yourself" not in production().stderr


def test_the_older_fields_are_left_out_where_the_role_requires_its_own_external_id(stack):
    """The older fields carry no external id, so Tavus could not assume the role."""
    stack["RecordingStorage"] = stack["RecordingStorage"].replace('"tavus"', '"mine-4711"')

    result = production("--older")

    assert "properties" not in body_of(result)
    assert "Leave out --older" in result.stderr
    assert "startRecording" not in result.stderr


@pytest.mark.parametrize(
    ("url", "warns"),
    [(f"http://127.0.0.1:9001/callbacks/{TOKEN}", True), (f"https://a.example/{TOKEN}", False)],
    ids=["loopback", "tunnel"],
)
def test_an_address_that_tavus_cannot_reach_is_warned_of(url, warns, running):
    """A callback_url on loopback needs a tunnel, and a note says so."""
    running["callback_url"] = url

    result = local("video")

    assert url == body_of(result)["callback_url"]
    assert warns == ("--public-url" in result.stderr)


@pytest.mark.usefixtures("recordings")
@pytest.mark.parametrize("recordings", ["off"], indirect=True)
@pytest.mark.parametrize("where", [local, production], ids=["local", "deployed"])
def test_a_stack_without_recordings_has_no_properties(where):
    """A note says Recordings=off, and the body works without recordings."""
    result = where("conversation")

    assert "properties" not in body_of(result)
    assert "Recordings=off" in result.stderr


@pytest.mark.usefixtures("running")
def test_the_callback_url_can_be_given():
    """A given callback_url keeps its tags."""
    url = f"{CALLBACK_URL}?user=4711"

    assert url == body_of(local("video", "--callback-url", url))["callback_url"]


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        f"ftp://a.example/{TOKEN}",
        TOKEN,
        f"https:///callbacks/{TOKEN}",
        f" {CALLBACK_URL}",
        f"{CALLBACK_URL}?name=Ada Lovelace",
    ],
    ids=["no token", "no web address", "bare token", "no host", "space in front", "space in a tag"],
)
def test_what_is_no_callback_url_is_a_usage_error(url):
    """The API's own address or a bare token would lose every callback."""
    result = CliRunner().invoke(main, ["connect", "--callback-url", url, "--local"])

    assert 2 == result.exit_code
    assert "token create" in result.stderr


@pytest.mark.usefixtures("running")
def test_a_callback_url_that_is_too_long_is_a_usage_error():
    """Tavus documents 2,048 characters for guardrails."""
    longest = f"{CALLBACK_URL}?user=".ljust(2048, "4")

    result = CliRunner().invoke(main, ["connect", "--callback-url", f"{longest}4", "--local"])

    assert longest == body_of(local("guardrail", "--callback-url", longest))["callback_url"]
    assert 2 == result.exit_code
    assert "2049 characters" in result.stderr


def test_a_read_token_is_no_access_to_outputs(monkeypatch):
    """A URL does not give the bucket and role; the error names the ways that do."""
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", "https://api.example.com")

    result = CliRunner().invoke(main, ["connect"])

    assert 2 == result.exit_code
    assert "--stack NAME or --local" in result.stderr


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_token_is_a_placeholder_in_a_clean_url(kind):
    """The stack stores only digests, so a note says how to get a new callback_url."""
    result = production(kind, "--label", "website")

    assert f"{API_URL}/callbacks/TOKEN" == members_of(body_of(result))["callback_url"]
    command = "tavus-callbacks token create --label website --stack production --region eu-west-1"
    assert f"`{command}`" in result.stderr
    assert "on stack production in eu-west-1\n" in result.stderr


def test_another_label_than_the_local_one_needs_a_new_callback_url(running):
    """--label works locally as for a deployed stack: only the stack's own callback_url is known."""
    assert running["callback_url"] == body_of(local("--label", "local"))["callback_url"]

    result = local("--label", "website")

    assert "TOKEN" in body_of(result)["callback_url"]
    assert "`tavus-callbacks token create --label website --local`" in result.stderr
