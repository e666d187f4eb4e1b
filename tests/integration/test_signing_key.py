"""The function behind `Custom::SigningKey` makes a slot's key once and always answers CloudFormation."""

import pytest
from inprocess import failing

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.signing_key import public_key
from tavus_callbacks.handlers import signing_key
from tavus_callbacks_cli.local_stack.functions.custom_resources import listen_for_answers


@pytest.fixture
def secret(recordings):
    """Return the secret of the blue slot, which has a key."""
    return recordings.api.environment["SIGNING_SECRET"]


def asked(secret, request_type="Create", **members):
    """Send a request as CloudFormation does and return the answer."""
    with listen_for_answers() as (url, answers):
        event = {
            "RequestType": request_type,
            "ResponseURL": url,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "BlueSigningKey",
            "ResourceProperties": {"SecretArn": secret},
            **members,
        }
        signing_key.handler(event, None)
    [answer] = answers
    return answer


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_slot_that_has_a_key_keeps_it(secret, request_type):
    """Every request gets the same public key, because CloudFront's keys cannot be changed."""
    kept = clients.secretsmanager().get_secret_value(SecretId=secret)["SecretString"]
    answer = asked(secret, request_type)

    assert {"PublicKey": public_key(kept)} == answer["Data"]
    assert kept == clients.secretsmanager().get_secret_value(SecretId=secret)["SecretString"]


def test_an_answer_echoes_what_it_is_asked_with(secret):
    """CloudFormation recognises its request by these members."""
    answer = asked(secret)

    assert ("SUCCESS", "stack", "request", "BlueSigningKey", secret) == tuple(
        answer[name] for name in ("Status", "StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")
    )


def test_an_empty_slot_gets_a_key(recordings):
    """Only the secret has the private key."""
    client = clients.secretsmanager()
    client.create_secret(Name="empty")
    answer = asked("empty")
    private = client.get_secret_value(SecretId="empty")["SecretString"]

    assert {"PublicKey": public_key(private)} == answer["Data"]
    assert "PRIVATE" not in repr(answer)
    assert "PRIVATE" not in recordings.api.log.getvalue()


def test_a_deletion_makes_and_reads_nothing(recordings, secret):
    """The secret is deleted with its slot."""
    recordings.calls.clear()
    answer = asked(secret, "Delete", PhysicalResourceId="old")

    assert ("SUCCESS", "old") == (answer["Status"], answer["PhysicalResourceId"])
    assert "Data" not in answer
    assert [] == recordings.calls


def test_a_permission_that_is_seconds_young_is_waited_for(secret, monkeypatch):
    """A rotation changes the role's policy just before the call, and IAM takes a while."""
    waited = []
    monkeypatch.setattr(signing_key.time, "sleep", waited.append)
    denied = failing(
        "secretsmanager", "GetSecretValue", error="AccessDeniedException", when=lambda _: len(waited) < 2
    )
    with denied:
        answer = asked(secret)

    assert ("SUCCESS", [2, 5]) == (answer["Status"], waited)


@pytest.mark.parametrize("error", ["AccessDeniedException", "InternalServiceError"])
def test_a_fault_is_answered_as_failure(secret, error, monkeypatch):
    """A stack without an answer hangs for an hour. The reason has no text that could quote a key."""
    monkeypatch.setattr(signing_key, "PAUSES", ())
    with failing("secretsmanager", "GetSecretValue", error=error):
        answer = asked(secret)

    assert ("FAILED", "ClientError: see the function's log") == (answer["Status"], answer["Reason"])
