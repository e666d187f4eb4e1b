"""A web page and a tunnel reach nothing of the local stack but the callback URL."""

import json
import stat

import click
import httpx
import pytest

from tavus_callbacks_cli.console.open import local_console
from tavus_callbacks_cli.console.session import Session
from tavus_callbacks_cli.local_stack import stack
from tavus_callbacks_cli.local_stack.functions.custom_resources import listen_for_answers
from tavus_callbacks_cli.local_stack.registry import running_stacks, write_ready_file
from tavus_callbacks_cli.local_stack.tavus_api import CALLBACKS_PATH, KEY, KEY_HEADER

ORIGIN = {"origin": "https://evil.example", "content-type": "text/plain"}
TUNNEL = "stack.tunnel.example"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tunnel")]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Run a stack that a tunnel leads to."""
    root = tmp_path_factory.mktemp("state")
    options = stack.Options(port=0, state_root=root, public_url=f"https://{TUNNEL}", console=local_console)
    with stack.local_stack(options) as local:
        yield local.running


def signed(key_id):
    """Carry an access key id as an AWS client does."""
    scope = "20260101/us-east-1/dynamodb/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders=host, Signature=x"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/?Action=ListTables"),
        ("POST", "/moto-api/reset"),
        ("GET", "/moto-api/data.json"),
        ("GET", "/moto-api/"),
        ("PUT", "/moto-api/journal"),
        ("PUT", "/moto-api/confirmed"),
        ("PUT", "/moto-api/conduct"),
        ("OPTIONS", "/"),
        ("TRACE", "/"),
        ("GET", "/?X-Amz-Credential=AKIALOCALPerson%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"),
        ("GET", "/?AWSAccessKeyId=local"),
    ],
)
def test_web_page(running, method, path):
    """A request as a browser sends it gets 403 and no CORS header, whatever it asks for."""
    answer = httpx.request(method, running.endpoint_url + path, headers=ORIGIN, trust_env=False)

    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("service", ["DynamoDB_20120810.Scan", "secretsmanager.GetSecretValue"])
@pytest.mark.parametrize("key_id", ["local", "AKIALOCALCDN", f"AKIALOCALPerson{'0' * 32}"])
def test_guessed_key(running, service, key_id):
    """A guessed access key id gets 403."""
    headers = {"x-amz-target": service, **signed(key_id)}

    assert httpx.post(running.endpoint_url, headers=headers, content="{}", trust_env=False).status_code == 403


def test_moto_pages(running):
    """Even with the key, moto's own pages stay closed, and so is a rebound name."""
    headers = signed(running.aws_access_key_id)

    reset = httpx.post(f"{running.endpoint_url}/moto-api/reset", headers=headers, trust_env=False)
    rebound = httpx.get(running.endpoint_url, headers={**headers, "host": "evil.example"}, trust_env=False)
    allowed = httpx.get(running.endpoint_url, headers=headers, trust_env=False)

    assert (403, 403) == (reset.status_code, rebound.status_code)
    assert allowed.status_code != 403


def test_tunnel(running):
    """Through the tunnel a callback is stored, and nothing can be read."""
    path = running.callback_url.removeprefix(f"https://{TUNNEL}")
    body = {"event_type": "system.shutdown", "conversation_id": "c1", "message_type": "system"}
    read = {"authorization": f"Bearer {running.read_token}"}

    def call(method, target, **headers):
        url = running.api_url + target
        content = body if method == "POST" else None
        return httpx.request(method, url, json=content, headers=headers, trust_env=False).status_code

    assert call("POST", path, host=TUNNEL) == 200
    assert call("GET", "/conversations/c1", **read) == 200
    assert call("GET", "/conversations/c1", host=TUNNEL, **read) == 404
    # A tunnel that rewrites Host says so in another header.
    assert call("GET", "/conversations/c1", **read, **{"x-forwarded-for": "192.0.2.1"}) == 404
    assert call("GET", "/conversations/c1", host="evil.example", **read) == 403


@pytest.mark.parametrize(
    "path", ["/", "/console/app.js", "/console/config", "/console/read/events", "/console/live"]
)
def test_console_through_the_tunnel(running, path):
    """Through the tunnel there is no page, no file and no data of the console, whatever Host it sends."""
    session = Session(running.port, running.console_key, "")
    own = {"cookie": session.cookie, "sec-fetch-site": "same-origin"}

    def status(**headers):
        return httpx.head(running.api_url + path, headers={**own, **headers}, trust_env=False).status_code

    assert status() == (405 if path.endswith("live") else 200)
    assert status(host=TUNNEL) == status(host="evil.example") == 421
    assert status(**{"x-forwarded-for": "192.0.2.1"}) == 421


def test_cdn_host(running):
    """The CDN answers on the loopback address alone."""
    url = running.outputs["CdnUrl"]
    answer = httpx.get(url, headers={"host": "evil.example"}, trust_env=False)

    assert answer.json() == {"message": "Forbidden"}


def test_restart(tmp_path):
    """A restart on kept data refuses the key of the run before, and no log holds a key."""
    with stack.local_stack(stack.Options(port=0, state_root=tmp_path)) as local:
        before = local.running
        logs = b"".join(path.read_bytes() for path in local.state.logs.iterdir())
    options = stack.Options(port=before.port, state_root=tmp_path)
    with stack.local_stack(options) as local:
        url = local.running.endpoint_url
        status = httpx.get(url, headers=signed(before.aws_access_key_id), trust_env=False).status_code

        assert before.callback_url == local.running.callback_url
        assert status == 403
    assert before.aws_access_key_id.encode() not in logs


def test_ready_file(running, tmp_path):
    """The ready file has everything that a client needs, and only its owner can read it."""
    write_ready_file(tmp_path / "ready", running)

    content = json.loads((tmp_path / "ready").read_bytes())
    names = ("aws_access_key_id", "aws_secret_access_key", "outputs", "quarantine_token", "console_url")
    assert {name: getattr(running, name) for name in names}.items() <= content.items()
    assert stat.S_IMODE((tmp_path / "ready").stat().st_mode) == 0o600


def test_older_stack(running, tmp_path):
    """A stack that an older version started has no key to give: its user starts it again."""
    (tmp_path / "1").mkdir()
    members = {name: value for name, value in vars(running).items() if not name.startswith("aws_")}
    (tmp_path / "1" / "running.json").write_text(json.dumps(members))

    with pytest.raises(click.ClickException, match="start it again"):
        running_stacks(tmp_path)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (CALLBACKS_PATH, ORIGIN),
        (CALLBACKS_PATH, {KEY_HEADER: KEY, "host": "evil.example"}),
        ("/v2/conversations", {KEY_HEADER: KEY, "host": "evil.example"}),
    ],
)
def test_stand_in(running, path, headers):
    """Neither a web page nor a rebound name can use the stand-in for Tavus's API."""
    url = running.outputs["TavusApiUrl"]
    body = {"event_type": "system.shutdown", "conversation_id": "c-forged"}
    forged = httpx.post(url + path, json=body, headers=headers, trust_env=False)
    listed = httpx.get(f"{url}/v2/conversations", headers={KEY_HEADER: KEY}, trust_env=False)

    assert forged.status_code in (401, 403)
    assert [] == listed.json()["data"]


@pytest.mark.parametrize(("path", "host"), [("/guessed", None), (None, "evil.example")])
def test_custom_resource(path, host):
    """Only the address that a custom resource was given takes its answer."""
    with listen_for_answers() as (url, answers):
        target = httpx.URL(url) if path is None else httpx.URL(url).copy_with(path=path)
        headers = {"host": host} if host else {}
        refused = httpx.put(target, json={"Status": "SUCCESS"}, headers=headers, trust_env=False)
        taken = httpx.put(url, json={"Status": "FAILED"}, trust_env=False)

        assert (403, 200) == (refused.status_code, taken.status_code)
        assert [{"Status": "FAILED"}] == answers
