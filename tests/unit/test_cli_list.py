"""`list` shows conversations, videos, replicas and events, with every filter of the API."""

import json

import pytest
from fake_target import FakeTarget, run

from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks_cli.output.text import moment
from tavus_callbacks_cli.targets import choose

AT = "2027-03-01T12:00:00.000000Z"
EVIL = "\x1b[2J[bold red]\u202e"


def conversation(name="c123", **members):
    """Make a conversation as a list answers it."""
    return {
        "conversation_id": name,
        "status": "ended",
        "joined_at": AT,
        "ended_at": AT,
        "duration": 75.5,
        "end_reason": "participant_left_timeout",
        "has_transcript": True,
        "turns": 7,
        "talk": None,
        "recordings": 0,
        "guardrails": 0,
        "missing": ["perception"],
        "tags": {"user": "4711"},
        "labels": ["website"],
        "simulated": False,
        "received_first_at": AT,
        "received_last_at": AT,
    } | members


def video(name="v123", **members):
    """Make a video as a list answers it."""
    made = {"kind": "video", "id": name, "status": "ready", "tags": {}, "labels": ["website"]}
    return made | {"simulated": False, "received_first_at": AT, "received_last_at": AT} | members


def event(subject="c123", **members):
    """Make an event as a list answers it."""
    return {
        "event_id": f"conversation.{subject}.x",
        "kind": "conversation",
        "subject": subject,
        "event_type": "system.shutdown",
        "received_at": AT,
        "label": "website",
        "tags": {"user": "4711"},
    } | members


def test_conversations_are_listed_as_a_table(target):
    """A row has status, times, duration, end reason and missing parts."""
    target.answers = [{"conversations": [conversation()], "cursor": None}]

    result = run("list")

    assert (0, ["read"]) == (result.exit_code, target.scopes)
    row = result.stdout.splitlines()[1].split()
    assert ["c123", "ended", "0:01:16", "7", "participant_left_timeout", "perception", "user:4711"] == [
        *row[:2],
        *row[4:],
    ]


def test_triggers_of_guardrails_are_counted_in_the_list(target):
    """The list shows in which conversations a guardrail was triggered."""
    target.answers = [
        {"conversations": [conversation("c1", guardrails=12), conversation("c2")], "cursor": None}
    ]

    head, first, second = run("list").stdout.splitlines()

    assert "guardrails" in head
    assert " 12 " in first
    assert " 12 " not in second


def test_a_beginning_that_is_not_known_is_marked(target):
    """A time of receipt may be hours later, so it is marked; without one, no note is printed."""
    later = "2027-03-01T15:00:00.000000Z"
    unknown = conversation("c2", joined_at=None, received_first_at=later)
    target.answers = [{"conversations": [conversation("c1"), unknown], "cursor": None}]
    target.answers += [{"conversations": [conversation("c1")], "cursor": None}]

    marked, plain = run("list"), run("list")

    assert [f"{moment(AT)}  ", f"{moment(later)} *"] == [
        line[22:43] for line in marked.stdout.splitlines()[1:]
    ]
    assert "* The start is unknown. This is the time of the first callback.\n" in marked.stderr
    assert "*" not in plain.output


def test_faces_are_what_the_api_calls_replicas(target):
    """Tavus renamed replicas to faces in 2026; both words give the same list."""
    trained = event("r1", kind="replica", event_type="replica.ready")
    target.answers = [
        {"replicas": [video("r1")], "cursor": None},
        {"events": [event(), trained], "cursor": "x"},
        {"events": [], "cursor": "x"},
    ]

    faces, events = run("list", "faces"), run("list", "events", "--kind", "face")

    assert "/replicas?limit=51&simulated=false" == target.asked[0]
    assert "r1" in faces.stdout
    assert ["replica.ready"] == [line.split()[4] for line in events.stdout.splitlines()[1:]]


def test_every_filter_is_handed_to_the_api(target):
    """The API filters before it cuts a page."""
    target.answers = [{"conversations": [], "cursor": None}]

    run(
        *("list", "conversations", "--tag", "user:4711", "--label", "shop", "--status", "ended"),
        *("--missing", "transcript", "--since", AT, "--until", AT, "--limit", "3"),
    )

    [asked] = target.asked
    time = "2027-03-01T12%3A00%3A00.000000Z"
    for part in ("tag=user%3A4711", "label=shop", "status=ended", "missing=transcript", "limit=4"):
        assert part in asked
    assert f"since={time}&until={time}" in asked


def test_pages_are_read_until_there_is_enough(target):
    """Sparse pages are read on, and a note says that there is more."""
    target.answers = [
        {"conversations": [conversation("c1")], "cursor": "a"},
        {"conversations": [], "cursor": "b"},
        {"conversations": [conversation("c2"), conversation("c3")], "cursor": None},
    ]

    result = run("list", "--limit", "2", "--json")

    assert ["c1", "c2"] == [each["conversation_id"] for each in json.loads(result.stdout)["conversations"]]
    assert "There are more" in result.stderr


@pytest.mark.parametrize("what", [name for name in LISTS.values() if name != "conversations"])
def test_each_kind_of_resource_has_a_list(target, what):
    """A row has status and last receipt."""
    target.answers = [{what: [video()], "cursor": None}]

    result = run("list", what, "--status", "ready")

    assert ["v123", "ready"] == result.stdout.splitlines()[1].split()[:2]
    assert target.asked[0].startswith(f"/{what}?")


@pytest.mark.parametrize("command", ["list", "list events", "tail", "stats", "problems"])
def test_simulated_data_is_shown_where_it_belongs(command, monkeypatch):
    """A deployed stack leaves it out unless asked; a local stack, and a filter for its tag, show it."""
    monkeypatch.setattr("tavus_callbacks_cli.operations.problems.operator_problems", lambda _: [])
    page = {
        "conversations": [],
        "quarantine": [],
        "cursor": None,
        "events": [event(tags={"simulated": "true"}, issues=[])],
    }
    whole = {**page, "conversations": [conversation(simulated=True, recording_statuses=["failed"])]}
    shown = []
    for target, options in (
        (FakeTarget(), ()),
        (FakeTarget(), ("--simulated",)),
        (FakeTarget(is_local=True), ()),
        *([(FakeTarget(), ("--tag", "simulated:true"))] if command != "problems" else []),
    ):
        # A list ends without a cursor; the feed of `tail` always has one.
        feed = {**whole, "cursor": "c"} if command == "tail" else whole
        target.answers = [feed, {**feed, "events": []}]
        if command == "tail":
            target.quarantine = [page]
        if command == "problems":
            refused = {"first_received_at": "2027-03-01T12:00:00.000000Z", "tags": {"simulated": "true"}}
            target.answers = [{**page, "quarantine": [refused]}, whole]
        monkeypatch.setattr(choose, "choose", lambda *_, named=target, **__: named)
        result = run(*command.split(), *options)
        is_left_out = any("simulated=false" in asked for asked in target.asked)
        if command == "problems":
            assert is_left_out == ("in quarantine" not in result.stdout)
        # Events are filtered here, because a position of the feed passes over nothing.
        shown.append("c123" in result.stdout if "events" in str(target.asked[0]) else not is_left_out)

    assert [False, True, True, True][: len(shown)] == shown


def test_simulated_rows_are_marked(target):
    """Every table has a mark, which does not depend on other tags."""
    tags = {"simulated": "true"}
    target.answers = [
        {"conversations": [conversation("c1", simulated=True), conversation("c2")], "cursor": None},
        {"videos": [video("v1", simulated=True), video("v2")], "cursor": None},
        {"events": [event("e1", tags=tags), event("e2")], "cursor": "x"},
        {"events": [], "cursor": "x"},
    ]

    for what in ("conversations", "videos", "events"):
        head, first, second = run("list", what, "--simulated").stdout.splitlines()
        assert ["simulated" in head, " yes" in first, " yes" in second] == [True, True, False]


def test_nothing_found_is_said(target):
    """An empty list is not an error, and a note says so."""
    target.answers = [{"videos": [], "cursor": None}]

    result = run("list", "videos")

    assert 0 == result.exit_code
    assert "No videos" in result.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["c1", "c2", "c3"]),
        (("--kind", "video"), ["c2"]),
        (("--event-type", "x"), ["c3"]),
        (("--label", "website", "--tag", "user:4711"), ["c1", "c3"]),
        (("--until", "2027-03-01T11:00:00Z"), []),
    ],
)
def test_events_are_listed_in_the_order_in_which_they_came(target, options, expected):
    """An event must match all filters, and the list ends after the last event."""
    events = [event("c1"), event("c2", kind="video", tags={}), event("c3", event_type="x")]
    target.answers = [{"events": events, "cursor": "a"}, {"events": [], "cursor": "b"}]

    result = run("list", "events", "--since", "2027-03-01T00:00:00Z", "--json", *options)

    assert expected == [each["subject"] for each in json.loads(result.stdout)["events"]]
    assert "after=2027-03-01T00%3A00%3A00.000000Z" in target.asked[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("videos", "--missing", "transcript"), "--missing does not filter videos"),
        (("events", "--status", "ended"), "--status does not filter events"),
        (("--event-type", "x"), "--event-type does not filter conversations"),
        (("--status", "ready"), "must be one of active, ended, presumed_ended"),
        (("videos", "--status", "ended"), "must be one of queued"),
        (("--missing", "all"), "must be one of shutdown"),
        (("--tag", "user"), "NAME:VALUE"),
        (("--since", "yesterday"), "2h, 3d or 2026-11-28T10:00Z"),
        (("things",), "'things' is not one of"),
    ],
)
def test_a_wrong_filter_is_a_usage_error(target, arguments, says):
    """The error comes before any request and names the valid values."""
    result = run("list", *arguments)

    assert (2, []) == (result.exit_code, target.asked)
    assert says in result.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize(
    ("what", "item"),
    [
        ("conversations", conversation(EVIL, tags={EVIL: EVIL}, end_reason=EVIL, missing=[EVIL])),
        ("videos", video(EVIL, tags={EVIL: EVIL})),
    ],
)
def test_nothing_listed_steers_the_terminal(target, what, item, options):
    """A stranger's escapes are printed as text."""
    target.answers = [{what: [item], "cursor": None}]

    output = run("list", what, *options).output

    assert "[bold red]" in output
    assert not {"\x1b", "\u202e"} & set(output)


def test_events_are_filtered_by_a_tag_in_either_normal_form():
    """`tail --tag` and `list events --tag` match both Unicode forms."""
    from tavus_callbacks_cli.operations.events import EventFilter

    filter_ = EventFilter(None, None, None, (("user", "Jos\u00e9"),))
    event = {"kind": "conversation", "event_type": "system.shutdown", "label": "l"}

    fits = [filter_.matches({**event, "tags": {"user": value}}) for value in ("Jose\u0301", "Jose")]

    assert [True, False] == fits
