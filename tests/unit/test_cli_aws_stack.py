"""A deployed stack (moto): tokens and events with only AWS credentials."""

import contextlib
import json
import os
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import boto3
import pytest
from click.testing import CliRunner, Result
from console_pages import KEY, PORT, ask, document
from moto import mock_aws
from receiver import receiving

from samples import TOKEN
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.events import EventsTable
from tavus_callbacks.aws.stores.quarantine import QuarantineRows
from tavus_callbacks.aws.stores.tokens import Tokens
from tavus_callbacks.domain.callbacks.event import Callback
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.callbacks.quarantine import quarantine_entry
from tavus_callbacks.domain.common.errors import NotAnObject, Refused
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.token import SCOPES
from tavus_callbacks_cli.console.open import open_console
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations import events as feeds
from tavus_callbacks_cli.output.text import moment
from tavus_callbacks_cli.targets.choose import StackTarget
from tavus_callbacks_cli.tokens import create_token

pytestmark = pytest.mark.usefixtures("own_process")

REGION = "eu-west-1"
NOW = datetime.now(UTC)


def _table(keys: dict[str, str], **properties: object) -> dict[str, object]:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": name, "KeyType": role} for name, role in keys.items()],
            **properties,
        },
    }


def _strings(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def _function(**variables: object) -> dict[str, object]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Handler": "index.handler",
            "Runtime": "python3.13",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": "pass"},
            "Environment": {"Variables": variables},
        },
    }


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
RECEIPTS = {
    "IndexName": "receipts",
    "KeySchema": [
        {"AttributeName": "receipt_shard", "KeyType": "HASH"},
        {"AttributeName": "receipt", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
LISTING = {
    "IndexName": "listing",
    "KeySchema": [
        {"AttributeName": "listing_shard", "KeyType": "HASH"},
        {"AttributeName": "listed", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
# As much of template.yaml as the command line looks at, in a form that moto deploys.
TEMPLATE = {
    "Resources": {
        "EventsTable": _table(
            {"pk": "HASH", "sk": "RANGE"},
            AttributeDefinitions=_strings("pk", "sk", "receipt_shard", "receipt", "listing_shard", "listed"),
            GlobalSecondaryIndexes=[RECEIPTS, LISTING],
        ),
        "TokensTable": _table({"token_digest": "HASH"}, AttributeDefinitions=_strings("token_digest")),
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "ReadFunction": _function(
            EVENTS_TABLE={"Ref": "EventsTable"},
            TOKENS_TABLE={"Ref": "TokensTable"},
            BODIES_BUCKET="bodies",
            PRESUMED_ENDED_AFTER_MINUTES="240",
            EXPECT_RECORDING="false",
            EXPECT_PERCEPTION="false",
        ),
        "ReceiveFunction": _function(EVENT_RETENTION_DAYS="0"),
    },
    "Outputs": {
        "EventsTableName": {"Value": {"Ref": "EventsTable"}},
        "TokensTableName": {"Value": {"Ref": "TokensTable"}},
        "BodiesBucketName": {"Value": "bodies"},
        "ApiUrl": {"Value": "https://api.example.com"},
    },
}


@pytest.fixture
def deployed(aws_keys):  # noqa: ARG001  # they are in the environment
    """Deploy the stack `production` and return its outputs."""
    with mock_aws():
        cloudformation = boto3.client("cloudformation", region_name=REGION)
        cloudformation.create_stack(StackName="production", TemplateBody=json.dumps(TEMPLATE))
        (stack,) = cloudformation.describe_stacks(StackName="production")["Stacks"]
        yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def run(*arguments: str, **options) -> Result:
    """Run a command on the stack."""
    return CliRunner().invoke(main, [*arguments, "--stack", "production", "--region", REGION], **options)


def listed() -> list[dict[str, object]]:
    """Return the tokens of `token list --json`."""
    tokens: list[dict[str, object]] = json.loads(run("token", "list", "--json").stdout)["tokens"]
    return tokens


def authenticates(outputs: dict[str, str], token: str, scope, at: datetime | None = None) -> str:
    """Return the label under which a function accepts a token, now or at another time."""
    client = boto3.client("dynamodb", region_name=REGION)
    clock = partial(datetime.now, UTC) if at is None else lambda: at
    tokens = Tokens(client, outputs["TokensTableName"], outputs["EventsTableName"], clock)
    record = tokens.authenticate(token, scope)
    tokens.note_use(record)
    return record.label


def test_a_callback_token_is_printed_as_callback_url(deployed):
    """Standard output has only the URL; the advice is on standard error."""
    result = run("token", "create", "--label", "website")

    (line,) = result.stdout.splitlines()
    url, token = line.rsplit("/", 1)
    assert "https://api.example.com/callbacks" == url
    assert "website" == authenticates(deployed, token, "callback")
    assert "callback_url" in result.stderr
    assert token not in result.stderr


@pytest.mark.parametrize("scope", ["read", "quarantine"])
def test_other_tokens_are_printed_bare(scope, deployed):
    """A read token is not a URL."""
    result = run("token", "create", "--label", "dashboard", "--scope", scope)

    assert "dashboard" == authenticates(deployed, result.stdout.strip(), scope)
    assert f"TAVUS_CALLBACKS_{scope.upper()}_TOKEN" in result.stderr


@pytest.mark.usefixtures("deployed")
def test_a_label_with_a_live_token_of_any_scope_is_refused():
    """A label names one token; `rotate` replaces it."""
    run("token", "create", "--label", "website")

    result = run("token", "create", "--label", "website", "--scope", "read")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "token rotate website" in result.stderr
    assert 1 == len(listed())


def test_the_list_shows_use_and_never_a_token(deployed):
    """A row has label, scope, status and times, and never the token."""
    token = run("token", "create", "--label", "website").stdout.strip().rsplit("/", 1)[1]
    run("token", "create", "--label", "dashboard", "--scope", "read")
    authenticates(deployed, token, "callback")

    used, unused = listed()
    shown = run("token", "list")

    assert ("website", "callback", "live") == (used["label"], used["scope"], used["status"])
    assert str(used["last_used_at"]).startswith(str(datetime.now(UTC).year))
    assert ("dashboard", None, None) == (unused["label"], unused["last_used_at"], unused["revoked_at"])
    assert ["label", "website", "dashboard"] == [line.split()[0] for line in shown.stdout.splitlines()]
    assert token not in shown.output


def test_rotation_keeps_the_scope_and_ends_the_token_before(deployed):
    """Both tokens are accepted during the grace, and the end of the earlier one is listed."""
    before = run("token", "create", "--label", "dashboard", "--scope", "read").stdout.strip()

    result = run("token", "rotate", "dashboard", "--grace", "12h")

    assert 0 == result.exit_code
    after = result.stdout.strip()
    assert "dashboard" == authenticates(deployed, before, "read") == authenticates(deployed, after, "read")
    assert "The old token is valid until" in result.stderr
    assert [True, False] == [record["expires_at"] is not None for record in listed()]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_of_any_scope_can_expire(deployed, scope):
    """It is accepted until then; the command and the list say when."""
    result = run("token", "create", "--label", "alice", "--scope", scope, "--expires", "30d")

    token, end = result.stdout.strip().rpartition("/")[2], datetime.now(UTC) + timedelta(days=30)
    [row] = listed()
    assert abs(datetime.fromisoformat(str(row["expires_at"])) - end) < timedelta(minutes=1)
    assert f"It expires at {moment(str(row['expires_at']))}" in result.stderr
    assert (scope == "callback") == ("Later callbacks are refused" in result.stderr)
    assert "alice" == authenticates(deployed, token, scope, at=end - timedelta(minutes=1))
    with pytest.raises(Refused) as refused:
        authenticates(deployed, token, scope, at=end)
    assert "expired" == refused.value.refusal


def test_a_label_is_free_again_when_its_token_has_expired(deployed):
    """An expired token is listed and needs no rotation."""
    at = datetime.now(UTC) - timedelta(days=2)
    table = boto3.resource("dynamodb", region_name=REGION).Table(deployed["TokensTableName"])
    create_token(table, label="alice", scope="read", now=at, expires_at=iso(at + timedelta(days=1)))

    token = run("token", "create", "--label", "alice", "--scope", "read").stdout.strip()

    assert ["expired", "live"] == [row["status"] for row in listed()]
    assert "alice" == authenticates(deployed, token, "read")


@pytest.mark.parametrize(
    ("options", "days", "before"),
    [((), 30, 7), (("--expires", "90d"), 90, 7), (("--grace", "60d"), 30, 30)],
    ids=["as before", "later", "a grace beyond its end"],
)
@pytest.mark.usefixtures("deployed")
def test_a_rotation_gives_nobody_access_for_longer(options, days, before):
    """The new token expires with the one before it, unless --expires says otherwise."""
    run("token", "create", "--label", "alice", "--scope", "read", "--expires", "30d")

    result = run("token", "rotate", "alice", *options)

    now, rows = datetime.now(UTC), listed()
    ends = [datetime.fromisoformat(str(row["expires_at"])) - now for row in rows]
    assert [before, days] == [round(end / timedelta(days=1)) for end in ends]
    assert [
        f"The old token is valid until {moment(str(rows[0]['expires_at']))}" in result.stderr,
        f"It expires at {moment(str(rows[1]['expires_at']))}" in result.stderr,
    ] == [True, True]


def test_rotation_of_a_callback_token_prints_the_new_callback_url(deployed):
    """The new callback_url is printed."""
    run("token", "create", "--label", "website")

    url = run("token", "rotate", "website").stdout.strip()

    assert "website" == authenticates(
        deployed, url.removeprefix("https://api.example.com/callbacks/"), "callback"
    )


@pytest.mark.usefixtures("deployed")
def test_revocation_ends_every_live_token_of_a_label():
    """Rotated tokens are revoked, too; the records stay, to show their use."""
    run("token", "create", "--label", "website")
    run("token", "rotate", "website")

    result = run("token", "revoke", "website", "--yes")

    assert "Revoked 2 tokens with label website. The stack refuses them within a minute.\n" == result.stdout
    assert ["revoked", "revoked"] == [record["status"] for record in listed()]


@pytest.mark.parametrize(("answer", "status"), [("n\n", "live"), ("", "live"), ("y\n", "revoked")])
@pytest.mark.usefixtures("deployed")
def test_revocation_asks_first(answer, status):
    """Only a yes revokes."""
    run("token", "create", "--label", "website")

    result = run("token", "revoke", "website", input=answer)

    assert (status == "live") == (result.exit_code == 1)
    assert [status] == [record["status"] for record in listed()]


@pytest.mark.parametrize("command", ["rotate", "revoke"])
@pytest.mark.usefixtures("deployed")
def test_a_label_without_live_token_says_what_to_do(command):
    """The error names the commands that list and create tokens."""
    result = run("token", command, "website")

    assert 1 == result.exit_code
    assert "token list" in result.stderr
    assert "token create --label website" in result.stderr


def keep_event(outputs: dict[str, str], subject: str) -> str:
    """Store an event as the receiver does and return its id."""
    body = {"conversation_id": subject, "event_type": "system.shutdown", "timestamp": "2027-03-01T12:00:00Z"}
    event = parse_event(json.dumps(body).encode(), query="user=4711", label="website", received_at=NOW)
    client = boto3.client("dynamodb", region_name=REGION)
    EventsTable(client, outputs["EventsTableName"], Bodies("bodies"), None).keep(event, kept_at=NOW)
    return event.event_id


def keep_in_quarantine(outputs: dict[str, str], body: bytes, content_encoding: str = "") -> str:
    """Store a body that was refused as the receiver does and return the id of its entry."""
    callback = Callback(body, "", "website", NOW, content_encoding=content_encoding)
    entry = quarantine_entry(callback, NotAnObject("The body is not JSON."))
    client = boto3.client("dynamodb", region_name=REGION)
    QuarantineRows(client, outputs["EventsTableName"], Bodies("bodies"), None).add(entry, "r1")
    return entry.quarantine_id


def test_a_deployed_stack_is_read_without_any_token(deployed):
    """The API's own code answers, with the tables of the deployed function."""
    event_id = keep_event(deployed, "c123")

    result = run("show", "c123", "--events", "--json")
    body = run("show", event_id)

    assert "on stack production in eu-west-1\n" == result.stderr
    assert [event_id] == [event["event_id"] for event in json.loads(result.stdout)["events"]]
    assert "system.shutdown" == json.loads(body.stdout)["event_type"]


@pytest.fixture
def production(deployed):
    """Open a console of the deployed stack that may act; yield what asks it as its page does."""
    target = StackTarget("production", boto3.Session(region_name=REGION))
    with contextlib.ExitStack() as cleanup:
        page = open_console(target, cleanup, port=PORT, key=KEY, allow_actions=True)
        yield deployed, lambda method, path, **content: ask(page, method, f"/console/{path}", content)


def test_the_console_of_a_deployed_stack_answers_each_request(production):
    """It reads without any token, and each of 200 parallel requests gets its own answer."""
    outputs, ask_page = production
    event_id = keep_event(outputs, "c123")

    def read(number: int) -> str:
        return document(ask_page("GET", f"read/conversations/none-{number}"))["detail"]

    assert event_id == document(ask_page("GET", "read/events?after="))["events"][0]["event_id"]
    with ThreadPoolExecutor(50) as pool:
        details = list(pool.map(read, range(200)))
    assert [f"none-{number}" for number in range(200)] == [detail.split()[4] for detail in details]
    config = document(ask_page("GET", "config"))
    assert "--stack production --region eu-west-1" == config["option"]
    assert (["redrive", "replay"], "poll", None) == (config["actions"], config["live"], config["cdn_url"])


def test_the_console_redrives_the_quarantine_of_a_deployed_stack(production):
    """A dry run changes nothing; then what can be filed is filed, and the rest stays."""
    outputs, ask_page = production
    body = {"conversation_id": "c1", "event_type": "system.shutdown", "timestamp": "2027-03-01T12:00:00Z"}
    good, bad = keep_in_quarantine(outputs, json.dumps(body).encode()), keep_in_quarantine(outputs, b"no")

    def redrive(**options: bool) -> dict[str, str]:
        outcomes = document(ask_page("POST", "actions/redrive", entry_id=None, **options))["quarantine"]
        return {each["quarantine_id"]: each["outcome"] for each in outcomes}

    assert {good: "fileable", bad: "refused"} == redrive(dry_run=True) == redrive(dry_run=True)
    assert {good: "filed", bad: "refused"} == redrive(dry_run=False)
    left = document(ask_page("GET", "read/quarantine"))["quarantine"]
    assert [bad] == [entry["quarantine_id"] for entry in left]


@pytest.mark.slow
def test_a_deployed_stack_is_listed_once_its_summaries_are_made(deployed):
    """`reindex` makes summaries with AWS credentials; list, page and sums then need no token."""
    keep_event(deployed, "c123")
    keep_event(deployed, "c124")

    before = json.loads(run("list", "--json").stdout)["conversations"]
    made = run("reindex", "--json")
    after = json.loads(run("list", "--json").stdout)["conversations"]

    assert [] == before
    assert (0, {"summaries": 2, "again_at": None}) == (made.exit_code, json.loads(made.stdout))
    assert {"c123", "c124"} == {each["conversation_id"] for each in after}
    assert "status        ended" in run("show", "c123").stdout
    assert 2 == json.loads(run("stats", "--json").stdout)["total"]["ended"]


def test_a_conversation_that_a_deployed_stack_does_not_have_is_told_the_nearest(deployed):
    """The answer is the same as over HTTP."""
    keep_event(deployed, "c123")
    run("reindex")

    result = run("show", "c1234")

    assert 1 == result.exit_code
    assert "Did you mean c123?" in result.stderr


def test_quarantine_is_read_without_any_token(deployed):
    """An entry of quarantine is found by its id."""
    quarantine_id = keep_in_quarantine(deployed, b"no\x1bsense", content_encoding="br")

    result = run("quarantine", "show", quarantine_id)

    assert "400 Not a JSON object: The body is not JSON." in result.stdout
    assert r"no\x1bsense" in result.stdout
    assert re.search(r"^encoding +br$", result.stdout, re.MULTILINE)


def test_an_entry_of_quarantine_is_deleted_with_its_body(deployed):
    """The newest goes with its object once you agree; others stay, and an unknown id deletes nothing."""
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="bodies")
    kept, large = keep_in_quarantine(deployed, b"no"), keep_in_quarantine(deployed, os.urandom(300_000))

    def left() -> set[str]:
        entries = json.loads(run("quarantine", "list", "--json").stdout)["quarantine"]
        return {entry["quarantine_id"] for entry in entries}

    unknown = run("quarantine", "delete", kept, "0" * 32, "--yes")
    refused = run("quarantine", "delete", large, input="n\n")
    assert {kept, large} == left()
    deleted = run("quarantine", "delete", large, "--yes", "--json")

    assert (1, 1, 0) == (unknown.exit_code, refused.exit_code, deleted.exit_code)
    assert "`tavus-callbacks quarantine list --stack production --region eu-west-1`" in unknown.stderr
    assert "Delete 1 entry for ever?" in refused.stderr
    assert {"deleted": [large]} == json.loads(deleted.stdout)
    assert 0 == s3.list_objects_v2(Bucket="bodies")["KeyCount"]
    assert {kept} == left()
    assert f"{kept}  400 The body is not JSON.\n" in run("quarantine", "delete", "latest", "--yes").stderr
    assert "Nothing is in quarantine." in run("quarantine", "delete", "latest", "--yes").stderr


def test_an_unknown_event_is_missing(deployed):
    """The API's own sentence is printed."""
    event_id = keep_event(deployed, "c123")

    result = run("show", event_id[:-1] + ("0" if event_id[-1] != "0" else "1"))

    assert 1 == result.exit_code
    assert "is stored" in result.stderr


@pytest.mark.parametrize("arguments", [("token", "list"), ("show", "c123"), ("tail",)], ids=" ".join)
@pytest.mark.usefixtures("deployed")
def test_no_stack_of_that_name_says_where_it_looked(arguments):
    """The error names the region, which is the usual mistake."""
    result = CliRunner().invoke(main, [*arguments, "--stack", "productoin", "--region", REGION])

    assert 1 == result.exit_code
    assert "no tavus-callbacks stack 'productoin' in eu-west-1" in result.stderr
    assert "--region" in result.stderr


@pytest.mark.parametrize("arguments", [("token", "list"), ("show", "c123")], ids=" ".join)
def test_no_credentials_say_how_to_get_some(arguments):
    """boto3's usual chain found nothing; the error says how to get credentials."""
    result = run(*arguments)

    assert 1 == result.exit_code
    assert "No AWS credentials were found" in result.stderr
    assert "AWS_PROFILE" in result.stderr


def test_no_region_says_how_to_name_one():
    """Neither --region nor the environment names a region."""
    result = CliRunner().invoke(main, ["show", "c123", "--stack", "production"])

    assert 1 == result.exit_code
    assert "--region" in result.stderr


def test_no_profile_of_that_name_is_told(monkeypatch):
    """A misspelt AWS_PROFILE gives no traceback."""
    monkeypatch.setenv("AWS_PROFILE", "productoin")

    result = run("show", "c123")

    assert 1 == result.exit_code
    assert "profile" in result.stderr


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("AWS_ENDPOINT_URL", "http://[", "Your AWS setup has a mistake: Invalid IPv6 URL."),
        ("AWS_MAX_ATTEMPTS", "many", "Your AWS setup has a mistake: invalid literal"),
        ("AWS_DEFAULTS_MODE", "nonsense", "Your AWS setup has a mistake: Client configured"),
        ("AWS_CONFIG_FILE", __file__, "Your AWS setup has a mistake: Unable to parse"),
        ("HTTPS_PROXY", "http://me:secret@host:99999", "AWS cannot be reached through your proxy."),
    ],
)
def test_a_variable_that_holds_nonsense_ends_in_a_sentence(variable, value, says, monkeypatch):
    """No traceback, no password, and the error says where to look."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
    monkeypatch.setenv(variable, value)

    result = run("show", "c123")

    assert 1 == result.exit_code
    assert f"Error: {says}" in result.stderr
    assert "secret" not in result.stderr


def test_a_table_that_is_gone_is_told(deployed):
    """The stack exists, but its table does not."""
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName=deployed["EventsTableName"])

    result = run("show", "c123")

    assert 1 == result.exit_code
    assert "Deploy it again" in result.stderr


def test_a_copy_of_a_deployed_stack_is_one_of_its_api(deployed, tmp_path, monkeypatch):
    """`sync --stack` reads without a token, and the file takes the API's URL for the same stack."""
    event_id = keep_event(deployed, "c123")
    file = tmp_path / "calls.db"

    result = run("sync", str(file), "--json")
    with contextlib.closing(sqlite3.connect(file)) as connection:
        stored = connection.execute("SELECT event_id FROM events").fetchall()
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", "https://other.example.com")
    monkeypatch.setenv("TAVUS_CALLBACKS_READ_TOKEN", TOKEN)
    other = CliRunner().invoke(main, ["sync", str(file)])

    assert (0, [(event_id,)]) == (result.exit_code, stored)
    assert "is a copy of https://api.example.com" in other.stderr


def test_events_of_a_deployed_stack_are_forwarded_and_replayed(deployed, monkeypatch):
    """With AWS credentials alone: what was missed is posted, with its tags, and can be posted again."""
    event_id = keep_event(deployed, "c123")

    def interrupt(seconds: float) -> None:
        if seconds:
            raise KeyboardInterrupt

    monkeypatch.setattr(feeds.time, "sleep", interrupt)
    with receiving() as application:
        forwarded = run("forward", "--since", "1h", "--tag", "user:4711", "--to", application.url)
        replayed = run("replay", "--since", "1h", "--to", application.url)

    assert (0, 0) == (forwarded.exit_code, replayed.exit_code)
    assert [event_id, event_id] == application.event_ids
    assert "c123" == json.loads(application.bodies[0])["conversation_id"]
    assert ["/webhook?secret=canary&user=4711"] * 2 == application.paths
    assert ["204"] == [line.split()[3] for line in forwarded.stdout.splitlines()]
