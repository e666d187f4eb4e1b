"""`explain` says offline what the receiver would do, and a shape contains no value of a body."""

import json

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.common.token import new_token
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations.explain import shape_of_body
from tavus_callbacks_cli.operations.shape import HIDDEN, shape_json, shape_of

SHUTDOWN = {
    "conversation_id": "c123",
    "event_type": "system.shutdown",
    "message_type": "system",
    "timestamp": "2027-03-01T12:30:15.250Z",
    "properties": {"replica_id": "r123", "shutdown_reason": "max_call_duration reached"},
}

NAMES = st.sampled_from(["conversation_id", "properties", "transcript", "role", "s3_key"]) | st.text(
    max_size=8
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def run(*arguments: str, body: bytes = b"") -> Result:
    """Explain with a body on standard input."""
    return CliRunner().invoke(main, ["explain", *arguments], input=body)


def explained(body: bytes) -> dict[str, object]:
    """Return the `--json` explanation of one body."""
    (file,) = json.loads(run("--json", "-", body=body).stdout)["files"]
    return file


def test_a_body_is_explained():
    """The explanation says whether it is filed, its subject, its identity and its issues."""
    result = run("-", body=json.dumps(SHUTDOWN).encode())

    assert 0 == result.exit_code
    for part in (
        "200: stored as an event",
        "family       conversation",
        "subject      c123",
        "event type   system.shutdown",
        "occurred at  2027-03-01T12:30:15.250000Z",
        "event id     conversation.c123.",
        "issues       none",
    ):
        assert part in result.stdout


def test_a_program_gets_the_members_of_the_answer():
    """`--json` uses the receiver's names."""
    file = explained(json.dumps(SHUTDOWN).encode())

    assert ("-", 200, "conversation", "conversation", "c123", "system.shutdown") == tuple(
        file[name] for name in ("file", "status_code", "family", "kind", "subject", "event_type")
    )
    assert ("time", []) == (file["identity"], file["issues"])


def test_a_body_without_time_says_that_content_is_its_identity():
    """Without a time, only the window separates a repeat from a new event, and the output says so."""
    assert "content" == explained(b'{"video_id": "v1", "status": "ready"}')["identity"]


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"video_id": "v1", "status": "ready"}, 3600),
        ({"conversation_id": "c1", "properties": {"guardrail": "x"}}, 2),
    ],
)
def test_a_body_without_time_says_for_how_long_it_is_a_duplicate(body, seconds):
    """A guardrail can trigger again within the minute; other bodies are repeats for an hour."""
    page = run("-", body=json.dumps(body).encode()).stdout

    assert f"within {seconds} seconds is a duplicate" in " ".join(page.split())


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b""), (400, b"[]"), (400, b"\xff"), (422, b"{}"), (422, b'{"conversation_id": 1}')],
)
def test_a_body_that_would_not_be_filed_says_why_and_ends_with_1(status, body):
    """The reason is the receiver's own."""
    result = run("-", body=body)

    assert 1 == result.exit_code
    assert f"{status} " in result.stdout
    assert "stored in quarantine" in result.stdout
    assert status == explained(body)["status_code"]


def test_one_bad_file_among_good_ones_ends_with_1(tmp_path):
    """All files are explained, and the exit code says that one would not be filed."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(SHUTDOWN))
    bad.write_text("{")

    result = run("--json", str(good), str(bad))

    assert 1 == result.exit_code
    assert [200, 400] == [file["status_code"] for file in json.loads(result.stdout)["files"]]


def test_a_file_that_does_not_exist_is_a_usage_error():
    """The error names the file, without a traceback, and the exit code is 2."""
    result = run("no-such-file.json")

    assert 2 == result.exit_code
    assert "no-such-file.json" in result.stderr


@pytest.mark.parametrize("options", [(), ("--json",), ("--shape",)])
def test_a_token_is_never_shown(options):
    """A token anywhere in a body is redacted."""
    token = new_token()
    body = SHUTDOWN | {
        "webhook_url": f"https://example.com/callbacks/{token}",
        "conversation_id": token,
        "event_type": f"x.{token}",
        token: 1,
    }

    result = run(*options, "-", body=json.dumps(body).encode())

    assert 0 == result.exit_code
    assert token not in result.output


def test_control_characters_of_a_body_are_shown_escaped():
    """A reason may quote a stranger's text, which must not steer the terminal."""
    result = run("-", body=b'{"conversation_id": "c1", "event_type": "\xc2\x9b31m"}')

    assert "\x9b" not in result.output
    assert 1 == result.exit_code


def test_a_shape_names_properties_and_types():
    """Objects stay objects, list items are merged, and everything else is the name of its type."""
    body = {
        "conversation_id": "c123",
        "properties": {
            "transcript": [{"role": "user", "content": "hi", "t": 1}, {"role": None, "t": 1.5}, None],
            "empty": [],
            "s3_key": "k",
        },
    }

    shape = json.loads(run("--shape", "-", body=json.dumps(body).encode()).stdout)

    turn = {"role": "null | string", "content": "string", "t": "number"}
    assert {
        "conversation_id": "string",
        "properties": {"transcript": [{"any of": ["null", turn]}], "empty": [], "s3_key": "string"},
    } == shape


@pytest.mark.parametrize(
    "key", ["Anna", "c0123456789ab", "2027-03-01", "a@example.com", "a b", "x" * 41, "\x1b"]
)
def test_a_name_that_may_be_data_is_hidden(key):
    """Ids, dates, people's names and addresses as keys are hidden."""
    assert {HIDDEN: "number"} == shape_json(shape_of({key: 1}))


def test_the_shape_of_no_object_is_a_reason():
    """Without an object the reason goes to standard error, and the exit code is 1."""
    result = run("--shape", "-", body=b"secret words")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "secret" not in result.output


def swapped(value: object, text: str, number: float) -> object:
    """Return the value with every string, number and boolean replaced by another of its type."""
    if isinstance(value, dict):
        return {key: swapped(member, text, number) for key, member in value.items()}
    if isinstance(value, list):
        return [swapped(item, text, number) for item in value]
    if value is None or isinstance(value, bool):
        return None if value is None else not value
    return text if isinstance(value, str) else number


@given(st.dictionaries(NAMES, JSON, max_size=4), st.text(), st.integers() | st.floats(allow_nan=False))
def test_a_shape_does_not_depend_on_any_value(body, text, number):
    """Other values of the same types give the same shape, so it leaks none."""
    assert shape_json(shape_of(body)) == shape_json(shape_of(swapped(body, text, number)))


@given(st.integers(min_value=10**9))
def test_no_value_stands_in_a_shape(number):
    """The shape contains no text, number or id of the body."""
    text = f"value{number}"
    body = {"conversation_id": text, "turns": [{"content": text, "at": number}, [text]], text: number}

    assert str(number) not in json.dumps(shape_of_body(json.dumps(body).encode()))
