"""Roles: every call that the functions make is allowed, and what is allowed is used by some call.

The calls are those of the whole run of `make test`, noted by tests/aws_calls.py; who decides is an evaluator
of policies that is not ours (tests/security/package.json).
"""

import json
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import aws_calls
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks_cli.local_stack.template.template import load_template

pytestmark = pytest.mark.more

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ALLOWED = "Allowed"

# Allowed and yet not called by our code, each with its reason.
NOT_CALLED = {
    "logs:CreateLogStream": "Lambda itself writes the logs, with the function's role",
    "logs:PutLogEvents": "Lambda itself writes the logs, with the function's role",
    "dynamodb:DescribeStream": "Lambda's poller reads the stream with the function's role",
    "dynamodb:GetRecords": "Lambda's poller reads the stream with the function's role",
    "dynamodb:GetShardIterator": "Lambda's poller reads the stream with the function's role",
    "dynamodb:ListStreams": "Lambda's poller reads the stream with the function's role",
    "sqs:ReceiveMessage": "Lambda's poller reads the queue with the function's role",
    "sqs:DeleteMessage": "Lambda's poller reads the queue with the function's role",
    "sqs:GetQueueAttributes": "Lambda's poller reads the queue with the function's role",
    "s3:ListBucket": "turns the 403 for a missing object into a 404; Lambda asks for it of the failed bucket",
}


@pytest.fixture(scope="module")
def calls():
    """Return every call of the run, each once."""
    files = sorted(aws_calls.FOLDER.glob("*.json"))
    found = {line for path in files for line in path.read_text().splitlines()} | aws_calls.noted
    if not found:
        pytest.fail("No calls were noted: run `make test` first, it writes them.")
    return [json.loads(line) for line in sorted(found)]


@pytest.fixture(scope="module")
def roles(template):
    """Return the policies of each function's role by its logical id, of all that can be turned on."""
    pushing = {"PushUrl": "https://hooks.example.com/"}
    found = policies_of(template)
    for mode in ("signed", "raw"):
        more = policies_of(load_template(ROOT / "template.yaml", {**pushing, "PushMode": mode}))
        policies = found.setdefault("PushFunction", [])
        policies += [policy for policy in more["PushFunction"] if policy not in policies]
    return found


def policies_of(template):
    """Return the policies of each function's role."""
    by_name = {role.name: role.properties["Policies"] for role in template.of_type("AWS::IAM::Role")}
    return {
        function.logical_id: [
            policy["PolicyDocument"] for policy in by_name[function.properties["Role"].rpartition("/")[2]]
        ]
        for function in template.of_type("AWS::Lambda::Function")
    }


def decided(requests):
    """Return a verdict for each (policies, action, resource, context, resource policy)."""
    asked = [
        {
            "policies": policies,
            "resourcePolicy": resource_policy,
            "request": {
                "action": action,
                "principal": f"arn:aws:iam::{aws_calls.ACCOUNT}:role/any",
                "resource": {"resource": resource, "accountId": aws_calls.ACCOUNT},
                "contextVariables": {"aws:SecureTransport": "true", **context},
            },
        }
        for policies, action, resource, context, resource_policy in requests
    ]
    command = ["node", str(HERE / "decide.mjs")]
    text = json.dumps(asked)
    answer = subprocess.run(command, input=text, capture_output=True, text=True, check=True)  # noqa: S603 - our own file
    return json.loads(answer.stdout)


def test_every_call_of_the_run_is_allowed(roles, calls):
    """Calls that work in the tests work on AWS: no role lacks a permission that its function needs."""
    requests = [
        (roles[call["function"]], call["action"], call["resource"], call["context"], None) for call in calls
    ]

    verdicts = decided(requests)

    denied = [call for call, verdict in zip(calls, verdicts, strict=True) if verdict != ALLOWED]
    assert [] == denied
    assert roles.keys() == {call["function"] for call in calls}


def listed(value):
    """Return a list, where a policy may have a single value."""
    return value if isinstance(value, list) else [value]


def allowances(policies):
    """Yield each action on each resource that policies allow."""
    for policy in policies:
        for statement in listed(policy["Statement"]):
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    yield action, resource


def test_every_allowed_action_is_used(roles, calls):
    """No role may more than its function does, but for what Lambda does with it."""
    unused = [
        (function, action, resource)
        for function, policies in roles.items()
        for action, resource in allowances(policies)
        if action not in NOT_CALLED
        and not any(
            (call["function"], call["action"]) == (function, action)
            and fnmatchcase(call["resource"], resource)
            for call in calls
        )
    ]

    assert [] == unused


def test_no_action_or_resource_is_a_wildcard(roles):
    """Actions are named one by one; the one Resource * is ListStreams, which knows no other."""
    everything = [
        (action, resource) for policies in roles.values() for action, resource in allowances(policies)
    ]

    assert not [action for action, _ in everything if "*" in action]
    assert {"dynamodb:ListStreams"} == {action for action, resource in everything if resource == "*"}


FORBIDDEN = [
    ("ReceiveFunction", "dynamodb:PutItem", "table/tavus-callbacks-local-TokensTable"),
    ("ReceiveFunction", "dynamodb:UpdateItem", "table/tavus-callbacks-local-TokensTable"),
    ("ReceiveFunction", "dynamodb:DeleteItem", "table/tavus-callbacks-local-EventsTable"),
    ("ReceiveFunction", "dynamodb:Scan", "table/tavus-callbacks-local-TokensTable"),
    ("ReadFunction", "dynamodb:PutItem", "table/tavus-callbacks-local-TokensTable"),
    ("ReadFunction", "dynamodb:DeleteItem", "table/tavus-callbacks-local-EventsTable"),
    ("DrainFunction", "dynamodb:GetItem", "table/tavus-callbacks-local-TokensTable"),
    ("PushFunction", "dynamodb:PutItem", "table/tavus-callbacks-local-EventsTable"),
]


@pytest.mark.parametrize(("function", "action", "table"), FORBIDDEN)
def test_a_function_that_is_taken_over_cannot_do_what_it_need_not(roles, function, action, table):
    """Receive makes no token, nobody deletes events, and the evaluator can say no."""
    resource = f"arn:aws:dynamodb:{aws_calls.REGION}:{aws_calls.ACCOUNT}:{table}"

    assert ["ImplicitlyDenied"] == decided([(roles[function], action, resource, {}, None)])


def test_read_writes_nothing_but_the_use_of_a_token(roles):
    """Its one put is bound to the partitions of tokens."""
    table = f"arn:aws:dynamodb:{aws_calls.REGION}:{aws_calls.ACCOUNT}:table/tavus-callbacks-local-EventsTable"
    keys = [["token#x"], ["conversation#x"], ["token#x", "conversation#x"]]
    requests = [
        (roles["ReadFunction"], "dynamodb:PutItem", table, {"dynamodb:LeadingKeys": each}, None)
        for each in keys
    ]

    assert [ALLOWED, "ImplicitlyDenied", "ImplicitlyDenied"] == decided(requests)


# Actions allowed on the events table in partitions of some kinds, and in no others.
SUBJECTS = set(KINDS)
BOUND = [
    ("ReceiveFunction", "dynamodb:GetItem", {"tombstone"}),
    ("ReceiveFunction", "dynamodb:PutItem", {*SUBJECTS, "token"}),
    ("ReceiveFunction", "dynamodb:UpdateItem", {"quarantine"}),
    ("DrainFunction", "dynamodb:GetItem", {"tombstone"}),
    ("DrainFunction", "dynamodb:PutItem", SUBJECTS),
    ("DrainFunction", "dynamodb:UpdateItem", {"quarantine"}),
    ("ResolveFunction", "dynamodb:GetItem", {"tombstone", "conversation"}),
    ("ResolveFunction", "dynamodb:UpdateItem", {"conversation", "claim"}),
    ("ResolveFunction", "dynamodb:DeleteItem", {"conversation", "claim"}),
    ("ResolveFunction", "dynamodb:Query", {"claim"}),
    ("ReadFunction", "dynamodb:UpdateItem", {"conversation", "claim"}),
    ("WatchFunction", "dynamodb:UpdateItem", {"conversation", "sweep", "claim"}),
    ("ProjectFunction", "dynamodb:GetItem", {*SUBJECTS, "tombstone", "entries"}),
    ("ProjectFunction", "dynamodb:UpdateItem", {"entries"}),
    ("ProjectFunction", "dynamodb:Query", SUBJECTS),
    ("ProjectFunction", "dynamodb:PutItem", SUBJECTS),
    ("ProjectFunction", "dynamodb:DeleteItem", SUBJECTS),
    ("WatchFunction", "dynamodb:GetItem", {"conversation", "sweep", "tombstone"}),
    ("WatchFunction", "dynamodb:PutItem", {"conversation", "sweep", "claim"}),
    ("ReadFunction", "dynamodb:PutItem", {"token"}),
    # PushMode=raw reads the event that it posts.
    ("PushFunction", "dynamodb:GetItem", {*SUBJECTS, "tombstone"}),
]
EVENTS = f"arn:aws:dynamodb:{aws_calls.REGION}:{aws_calls.ACCOUNT}:table/tavus-callbacks-local-EventsTable"


@pytest.mark.parametrize(("function", "action", "expected"), BOUND)
def test_a_function_reaches_only_the_rows_of_its_work(roles, function, action, expected):
    """No function writes a tombstone, and a function that looks for one reads nothing else by that right."""
    every = [*KINDS, "tombstone", "quarantine", "token", "sweep", "claim", "entries"]
    requests = [
        (roles[function], action, EVENTS, {"dynamodb:LeadingKeys": [f"{kind}#x"]}, None) for kind in every
    ]

    *verdicts, without_key = decided([*requests, (roles[function], action, EVENTS, {}, None)])

    assert expected == {kind for kind, verdict in zip(every, verdicts, strict=True) if verdict == ALLOWED}
    assert "ImplicitlyDenied" == without_key


REPEAT = ["pk", "receipt", "received_at", "ref", "sk"]


@pytest.mark.parametrize("function", ["ReceiveFunction", "DrainFunction"])
@pytest.mark.parametrize(
    ("kind", "attributes", "select"),
    [
        ("conversation", REPEAT, "SPECIFIC_ATTRIBUTES"),
        ("conversation", [*REPEAT, "body"], "SPECIFIC_ATTRIBUTES"),
        ("conversation", REPEAT, "ALL_ATTRIBUTES"),
        ("conversation", [], "SPECIFIC_ATTRIBUTES"),
        ("quarantine", REPEAT, "SPECIFIC_ATTRIBUTES"),
        ("tombstone", REPEAT, "SPECIFIC_ATTRIBUTES"),
    ],
)
def test_who_files_events_reads_no_body(roles, function, kind, attributes, select):
    """A query tells when a body came before; it returns no body, and no row of another type."""
    context = {"dynamodb:LeadingKeys": [f"{kind}#x"], "dynamodb:Select": select}
    context |= {"dynamodb:Attributes": attributes} if attributes else {}
    is_query_of_repeats = (kind, attributes, select) == ("conversation", REPEAT, "SPECIFIC_ATTRIBUTES")
    expected = ALLOWED if is_query_of_repeats else "ImplicitlyDenied"

    assert [expected] == decided([(roles[function], "dynamodb:Query", EVENTS, context, None)])


def test_resolve_removes_versions_of_recordings_and_nothing_else(roles):
    """An object that came after its conversation was erased, by its version, where Tavus writes."""
    bucket = "arn:aws:s3:::tavus-callbacks-local-recordingsbucket"
    asked = [
        ("s3:DeleteObjectVersion", "tavus/x"),
        ("s3:DeleteObjectVersion", "x"),
        ("s3:DeleteObject", "tavus/x"),
    ]
    requests = [(roles["ResolveFunction"], action, f"{bucket}/{key}", {}, None) for action, key in asked]

    assert [ALLOWED, "ImplicitlyDenied", "ImplicitlyDenied"] == decided(requests)


def test_buckets_refuse_plain_http(template, roles):
    """Every bucket's own policy denies a request without TLS, whoever makes it."""
    policies = {
        policy.properties["Bucket"]: policy.properties["PolicyDocument"]
        for policy in template.of_type("AWS::S3::BucketPolicy")
    }
    assert {bucket.name for bucket in template.of_type("AWS::S3::Bucket")} == policies.keys()
    requests = [
        (
            roles["ReadFunction"],
            "s3:GetObject",
            f"arn:aws:s3:::{bucket}/events/x",
            {"aws:SecureTransport": "false"},
            policy,
        )
        for bucket, policy in policies.items()
    ]

    assert {"ExplicitlyDenied"} == set(decided(requests))
