"""Arguments are parsed as people mean them, or refused with the right form."""

from datetime import UTC, datetime, timedelta

import click
import pytest
from click.testing import CliRunner

from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.main import main


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (timedelta(seconds=45), "45s"),
        (timedelta(minutes=30), "30m"),
        (timedelta(hours=12), "12h"),
        (timedelta(days=7), "7d"),
        (timedelta(0), "0d"),
    ],
)
def test_a_duration_is_a_number_and_a_unit(expected, text):
    """Units are seconds, minutes, hours and days."""
    assert expected == options.duration(text)


@pytest.mark.parametrize("text", ["", "7", "d", "1w", "-1d", "1.5h", "7 d", "1000000d", "٣d"])
def test_anything_else_is_no_duration(text):
    """The error shows the right form."""
    with pytest.raises(click.BadParameter, match="7d"):
        options.duration(text)


@pytest.mark.parametrize("text", ["2027-03-01T12:00:00Z", "2027-03-01T13:00:00+01:00", "2027-03-01 12:00"])
def test_a_time_is_iso_8601_and_utc_unless_it_names_a_zone(text):
    """Times printed by `--json` can be pasted."""
    assert datetime(2027, 3, 1, 12, tzinfo=UTC) == options.moment(text)


def test_a_time_can_be_how_long_ago():
    """`2h` is two hours before now."""
    ago = datetime.now(UTC) - options.moment("2h")

    assert abs(ago - timedelta(hours=2)) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "yesterday", "2027-13-01", "1850-01-01"])
def test_anything_else_is_no_time(text):
    """The error shows both forms."""
    with pytest.raises(click.BadParameter, match=r"is not a time. Use 2h, 3d or 2026-11-28T10:00Z"):
        options.moment(text)


@pytest.mark.parametrize("text", ["30d", "2099-03-01T12:00:00Z", "2099-03-01"])
def test_an_expiry_is_a_time_to_come(text):
    """`30d` is thirty days from now; a time without a zone is UTC."""
    days = (options.expiry(text) - datetime.now(UTC)) / timedelta(days=1)

    assert days > 10000 if "2099" in text else abs(days - 30) < 0.01


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *[(text, "is not a time. Use 30d") for text in ("", "never", "30", "2150-01-01", "-1d")],
        *[(text, "is in the past. Use 30d") for text in ("0d", "2026-01-01T00:00:00Z")],
    ],
)
def test_a_token_cannot_expire_at_any_other_time(text, says):
    """The error shows the right form."""
    with pytest.raises(click.BadParameter, match=says):
        options.expiry(text)


@pytest.mark.parametrize("text", ["a", "website", "Web-site_2.eu", "0", "a" * 64])
def test_a_label_is_a_plain_name(text):
    """Letters, digits, dots, dashes and underscores need no escaping anywhere."""
    assert text == options.label(text)


@pytest.mark.parametrize("text", ["", "a b", "-a", "a\n", "a" * 65, "ä", "a/b", "[red]"])
def test_anything_else_is_no_label(text):
    """A label is shown in events, logs and answers, so it must be plain."""
    with pytest.raises(click.BadParameter, match="1 to 64 letters"):
        options.label(text)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (("user", "4711"), "user:4711"),
        (("user", "4711"), "user=4711"),
        (("url", "a:b=c"), "url:a:b=c"),
        (("url", "a:b=c"), "url=a:b=c"),
        (("a", ""), "a:"),
    ],
)
def test_a_tag_is_a_name_and_a_value(expected, text):
    """The first colon or equals sign separates them, so a value may contain both."""
    assert expected == options.tag(text)


@pytest.mark.parametrize("text", ["", "user", ":4711", "=4711"])
def test_anything_else_is_no_tag(text):
    """The error shows an example."""
    with pytest.raises(click.BadParameter, match="user:4711"):
        options.tag(text)


@pytest.mark.parametrize("url", ["https://a.example", "https://a.example/base/", "http://localhost:8787"])
def test_a_public_url_is_an_address_to_add_a_path_to(url):
    """Slashes at its end are removed."""
    assert url.rstrip("/") == options.public_url(None, None, url)


BAD_URLS = (
    *("http://[", "https://", "https:///x", "a.example", "ftp://a.example", "https://a b.example"),
    *(
        "https://a.example:99999",
        "https://a.example:0",
        "https://xn--",
        "https://999.1.1.1",
        "https://xn--\u0131.example",
    ),
    *("https://\u2764_-/", "https://a.example/\x1b", ""),
)


@pytest.mark.parametrize("url", [*BAD_URLS, "https://me:secret@a.example", "https://a.example?x=1"])
def test_anything_else_is_no_public_url(url):
    """The error shows the form and repeats no password."""
    with pytest.raises(click.BadParameter, match="https://HOST") as caught:
        options.public_url(None, None, url)

    assert "secret" not in caught.value.message


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_cannot_be_asked_is_refused(url):
    """A malformed address ends in a sentence before anything is sent."""
    with pytest.raises(click.BadParameter, match="This is not a web address"):
        options.http_url(None, None, url)


def test_a_template_parameter_for_an_address_is_one():
    """A malformed PushUrl is refused at the start, not at the first push."""
    result = CliRunner().invoke(main, ["local", "--parameter", "PushUrl=http://["])

    assert 2 == result.exit_code
    assert "PushUrl is not a web address." in result.stderr


WITH_ID = (
    *("show", "transcript", "recording", "recording c1", "console", "backfill", "export --to x.zip"),
    *("replay --to http://localhost/", "erase conversation", "failed redrive"),
    *("quarantine show", "quarantine redrive", "quarantine delete"),
)


@pytest.mark.parametrize("command", WITH_ID)
@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_id_is_called_empty(command, text):
    """It comes from a shell variable that is not set, and selects nothing."""
    result = CliRunner().invoke(main, [*command.split(), text, "--local"])

    assert 2 == result.exit_code
    assert "The id is empty." in result.stderr
