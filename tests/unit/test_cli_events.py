"""`show`, `tail` and `quarantine` print stored data for people and for programs."""

import json
from typing import Any
from unittest.mock import patch

import click
import pytest
from fake_target import run

from tavus_callbacks.domain.callbacks.event import event_id
from tavus_callbacks_cli.commands import tail
from tavus_callbacks_cli.operations.ids import shorten_event_id

REF = f"{1_800_000_000_000_000:020}-{'0' * 32}"
EVIL = "\x1b[2J[bold red]\u202e"


def event(subject: str = "c123", event_type: str = "system.shutdown", **members: Any) -> dict[str, Any]:
    """Make an event as the API answers it."""
    return {
        "event_id": event_id("conversation", subject, REF),
        "family": "conversation",
        "kind": "conversation",
        "subject": subject,
        "event_type": event_type,
        "occurred_at": "2027-03-01T12:00:00.000000Z",
        "received_at": "2027-03-01T12:00:01.000000Z",
        "label": "website",
        "tags": {"user": "4711"},
        "issues": [],
        "body": {"event_type": event_type},
    } | members


def entry(**members: Any) -> dict[str, Any]:
    """Make an entry in quarantine as the API answers it."""
    return {
        "quarantine_id": "0" * 32,
        "status": 400,
        "title": "Not a JSON object",
        "detail": "The body is empty.",
        "label": "website",
        "tags": {},
        "first_received_at": "2027-03-01T12:00:00.000000Z",
        "last_received_at": "2027-03-01T12:30:00.000000Z",
        "count": 3,
        "size": 10,
        "body": "no\x1bsense\nat all",
    } | members


@pytest.fixture
def target(target, waits):  # noqa: ARG001 - no command waits
    """Let every command work on a fake, without waiting."""
    return target


@pytest.fixture
def followed(target):
    """Let `tail` find an empty quarantine."""
    target.quarantine = [{"quarantine": [], "cursor": None}]
    return target


def events_page(*events: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    """Make a page of a list of events."""
    return {"events": list(events), "cursor": cursor}


def test_show_lists_the_events_of_all_pages(target):
    """A row has the time, type, size, issues and id of an event."""
    target.answers = [
        events_page(event(), cursor="next"),
        events_page(event(event_type="system.replica_joined", issues=["unusable_time"], occurred_at=None)),
    ]

    result = run("show", "c123", "--events")

    assert (0, ["read"]) == (result.exit_code, target.scopes)
    head, first, second = result.stdout.splitlines()
    assert ["event", "size", "issues", "event", "id"] == head.split()[2:]
    assert "system.shutdown" in first
    assert event()["event_id"] in first
    assert ["-", "system.replica_joined", "39", "B", "unusable_time"] == second.split()[:5]
    assert "/events?limit=200&kind=conversation&subject=c123&cursor=next" == target.asked[1]


def test_show_prints_all_pages_as_one_json(target):
    """Programs get the API's own members, with ISO times."""
    target.answers = [events_page(event(), cursor="next"), events_page(event("c124"))]
    shown = run("show", "c123", "--events", "--json").stdout

    assert {"events": [event(), event("c124")]} == json.loads(shown)


def test_show_sets_variants_under_their_event(target):
    """A variant has its own row and id below its event."""
    variant = event(issues=["variant"], variant_id="conversation.c123.other")
    target.answers = [events_page(event(variants=[variant]))]

    lines = run("show", "c123", "--events").stdout.splitlines()

    assert "└ system.shutdown" in lines[2]
    assert "conversation.c123.other" in lines[2]


def test_show_tells_a_large_body_without_fetching_it(target):
    """A body that is not in the list is shown as over the limit."""
    large = {name: value for name, value in event().items() if name != "body"} | {
        "body_url": "/events/x/body"
    }
    target.answers = [events_page(large)]

    assert "over 256.0 KB" in run("show", "c123", "--events").stdout


def test_show_of_an_unusual_id_and_another_kind(target):
    """Any id can be shown, whatever its characters."""
    target.answers = [events_page(event())]

    run("show", "a/b?c&d", "--kind", "video")

    assert "/events?limit=200&kind=video&subject=a%2Fb%3Fc%26d" == target.asked[0]


def test_show_finds_the_kind_whose_events_it_lists(target):
    """A video's events need no --kind, just like its page."""
    page = events_page(event("v123", kind="video"))
    target.answers = [events_page(), page]

    result = run("show", "v123", "--events", "--json")

    assert page["events"] == json.loads(result.stdout)["events"]
    assert "/events?limit=200&kind=video&subject=v123" == target.asked[1]


def test_show_of_nothing_kept_ends_with_1_and_says_what_to_do(target):
    """An unknown id is an error with advice, not an empty list."""
    target.answers = [events_page()]

    result = run("show", "c999", "--events", "--kind", "objective")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "'c999'" in result.stderr
    assert "tail --since" in result.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_show_of_an_event_id_prints_its_body(options, target):
    """The stored body is printed as indented JSON that a terminal can show."""
    target.answers = [{"text": "日本 \x1b[2J"}]

    result = run("show", event()["event_id"], *options)

    assert '{\n  "text": "日本 \\u001b[2J"\n}\n' == result.stdout
    assert f"/events/{event()['event_id']}/body" == target.asked[0]


def test_tail_follows_from_now_by_cursor(followed):
    """Each request continues after the one before; Ctrl-C ends it without an error."""
    followed.answers = [
        events_page(event(), cursor="a"),
        events_page(cursor="b"),
        events_page(event("c124"), cursor="c"),
    ]

    result = run("tail")

    assert 0 == result.exit_code
    assert ["c123", "c124"] == [line.split()[3] for line in result.stdout.splitlines()]
    assert "on a fake\nwaiting for events, Ctrl-C to stop; times are in " in result.stderr
    assert followed.asked[0].startswith("/events?after=20")
    assert [f"/events?after={cursor}" for cursor in "abc"] == followed.asked[1:]


def test_tail_prints_one_json_object_a_line(followed):
    """A program can read the output line by line."""
    followed.answers = [events_page(event(), event("c124"), cursor="a")]

    lines = run("tail", "--json").stdout.splitlines()

    assert [event(), event("c124")] == [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["c1", "c2", "c3"]),
        (("--kind", "video"), ["c2"]),
        (("--event-type", "system.shutdown"), ["c1", "c2"]),
        (("--label", "website"), ["c1", "c3"]),
        (("--tag", "user:4711"), ["c1", "c3"]),
        (("--tag", "user:4711", "--tag", "plan:pro"), ["c3"]),
        (("--tag", "user:"), []),
        (("--kind", "video", "--label", "website"), []),
    ],
)
def test_tail_shows_what_fits_every_filter(options, expected, followed):
    """An event must match all filters."""
    events = [
        event("c1"),
        event("c2", kind="video", label="other", tags={}),
        event("c3", event_type="x", tags={"user": "4711", "plan": "pro"}),
    ]
    followed.answers = [events_page(*events, cursor="a")]

    lines = run("tail", "--json", *options).stdout.splitlines()

    assert expected == [json.loads(line)["subject"] for line in lines]


def test_tail_goes_on_when_the_stack_does_not_answer_for_a_while(followed):
    """A failed request is noted and repeated, so no event is left out."""
    followed.answers = [
        events_page(cursor="a"),
        (503, {"detail": "Throttled"}),
        events_page(event(), cursor="b"),
    ]

    result = run("tail", "--json")

    assert 0 == result.exit_code
    assert 1 == len(result.stdout.splitlines())
    assert "503: Throttled" in result.stderr
    assert "/events?after=a" == followed.asked[1] == followed.asked[2]


def test_tail_ends_at_once_where_it_cannot_begin(followed):
    """A wrong address or a refused token ends the command."""
    followed.answers = [(401, {})]

    assert 1 == run("tail").exit_code


def test_tail_ends_when_the_token_is_revoked(followed):
    """A revoked token ends the command."""
    followed.answers = [events_page(cursor="a"), (401, {})]

    result = run("tail")

    assert 1 == result.exit_code
    assert "Make a token." in result.stderr


def test_tail_begins_where_it_is_told(followed):
    """--since takes a time."""
    followed.answers = [events_page(cursor="a")]

    run("tail", "--since", "2027-03-01T12:00:00Z")

    assert "/events?after=2027-03-01T12%3A00%3A00.000000Z" == followed.asked[0]


def test_tail_shows_what_was_refused_and_once(followed):
    """A body that went to quarantine has a line with its reason and id, and another when it comes again."""
    later = {"last_received_at": "2027-03-01T12:45:00.000000Z", "count": 4}
    other = entry(quarantine_id="1" * 32, last_received_at="2027-03-01T11:00:00.000000Z")
    followed.quarantine = [{"quarantine": [each, other]} for each in (entry(), entry(), entry(**later))]
    followed.answers = [events_page(cursor=cursor) for cursor in "abcd"]

    with patch.object(tail, "_PAUSE", 0):
        shown = run("tail", "--since", "2027-03-01T12:00:00Z").stdout.splitlines()

    assert ["refused 400 The body is empty. website"] * 2 == [line[20:].partition("  ")[0] for line in shown]
    assert all(line.endswith("  00000000") for line in shown)


def test_tail_shows_many_refused_callbacks_at_once(followed):
    """After a page full of new entries a longer one is asked for, so that none is skipped."""
    burst = [entry(quarantine_id=f"{n:032}") for n in range(30)]
    followed.quarantine = [{"quarantine": page} for page in ([], burst[:20], burst)]
    followed.answers = [events_page(cursor=cursor) for cursor in "abc"]

    with patch.object(tail, "_PAUSE", 0):
        shown = run("tail", "--since", "2027-03-01T12:00:00Z").stdout.splitlines()

    assert 30 == len(shown)


@pytest.mark.parametrize("options", [("--kind", "video"), ("--tag", "user:1"), ("--label", "x"), ("--json",)])
def test_tail_shows_only_what_was_asked_for(followed, options):
    """A refused body has no kind or type; label and tags filter it as they filter events."""
    followed.quarantine = [{"quarantine": [entry()]}]
    followed.answers = [events_page(cursor="a")]

    assert "" == run("tail", "--since", "2027-03-01T12:00:00Z", *options).stdout


def test_tail_says_why_it_shows_nothing_refused(followed):
    """Without a quarantine token the events are shown all the same."""
    error = click.UsageError("TAVUS_CALLBACKS_QUARANTINE_TOKEN is not set.")
    followed.refused_scopes = {"quarantine": error}
    followed.answers = [events_page(event(), cursor="a")]

    result = run("tail")

    assert "c123" in result.stdout
    assert "Refused callbacks are not shown. TAVUS_CALLBACKS_QUARANTINE_TOKEN is not set.\n" in result.stderr


def test_quarantine_lists_reasons(target):
    """A row has id, time, count, label, size and reason."""
    target.answers = [{"quarantine": [entry()], "cursor": None}]

    result = run("quarantine", "list")

    assert (0, ["quarantine"]) == (result.exit_code, target.scopes)
    row = result.stdout.splitlines()[1]
    assert ["3", "website", "10", "B", "400", "The", "body", "is", "empty."] == row.split()[3:]


def test_quarantine_list_is_limited_and_says_so(target):
    """Only the needed pages are read, and a note says that there is more."""
    page = {"quarantine": [entry(), entry(), entry()], "cursor": "next"}
    target.answers = [page, page]

    result = run("quarantine", "list", "--limit", "2", "--json")

    assert [entry(), entry()] == json.loads(result.stdout)["quarantine"]
    assert 1 == len(target.asked)
    assert "There are more" in result.stderr


def test_an_empty_quarantine_is_good_news(target):
    """An empty quarantine is noted and is not an error."""
    target.answers = [{"quarantine": [], "cursor": None}]

    result = run("quarantine", "list")

    assert 0 == result.exit_code
    assert "Nothing is in quarantine." in result.stderr


def test_quarantine_show_prints_reason_and_body_escaped(target):
    """Lines stay lines, and every other control character is escaped."""
    target.answers = [
        {"quarantine": [entry(quarantine_id="1" * 32)], "cursor": "n"},
        {"quarantine": [entry()]},
    ]

    result = run("quarantine", "show", "0" * 32)

    assert 0 == result.exit_code
    assert "400 Not a JSON object: The body is empty." in result.stdout
    assert result.stdout.endswith("\nno\\x1bsense\nat all\n")


def test_quarantine_show_of_nothing_ends_with_1(target):
    """The error names the command that lists ids."""
    target.answers = [{"quarantine": [], "cursor": None}]

    result = run("quarantine", "show", "1" * 32)

    assert 1 == result.exit_code
    assert "quarantine list" in result.stderr


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_body_too_large_for_the_list_is_asked_for_alone(target, form):
    """A large body is requested alone and printed whole."""
    target.answers = [{"quarantine": [entry(body=None)], "cursor": None}, "no json at all"]

    assert "no json at all" in run("quarantine", "show", "0" * 32, *form).stdout
    assert f"/quarantine/{'0' * 32}/body" == target.asked[1]


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        (
            ("show", "c123", "--events"),
            events_page(event(EVIL, EVIL, label=EVIL, tags={EVIL: EVIL}, issues=[EVIL])),
        ),
        (("show", "c123", "--events", "--json"), events_page(event(EVIL, EVIL))),
        (("tail",), events_page(event(EVIL, EVIL, label=EVIL, tags={EVIL: EVIL}, issues=[EVIL]), cursor="a")),
        (("tail", "--json"), events_page(event(EVIL), cursor="a")),
        (("quarantine", "list"), {"quarantine": [entry(detail=EVIL, label=EVIL)]}),
        (
            ("quarantine", "show", "0" * 32),
            {"quarantine": [entry(detail=EVIL, tags={EVIL: EVIL}, body=EVIL)]},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_nothing_kept_steers_the_terminal(arguments, page, target):
    """Escapes, text direction and rich's markup are printed as text."""
    target.answers = [page]

    output = run(*arguments).output

    assert "[bold red]" in output
    assert not {"\x1b", "\u202e"} & set(output)


@pytest.mark.parametrize(("colour", "variables"), [(True, {}), (False, {"NO_COLOR": "1"})])
def test_colours_are_for_terminals_that_want_them(colour, variables, target, monkeypatch):
    """A terminal gets colours, NO_COLOR removes them, and a pipe has none (all other tests here)."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    target.answers = [events_page(event(), cursor="a")]

    assert colour == ("\x1b[36m" in run("tail").stdout)


@pytest.mark.usefixtures("narrow")
def test_an_event_id_is_short_on_a_terminal_and_whole_with_wide(target):
    """A whole id is longer than the terminal and is printed in one piece; the terminal wraps it."""
    target.answers = [events_page(event())] * 2

    short, wide = (run("show", "c123", "--events", *wide).stdout for wide in ((), ("--wide",)))

    short_id = shorten_event_id(event()["event_id"]).short
    assert click.unstyle(short).rstrip().endswith(f"  33 B  {short_id}")
    assert f"  {event()['event_id']}" == click.unstyle(wide).splitlines()[-1]


@pytest.mark.usefixtures("narrow")
def test_tail_folds_at_words_on_a_narrow_terminal(target):
    """A long line continues below the event type."""
    target.answers = [events_page(event(issues=["variant"]), cursor="a")]

    first, *rest = click.unstyle(run("tail").stdout).splitlines()

    assert ["system.shutdown", "c123"] == first.split()[2:]
    assert [["website", "user:4711", "variant"]] == [line.split() for line in rest]
    assert all(line.startswith(" " * 15) and len(line) <= 60 for line in rest)
