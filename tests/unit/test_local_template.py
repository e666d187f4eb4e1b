"""A template loads as it deploys; an unsupported part is an error that names it."""

import json
from pathlib import Path

import click
import pytest

from tavus_callbacks_cli.local_stack.functions.local_function import FunctionHost, functions_of
from tavus_callbacks_cli.local_stack.http.routes import match_route, routes_of
from tavus_callbacks_cli.local_stack.services.deploy import NOT_NEEDED_LOCALLY, check_resources
from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.local_stack.template import template as translation
from tavus_callbacks_cli.local_stack.template.template import Template, load_template
from tavus_callbacks_cli.local_stack.triggers.event_bus import rules_of

HEAD = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Word: {Type: String, Default: hello}
Resources:
"""


def template_of(tmp_path: Path, resources: str, **parameters: str) -> Template:
    """Load a template of these resources."""
    path = tmp_path / "template.yaml"
    path.write_text(HEAD + resources)
    return load_template(path, parameters)


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    """A package that is imported from a zip file has no template to read."""
    with pytest.raises(click.ClickException, match=r"template\.yaml is missing\. Run the local stack from"):
        load_template(tmp_path / "template.yaml")


def test_a_template_that_has_not_changed_is_not_translated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file holds the translation; other parameters or a damaged file are translated again."""
    path, cache = REPOSITORY / "template.yaml", tmp_path / "template.json"
    first = load_template(path, cache=cache)
    calls: list[dict[str, str]] = []
    real = translation.translate

    def translate(path: Path, parameters: dict[str, str]) -> dict[str, object]:
        calls.append(parameters)
        return real(path, parameters)

    monkeypatch.setattr(translation, "translate", translate)

    assert first == load_template(path, cache=cache)
    assert calls == []
    load_template(path, {"LogRetentionDays": "7"}, cache=cache)
    cache.write_text("{")
    assert first == load_template(path, cache=cache)
    assert calls == [{"LogRetentionDays": "7"}, {}]


def test_the_projects_template_has_a_meaning_here() -> None:
    """Every resource is made, run, read, or named with the reason why not."""
    check_resources(load_template(REPOSITORY / "template.yaml"))


def test_a_type_is_without_meaning_for_a_reason() -> None:
    """Each type that is not needed locally has a reason."""
    assert all(len(reason.split()) > 3 for reason in NOT_NEEDED_LOCALLY.values())


@pytest.mark.parametrize(
    ("named", "resources"),
    [
        ("Pool: AWS::Cognito::UserPool", "  Pool: {Type: AWS::Cognito::UserPool}"),
        (
            "Feed: ParallelizationFactor",
            "  Feed: {Type: AWS::Lambda::EventSourceMapping, Properties: {ParallelizationFactor: 2}}",
        ),
        (
            "Items: KinesisStreamSpecification",
            "  Items: {Type: AWS::DynamoDB::Table, Properties: {KinesisStreamSpecification: {StreamArn: x}}}",
        ),
        ("Items: Fn::Cidr", "  Items: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Cidr [x]}}"),
    ],
)
def test_what_has_no_meaning_is_named(tmp_path: Path, named: str, resources: str) -> None:
    """The error holds the resource and its type or property."""
    with pytest.raises(click.ClickException, match=f"template.yaml, {named} cannot be interpreted"):
        check_resources(template_of(tmp_path, resources))


def pushing(*types: str) -> Template:
    """Load the project's template with chosen types of pushes."""
    parameters = {"PushUrl": "https://hooks.example.com/", "PushTypes": ",".join(types)}
    return load_template(REPOSITORY / "template.yaml", parameters)


def test_types_of_pushes_become_prefixes() -> None:
    """EventBridge rejects more than about ten `wildcard` as too complex, with or without a `*`."""
    template = pushing("transcript.ready", " recording.*", "callback.system.*")
    pattern = json.loads(template.resources["PushRule"].properties["EventPattern"])

    assert {"source", "detail"} == pattern.keys()
    assert pattern["detail"]["type"] == [
        {"prefix": "transcript.ready"},
        {"prefix": "recording."},
        {"prefix": "callback.system."},
        "conversation.erased",
    ]


def test_more_types_of_pushes_than_a_pattern_holds_are_refused() -> None:
    """The start fails as a deployment would, and says which limit it is."""
    types = [f"callback.application.event_{each}" for each in range(50)]

    rules_of(pushing(*types[:40]))
    with pytest.raises(click.ClickException, match=r"PushRule: .* 2,\d{3} characters, but .* accepts 2,048"):
        rules_of(pushing(*types))


FUNCTION = """
  Api: {Type: AWS::Serverless::HttpApi, Properties: {DefaultRouteSettings: {ThrottlingRateLimit: 7}}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: hello.handler
      Runtime: %s
      CodeUri: code/
      Timeout: 7
      MemorySize: 256
      Environment: {Variables: {WORD: !Ref Word}}
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: %s, Path: "%s"}}
"""


def test_a_function_is_what_the_template_says(tmp_path: Path) -> None:
    """Handler, code, timeout, environment and route come from it, parameters included."""
    template = template_of(tmp_path, FUNCTION % ("python3.13", "GET", "/hello/{name}"), Word="hi")

    [function] = functions_of(template, FunctionHost("http://127.0.0.1:1", tmp_path, str))
    [route] = routes_of(template)

    assert (function.handler, function.timeout) == ("hello.handler", 7)
    assert function.environment["WORD"] == "hi"
    assert function.environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert function.environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert function.environment["PYTHONPATH"] == str(tmp_path / "code")
    assert (route.key, route.function) == ("GET /hello/{name}", "Hello")


def test_no_credentials_of_the_person_reach_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions get no keys, profile, proxies or configuration of the person."""
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "HTTPS_PROXY", "TAVUS_API_KEY"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    template = template_of(tmp_path, FUNCTION % ("python3.13", "GET", "/hello"))

    [function] = functions_of(template, FunctionHost("http://127.0.0.1:1", tmp_path, str))

    assert "mine" not in function.environment.values()


def read(template: Template, logs: Path) -> None:
    """Read routes and functions as the local stack does."""
    routes_of(template)
    functions_of(template, FunctionHost("http://127.0.0.1:1", logs, str))


@pytest.mark.parametrize(
    ("runtime", "method", "path", "what"),
    [
        ("nodejs22.x", "GET", "/hello", "Hello: its Runtime"),
        ("python3.13", "GET", "/{all+}/x", "Api, route get /{all[+]}/x: a greedy variable before the end"),
        ("python3.13", "GET", "/$default", "Api, route get /[$]default: a catch-all"),
        ("python3.13", "ANY", "/hello", "a catch-all"),
    ],
)
def test_a_function_or_route_without_meaning_is_named(
    tmp_path: Path, runtime: str, method: str, path: str, what: str
) -> None:
    """Another language, a catch-all route and a path that API Gateway refuses are errors, not surprises."""
    template = template_of(tmp_path, FUNCTION % (runtime, method, path))

    with pytest.raises(click.ClickException, match=what):
        read(template, tmp_path)


@pytest.mark.parametrize(
    "resources", ["  Api: {", "  Api: {Type: AWS::Serverless::Function, Properties: {}}"]
)
def test_a_broken_template_is_one_error(tmp_path: Path, resources: str) -> None:
    """A slip while editing gives a sentence, not a traceback."""
    with pytest.raises(click.ClickException, match=r"template\.yaml is not a valid SAM template: "):
        template_of(tmp_path, resources)


API = """
  Api: {Type: AWS::Serverless::HttpApi}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: hello.handler
      Runtime: python3.13
      CodeUri: code/
      Events:
"""
EVENT = """        Event%d: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: "%s"}}
"""


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        ("/a/b", "/a/b"),
        ("/a/{x}", "/a/c"),
        ("/{y}/b", "/c/b"),
        ("/a/{rest+}", "/a/c/d"),
        ("/{all+}", "/c/d/e"),
    ],
)
def test_a_full_match_wins_over_a_greedy_one(tmp_path: Path, expected: str, path: str) -> None:
    """The order of the template does not matter: fixed parts come first, greedy variables last."""
    paths = ["/{all+}", "/a/{rest+}", "/{y}/b", "/a/{x}", "/a/b"]
    events = "".join(EVENT % each for each in enumerate(paths))
    routes = routes_of(template_of(tmp_path, API + events))

    found = match_route(routes, "GET", path)

    assert found is not None
    assert expected == found[0].path
