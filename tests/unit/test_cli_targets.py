"""The person names one target, and no token goes where it should not."""

import click
import pytest
from click.testing import CliRunner

from samples import TOKEN
from tavus_callbacks_cli.local_stack import registry
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.targets import choose as targets
from tavus_callbacks_cli.targets.choose import LocalTarget, StackTarget, Target, UrlTarget


def stack(port: int) -> RunningStack:
    """Describe a local stack without a running server."""
    return RunningStack(
        pid=1,
        port=port,
        api_url=f"http://127.0.0.1:{port}",
        callback_url=f"http://127.0.0.1:{port}/callbacks/{TOKEN}",
        read_token=TOKEN,
        quarantine_token=TOKEN,
        endpoint_url="http://127.0.0.1:1",
        region="us-east-1",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        outputs={"TokensTableName": "tokens", "EventsTableName": "events"},
    )


@pytest.fixture
def running(monkeypatch):
    """Let the registry return the stacks that the test puts into this list."""
    stacks: list[RunningStack] = []
    monkeypatch.setattr(registry, "running_stacks", lambda: stacks)
    return stacks


def choose(environment: dict[str, str] | None = None, **options: object) -> Target:
    """Choose a target as a command does."""
    given: dict[str, object] = {"is_local": False, "port": None, "stack": None, "region": None}
    return targets.choose(environment or {}, **(given | options))  # type: ignore[arg-type]  # a test's options


def test_local_takes_the_only_stack(running):
    """One running stack needs no port, and --local ignores the environment."""
    running.append(stack(9001))

    assert LocalTarget(stack(9001)) == choose({"TAVUS_CALLBACKS_URL": "https://example.com"}, is_local=True)


def test_local_takes_the_port_where_several_run(running):
    """--port selects one of several local stacks."""
    running += [stack(9001), stack(9002)]

    target = choose(is_local=True, port=9002)

    assert LocalTarget(stack(9002), has_port=True) == target
    assert ("--local", "--port", "9002") == target.options


def test_several_local_stacks_want_a_port(running):
    """None of two stacks is guessed."""
    running += [stack(9001), stack(9002)]

    with pytest.raises(click.UsageError, match=r"9001, 9002. Add --port"):
        choose(is_local=True)


def test_a_port_where_none_runs_names_those_that_do(running):
    """The error lists the ports that would work."""
    running.append(stack(9001))

    with pytest.raises(click.ClickException, match=r"port 1. Running: 9001"):
        choose(is_local=True, port=1)


def test_a_stack_is_named_with_its_region():
    """Several regions may have a stack of that name, so the region is printed."""
    target = choose(stack="production", region="eu-west-1")

    assert isinstance(target, StackTarget)
    assert "stack production in eu-west-1" == target.name


@pytest.mark.parametrize(
    "options",
    [
        {"is_local": True, "stack": "production"},
        {"port": 9001},
        {"stack": "production", "port": 9001},
        {"region": "eu-west-1"},
        {"is_local": True, "region": "eu-west-1"},
        {"stack": ""},
        {"stack": "production", "region": ""},
    ],
)
def test_contradictions_are_usage_errors(options, running):
    """Two targets, an empty one, or an option of another one are refused before any request."""
    running.append(stack(9001))

    with pytest.raises(click.UsageError):
        choose({"TAVUS_CALLBACKS_URL": "https://example.com"}, **options)


@pytest.mark.parametrize("options", [{}, {"region": "eu-west-1"}])
def test_the_environment_names_a_default_stack(options):
    """TAVUS_CALLBACKS_STACK stands for --stack, and --region goes with it."""
    target = choose({"TAVUS_CALLBACKS_STACK": "production"}, **options)

    assert isinstance(target, StackTarget)
    assert "production" == target.stack


def test_an_option_wins_over_the_environment(running):
    """--stack and --local replace the default, even if the environment names two."""
    running.append(stack(9001))
    both = {"TAVUS_CALLBACKS_STACK": "production", "TAVUS_CALLBACKS_URL": "https://example.com"}

    assert choose(both, is_local=True).is_local
    assert "stack staging in eu-west-1" == choose(both, stack="staging", region="eu-west-1").name


def test_two_defaults_are_an_error_that_names_both():
    """No default is guessed."""
    with pytest.raises(click.UsageError, match=r"TAVUS_CALLBACKS_STACK and TAVUS_CALLBACKS_URL are both set"):
        choose({"TAVUS_CALLBACKS_STACK": "production", "TAVUS_CALLBACKS_URL": "https://example.com"})


@pytest.mark.parametrize(
    "arguments",
    [
        ("erase", "conversation", "c1", "--yes"),
        ("restore", "--from", "table"),
        ("quarantine", "redrive", "--all"),
        ("quarantine", "delete", "0123", "--yes"),
        ("failed", "redrive", "--all"),
        ("token", "revoke", "production", "--yes"),
        ("pause",),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    ("variable", "value", "option"),
    [
        ("TAVUS_CALLBACKS_STACK", "my stack", "`--stack 'my stack'`"),
        ("TAVUS_CALLBACKS_URL", "https://example.com", "--local or --stack NAME"),
        ("UNRELATED", "1", "--local or --stack NAME"),
    ],
)
def test_a_command_that_changes_data_wants_its_target_on_the_line(
    arguments, variable, value, option, monkeypatch
):
    """A default of the environment erases, revokes and stops nothing. The error names the option to add."""
    for name in ("TAVUS_CALLBACKS_STACK", "TAVUS_CALLBACKS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)

    result = CliRunner().invoke(main, arguments)

    assert 2 == result.exit_code
    assert f"Add {option}:" in result.stderr


@pytest.mark.parametrize("url", ["https://example.com", " https://example.com/ ", "https://example.com/v1"])
def test_the_environment_names_a_url(url):
    """Space and slash at the ends are removed."""
    target = choose({"TAVUS_CALLBACKS_URL": url})

    assert isinstance(target, UrlTarget)
    assert url.strip().rstrip("/") == target.name


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "http://example.com",
        "https://user:secret@example.com",
        f"https://example.com/callbacks/{TOKEN}",
        "https://example.com?x=secret",
        "https://[::1",
        "https://example.com:99999",
        "https://example..com",
        f"https://{'a' * 64}.example",
    ],
)
def test_a_url_that_is_none_gets_no_token(url):
    """A URL that is not an API's https address is refused and not repeated."""
    with pytest.raises(click.UsageError) as caught:
        choose({"TAVUS_CALLBACKS_URL": url})

    assert "ApiUrl" in caught.value.message or "/callbacks/" in caught.value.message
    assert "secret" not in caught.value.message
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize("url", ["http://127.0.0.1:9001", "http://localhost:9001", "http://[::1]:9001"])
def test_plain_http_is_for_this_machine(url):
    """Loopback needs no TLS."""
    assert url == choose({"TAVUS_CALLBACKS_URL": url}).name


@pytest.mark.parametrize("token", ["", "  ", "some-other-secret", TOKEN[:-1]])
@pytest.mark.parametrize("scope", ["read", "quarantine"])
def test_what_is_no_token_is_never_sent(token, scope):
    """The error for a missing or broken token names its variable and how to create one."""
    variable = f"TAVUS_CALLBACKS_{scope.upper()}_TOKEN"
    target = choose({"TAVUS_CALLBACKS_URL": "https://example.com", variable: token})

    with (
        pytest.raises(click.UsageError, match=f"{variable} .*--scope {scope}") as caught,
        target.open_api(scope),
    ):
        pass

    assert not token.strip() or token not in caught.value.message


def test_a_url_manages_no_tokens():
    """Creating tokens takes AWS credentials."""
    with pytest.raises(click.UsageError, match=r"--stack NAME or --local"):
        choose({"TAVUS_CALLBACKS_URL": "https://example.com"}).tables()


def test_a_stack_of_another_kind_is_told():
    """A stack without our outputs is not a tavus-callbacks stack."""
    with pytest.raises(click.ClickException, match=r"no output 'ApiUrl'"):
        LocalTarget(stack(9001)).tables()


def test_the_target_is_always_said(running):
    """Every command prints its target on standard error."""
    running.append(stack(1))

    result = CliRunner().invoke(main, ["show", "c123", "--local"])

    assert "on the local stack on port 1\n" == result.stderr.splitlines(keepends=True)[0]
    assert "No answer" in result.stderr
    assert 1 == result.exit_code
