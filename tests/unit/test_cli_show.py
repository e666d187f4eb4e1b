"""`show` and `transcript`: a conversation, video or replica as a page, and a transcript as a dialogue."""

import json
import re

import click
import pytest
from fake_target import run
from folding import CONVERSATION, NOW, SETTINGS, recording, said, scenario, stored_event, transcript

from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.resources.view import fold_resource
from tavus_callbacks.domain.transcripts.transcript import choose_transcript, transcript_view
from tavus_callbacks_cli.operations.ids import shorten_event_id
from tavus_callbacks_cli.output.text import moment

EVIL = "\x1b[2J[bold red]\u202e"
UNKNOWN = (404, {"detail": "No event of conversation c123 is stored."})


def view(*events, name=CONVERSATION, recordings=()):
    """Fold events as the API answers them."""
    events = events or scenario("conversation")
    return fold_conversation(name, events, now=NOW, settings=SETTINGS, recordings=recordings)


def latest(name="conversations", member="conversation_id", *ids):
    """Make a list of the latest subjects, with ids only."""
    return {name: [{member: each} for each in ids], "cursor": None}


def test_a_conversation_is_a_page(target):
    """The page has status, participants, times, the end reason in plain words, and counts."""
    target.answers = [view()]

    result = run("show", CONVERSATION)

    assert (0, ["/conversations/c123"]) == (result.exit_code, target.asked)
    page = result.stdout
    for part in (
        "status        ended",
        "The participant left and did not return in time. (participant_left_timeout reached)",
        "after 58.2 s",
        "3 by the user, 4 by the replica",
        "Perception\nanalysis",
    ):
        assert part in page


def test_a_missing_part_says_whether_it_is_overdue_and_when_it_usually_comes(target):
    """The time of the end is on the page already, so only another time is shown."""
    ended, silent = view(said("system.shutdown")), view(said("system.shutdown"))
    silent["missing"][0] |= {"since": "2027-02-01T12:00:00Z", "overdue": False}
    target.answers = [ended, silent]

    pages = [run("show", CONVERSATION).stdout for _ in "ab"]

    assert "missing       transcript is overdue, usually arrives a second after the end\n" in pages[0]
    since = moment("2027-02-01T12:00:00Z")
    assert f"missing       transcript, waiting since {since}, usually" in pages[1]


@pytest.mark.usefixtures("berlin")
def test_the_zone_stands_once_above_the_times(target):
    """A call in July has its own zone when you look in December; times of two zones name theirs."""
    july = view() | {"joined_at": "2026-07-01T10:00:00Z", "ended_at": "2026-07-01T10:01:00Z"}
    july |= {"received_first_at": "2026-07-01T10:00:00Z", "received_last_at": "2026-07-01T10:01:00Z"}
    july["recordings"] = []
    late = july | {"received_last_at": "2026-12-01T10:00:00Z"}
    target.answers = [july, late]

    pages = [run("show", CONVERSATION).stdout for _ in "ab"]

    assert "time zone     CEST\n" in pages[0]
    assert 1 == pages[0].count("CEST")
    assert "time zone" not in pages[1]
    assert "2026-07-01 12:00:00 CEST to 2026-12-01 11:00:00 CET by" in pages[1]


@pytest.mark.parametrize("name", ["objectives", "guardrail", "tools", "canvas", "memory", "no-camera"])
def test_every_part_of_a_conversation_has_its_place(target, name):
    """Objectives, guardrails, actions, cards and memories are on the page."""
    events = [each for each in scenario(name) if each.kind == "conversation"]
    target.answers = [view(*events)]

    result = run("show", CONVERSATION)

    assert 0 == result.exit_code
    titles = ("Objectives", "Guardrails", "After the call", "Also", "unavailable")
    assert any(title in result.stdout for title in titles)


def test_a_guardrail_is_shown_once_with_its_count_and_its_reasons(target):
    """A guardrail that triggers at every turn has one line, and a line for each reason."""
    named = {"guardrail_name": "no_prices", "guardrail_uuid": "g1"}
    events = [
        said("conversation.guardrail.triggered", 0, **named),
        said("conversation.guardrail.triggered", 5, **named, reason="Half the price?"),
        said("conversation.guardrail.triggered", 9, guardrail="no_advice", reason="A tablet?"),
    ]
    target.answers = [view(*events)]

    page = run("show", CONVERSATION).stdout

    received = moment(NOW.isoformat())
    assert f"no_prices   2 times, received {received}\n" in page
    assert f"no_advice   once, received {received}\n" in page
    assert all(f"  {reason}\n" in page for reason in ("Half the price?", "A tablet?"))
    assert [1, 1] == [page.count("no_prices"), page.count("no_advice")]


def test_a_stack_of_an_earlier_version_shows_its_guardrails(target):
    """Its answer has no counts and no times of receipt, so each trigger has a line."""
    answer = view(
        said("conversation.guardrail.triggered", 0, guardrail="no_prices", reason="Half the price?"),
        said("conversation.guardrail.triggered", 5, guardrail="no_advice"),
    )
    del answer["guardrail_counts"]
    for trigger in answer["guardrails"]:
        del trigger["received_at"]
    target.answers = [answer]

    page = run("show", CONVERSATION).stdout

    assert re.search(r"^no_prices .*  Half the price\?$", page, re.MULTILINE)
    assert "no_advice   triggered\n" in page


@pytest.mark.parametrize(
    ("ids", "face"),
    [
        ({"replica_id": "r1", "persona_id": "p1"}, "r1"),
        ({"face_id": "r1", "pal_id": "p1"}, "r1"),
        ({"face_id": "r1", "replica_id": "r2", "pal_id": "p1"}, "r2 (replica_id r2, face_id r1)"),
    ],
)
def test_a_page_names_face_and_pal(target, ids, face):
    """Both names of one thing share a line, under the current name."""
    target.answers = [view(said("system.pal_joined", **ids))]

    page = run("show", CONVERSATION).stdout

    assert f"\nface          {face}\n" in page
    assert "\nPAL           p1\n" in page


@pytest.mark.parametrize("name", ["replica_id", "face_id"])
def test_the_page_of_a_video_names_its_face(target, name):
    """The face is shown under either name."""
    target.answers = [
        UNKNOWN,
        fold_resource("video", "v1", [stored_event({"video_id": "v1", "status": "ready", name: "r1"})]),
    ]

    assert "\nface        r1\n" in run("show", "v1").stdout


def test_recordings_have_status_length_and_the_command_that_plays_them(target):
    """Each recording has a line; with several, the command names the recording."""
    one, other = (
        {"recording_id": name, "status": "available", "size": 2048, "duration": 61} for name in ("17", "18")
    )
    target.options = ("--local",)
    target.answers = [
        {**view(), "recordings": each} for each in ([one], [one, other], [one | {"status": "pending"}])
    ]

    single, several, pending = (run("show", CONVERSATION) for _ in "abc")

    assert "17          available, 2.0 KB, 0:01:01" in single.stdout
    assert "Watch: tavus-callbacks recording c123 --open --local\n" in single.stderr
    assert "Watch: tavus-callbacks recording c123 18 --open --local\n" in several.stderr
    assert "Watch" not in pending.stderr


def test_json_is_the_apis_own(target):
    """Programs get the whole view."""
    target.answers = [view()]

    assert view() == json.loads(run("show", CONVERSATION, "--json").stdout)


@pytest.mark.parametrize("kind", [kind for kind in LISTS if kind != "conversation"])
def test_an_id_is_looked_for_among_all_kinds(target, kind):
    """People need not name the kind."""
    kinds = list(LISTS)
    misses = kinds[: kinds.index(kind)]
    event = stored_event({f"{kind}_id": "x1", "status": "error", "error_message": "No voice."})
    target.answers = [*[UNKNOWN for _ in misses], fold_resource(kind, "x1", [event])]

    result = run("show", "x1")

    assert [f"/{LISTS[each]}/x1" for each in (*misses, kind)] == target.asked
    assert result.stdout.startswith(kind)
    assert "No voice." in result.stdout
    assert "History" in result.stdout


NONE = {"events": [], "cursor": None}
NO_PATH = (404, {"message": "Not Found"})


def test_an_id_of_a_kind_without_a_page_has_its_events(target):
    """An objective is found without --kind, and its events are listed."""
    received = received_about("o1", kind="objective", event_type="conversation.objective.completed")
    target.answers = [*[UNKNOWN] * len(LISTS), {"events": [received], "cursor": None}]

    result = run("show", "o1")

    assert (0, "/events?limit=200&kind=objective&subject=o1") == (result.exit_code, target.asked[-1])
    assert "conversation.objective.completed" in result.stdout


def test_a_stack_of_an_earlier_version_shows_events_for_the_paths_that_it_lacks(target):
    """A document of such a stack has no page, and ids near an unknown one come from the lists that it has."""
    received = received_about("d1", kind="document", event_type="document.ready")
    target.answers = [NO_PATH, {"events": [received], "cursor": None}]
    target.answers += [NO_PATH, NONE, NO_PATH]

    shown, unknown = run("show", "d1", "--kind", "document"), run("show", "d2", "--kind", "document")

    assert (0, 1) == (shown.exit_code, unknown.exit_code)
    assert "document.ready" in shown.stdout
    assert "No document 'd2' is stored there." in unknown.stderr


def test_an_id_of_nothing_is_looked_for_among_all_kinds(target):
    """The error names no kind that was not searched."""
    target.answers = [*[UNKNOWN] * len(LISTS), *[NONE] * (len(KINDS) - len(LISTS))]
    target.answers += [
        latest(name, "id" if kind != "conversation" else "conversation_id", f"{kind[0]}12")
        for kind, name in LISTS.items()
    ]

    result = run("show", "d1")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "Nothing about 'd1' is stored there. Did you mean d12?" in result.stderr


def received_about(subject, **members):
    """Make an event as the API answers it."""
    made = {"event_id": f"x.{subject}.y", "event_type": "x", "occurred_at": None, "issues": [], "body": {}}
    return made | members


def test_advice_names_the_target(target):
    """A copied command uses the same target, and an id with a blank is one argument."""
    target.options = ("--local", "--port", "9000")
    target.answers = [
        {"events": [received_about("c123")], "cursor": None},
        view() | {"other_events": [{"event_id": "e 1", "event_type": "x", "body_url": "/events/e/body"}]},
        UNKNOWN,
        latest(),
    ]

    said = [run("show", "c123", "--events"), run("show", "c123"), run("transcript", "c123")]

    commands = (f"show {shorten_event_id(received_about('c123')['event_id']).short}", "show 'e 1'", "list")
    for command, result in zip(commands, said, strict=True):
        assert f"`tavus-callbacks {command} --local --port 9000`" in result.stderr


def test_a_kind_that_is_named_is_the_only_one_asked_for(target):
    """This also holds if two kinds have the id."""
    target.answers = [fold_resource("replica", "x1", scenario("replica"))]

    run("show", "x1", "--kind", "replica")

    assert ["/replicas/x1"] == target.asked


@pytest.mark.parametrize("command", [("show", "--kind", "conversation"), ("transcript",)])
def test_an_unknown_conversation_is_told_the_nearest_ids(target, command):
    """A missing letter is the usual mistake."""
    target.answers = [UNKNOWN, latest("conversations", "conversation_id", "c12x", "zzz", "c1234")]

    result = run(*command, "c123")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "No conversation 'c123' is stored there. Did you mean c1234 or c12x?" in result.stderr


def test_where_nothing_is_near_the_list_is_named(target):
    """Nothing is suggested if nothing is similar."""
    target.answers = [UNKNOWN, latest("conversations", "conversation_id", "zzz")]

    assert "`tavus-callbacks list`" in run("transcript", "c123").stderr


def test_a_long_text_is_cut_and_says_so(target):
    """A page cuts long texts and says so."""
    target.answers = [view(said("application.perception_analysis", analysis="x" * 30_000))]

    result = run("show", CONVERSATION)

    assert "(30000 characters; --json has all)" in result.stdout
    assert len(result.stdout) < 6000


def test_lines_of_a_text_stay_lines(target):
    """A pipe gets Markdown as it came."""
    target.answers = [view(said("application.perception_analysis", analysis="**Mood**\n* calm"))]

    assert "analysis    **Mood**\n            * calm\n" in run("show", CONVERSATION).stdout


@pytest.fixture
def terminal(monkeypatch):
    """Make standard output a terminal of 80 columns with colours."""
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_markdown(target):
    """Lists, bold text and headings are rendered; lines stay lines."""
    analysis = "# Mood\n**Calm**\nmostly\n* no `stress`"
    target.answers = [view(said("application.perception_analysis", analysis=analysis))]

    shown = run("show", CONVERSATION).stdout

    lines = [line.strip() for line in click.unstyle(shown).splitlines()]
    assert ["Calm", "mostly", "", "• no stress"] == lines[lines.index("Calm") :][:4]
    assert any(line.endswith("Mood") for line in lines)
    assert "\x1b[1mCalm" in shown


@pytest.mark.usefixtures("terminal")
def test_a_list_begins_beside_its_name(target):
    """A terminal gets no blank line before it, and no blanks at the ends of its lines."""
    target.answers = [view(said("application.perception_analysis", analysis="* one\n* two"))]

    shown = click.unstyle(run("show", CONVERSATION).stdout)

    assert "analysis     • one\n             • two\n" in shown


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("evil", "harmless"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a &#27;[2J &#x202e;", "a &#27;[2J &#x202e;"),
        ("[bank](https://evil.example/\u202e)", "bank (https://evil.example/"),
        ("![pixel](https://evil.example/p.png)", "!pixel (https://evil.example/p.png)"),
        ("<b onclick=x>bold</b>", "<b onclick=x>bold</b>"),
        ("[a]: https://evil.example", "[a]: https://evil.example"),
        ("```\n\x1b]8;;https://evil.example\x07x\n```", r"\x1b]8;;https://evil.example\x07x"),
        ("[bold red]no markup[/]", "[bold red]no markup[/]"),
    ],
)
def test_markdown_of_strangers_hides_nothing_and_steers_nothing(target, evil, harmless):
    """Addresses stand behind their links, and no control character, link or picture gets through."""
    target.answers = [view(said("application.perception_analysis", analysis=evil))]

    shown = run("show", CONVERSATION).stdout

    assert harmless in click.unstyle(shown)
    assert "\x1b]" not in shown
    assert not {"\x1b", "\u202e", "\x07"} & set(re.sub(r"\x1b\[[0-9;]*m", "", shown))


def spoken(*turns):
    """Make the API's answer to a request for a transcript."""
    content = transcript_view(choose_transcript([transcript(*turns)], include_system=True))
    return {"conversation_id": CONVERSATION, **content}


TURNS = (
    {"role": "assistant", "content": "Hello?", "seconds_from_start": 61.5, "duration": 1},
    {"role": "user", "content": "A\nroom", "seconds_from_start": 64},
)


def test_a_transcript_is_a_dialogue(target):
    """Each turn has a line with its time."""
    target.answers = [spoken(*TURNS)]

    result = run("transcript", CONVERSATION)

    assert ["/conversations/c123/transcript"] == target.asked
    assert ["1:01  Replica: Hello?", "1:04  User: A room"] == [
        line.strip() for line in result.stdout.splitlines()
    ]


def test_a_tool_stands_with_its_answer(target):
    """A tool call is at the place where it happened."""
    call = {"id": "t1", "name": "book", "arguments": "{}"}
    answers = {"role": "tool", "tool_call_id": "t1", "content": "done"}
    target.answers = [spoken({"role": "assistant", "content": None, "tool_calls": [call]}, answers)]

    assert "(Tool book -> done)" in run("transcript", CONVERSATION).stdout


@pytest.mark.parametrize("form", ["text", "vtt"])
def test_a_file_is_printed_as_it_came(target, form):
    """A file gets exactly the same bytes."""
    target.answers = ["WEBVTT\n\n<v User>\u200d日本\n"]

    result = run("transcript", CONVERSATION, "--format", form, "--include-system")

    assert "WEBVTT\n\n<v User>\u200d日本\n" == result.stdout
    assert f"/conversations/c123/transcript?include=system&format={form}" == target.asked[0]


def test_subtitles_for_a_recording(target):
    """`--recording` and `--offset` reach the API, and its advice names the option."""
    reason = "The recording cannot be aligned, because its key contains no time. Pass the seconds as"
    target.answers = ["WEBVTT\n", (409, {"detail": f"{reason} offset=."})]
    command = ("transcript", CONVERSATION, "--format", "vtt", "--recording", "latest")

    assert "WEBVTT\n" == run(*command, "--offset", "-7.5").stdout
    assert f"{reason} --offset." in run(*command).stderr
    assert "/conversations/c123/transcript?recording=latest&offset=-7.5&format=vtt" == target.asked[0]
    assert "require --format vtt" in run("transcript", CONVERSATION, "--offset", "1").stderr


def test_control_characters_in_a_file_are_escaped_alike(target):
    """C0 and C1 characters are escaped, in sequences and alone; line feeds and tabs stay."""
    target.answers = ["User: \x1b[31mred\x1b[0m \x9b2J \x07\x7f\r\ta\n"]

    result = run("transcript", CONVERSATION, "--format", "text")

    assert "User: \\x1b[31mred\\x1b[0m \\x9b2J \\x07\\x7f\\r\ta\n" == result.stdout


def test_no_times_is_an_error_that_says_what_to_do(target):
    """The API's 409 is printed with the names of options."""
    target.answers = [(409, {"detail": "The transcript has no times: ask for format=text."})]

    result = run("transcript", CONVERSATION, "--format", "vtt")

    assert 1 == result.exit_code
    assert "ask for --format text." in result.stderr


@pytest.mark.parametrize("form", ["text", "vtt"])
def test_two_forms_of_a_transcript_are_a_usage_error(target, form):
    """One of the two would be ignored."""
    result = run("transcript", CONVERSATION, "--json", "--format", form)

    assert (2, []) == (result.exit_code, target.asked)
    assert f"--json and --format {form} cannot be combined" in result.stderr


@pytest.mark.parametrize("options", [("--json",), ("--format", "json"), ("--json", "--format", "json")])
def test_a_transcript_as_json(target, options):
    """The JSON is the API's own answer."""
    target.answers = [spoken(*TURNS)]

    assert spoken(*TURNS) == json.loads(run("transcript", CONVERSATION, *options).stdout)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "Nothing was said."),
        (None, "1 entry of the transcript could not be read."),
        ([None, {}], "2 entries of the transcript could not be read."),
    ],
)
def test_silence_and_what_cannot_be_read_are_told_apart(target, content, says):
    """An unreadable transcript is not reported as silence."""
    event = said("application.transcription_ready", transcript=content)
    content = transcript_view(choose_transcript([event]))
    target.answers = [{"conversation_id": CONVERSATION, **content}]

    assert f"on a fake\n{says}\n" == run("transcript", CONVERSATION).stderr


def test_a_transcript_that_has_not_come_is_said(target):
    """For a known conversation, no other ids are suggested."""
    target.answers = [(404, {"detail": "No transcript of conversation c123 has arrived."})]

    result = run("transcript", "c123")

    assert 1 == result.exit_code
    assert "No transcript of conversation c123 has arrived." in result.stderr
    assert 1 == len(target.asked)


def test_an_id_that_no_path_carries_has_events(target):
    """The error names the command that shows its events."""
    result = run("transcript", "a/b")

    assert (1, []) == (result.exit_code, target.asked)
    assert "`tavus-callbacks show a/b --events` shows its events" in result.stderr


def test_colours_are_for_terminals(target, monkeypatch):
    """A terminal shows roles in colours; a pipe has none (all other tests here)."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    target.answers = [spoken(*TURNS)]

    shown = run("transcript", CONVERSATION).stdout

    assert "\x1b[1;32m" in shown
    assert "Replica: Hello?" in click.unstyle(shown)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nothing_said_steers_the_terminal(target, options):
    """Text on the page and in the dialogue is escaped."""
    events = [
        said("system.replica_joined", replica_id=EVIL, persona_id=EVIL),
        said("system.shutdown", shutdown_reason=EVIL),
        said("application.perception_analysis", analysis=EVIL),
        said("conversation.objective.completed", objective_name=EVIL, output_variables={EVIL: EVIL}),
        said("conversation.guardrail.triggered", guardrail_name=EVIL, reason=EVIL),
        said("application.post_call_action_executed", tool_id=EVIL, tool_name=EVIL, status=EVIL),
        said("canvas.interaction", interaction_id=EVIL, component=EVIL, type=EVIL, value=EVIL),
        said("[bold red]"),
    ]
    target.answers = [view(*events), spoken({"role": "user", "content": EVIL})]

    output = run("show", CONVERSATION, *options).output + run("transcript", CONVERSATION, *options).output

    assert "[bold red]" in output
    assert not {"\x1b", "\u202e"} & set(output)


def test_what_a_page_leaves_out_is_named_with_its_command(target):
    """A value beyond 6 MB is only in its event, and the page names the command that shows it."""
    left = view() | {"other_events": [{"event_id": "e1", "event_type": "x", "body_url": "/events/e1/body"}]}
    target.answers = [left]

    result = run("show", CONVERSATION)

    assert "`tavus-callbacks show e1` shows it whole" in result.stderr


def failed_copy(**members):
    """Make a callback about a copy that failed."""
    properties = {"s3_key": "tavus/c123/1700", "error_code": "DESTINATION_AUTH_FAILED", **members}
    return said("application.recording_copy_failed", **properties)


def test_a_failed_copy_says_why_and_what_to_do(target):
    """Tavus's message comes first, then the code in plain words."""
    target.answers = [view(failed_copy(error_message="no token"), recordings=[recording("1700", "failed")])]

    page = " ".join(run("show", CONVERSATION).stdout.split())

    assert "not copied no token" in page
    assert "what to do DESTINATION_AUTH_FAILED: The storage refused Tavus's credentials." in page


def test_a_failed_copy_that_came_later_is_shown_as_available_alone(target):
    """A recording that arrived after a failure is shown once, as available."""
    target.answers = [view(failed_copy(), recordings=[recording("1700", "available", size=5)])]

    page = run("show", CONVERSATION).stdout

    assert "available, 5 B" in page
    assert "not copied" not in page


def test_an_empty_recording_says_why_and_what_to_do(target):
    """An empty object is a failure without a callback."""
    reason = {"message": "The object has 0 bytes.", "explanation": "Upload it again."}
    empty = recording("1700", "failed", size=0, **reason)
    target.answers = [view(recordings=[empty])]

    page = " ".join(run("show", CONVERSATION).stdout.split())

    assert "1700 failed, 0 B" in page
    assert "failed The object has 0 bytes. what to do Upload it again." in page


def test_a_page_that_holds_everything_names_nothing_left_out(target):
    """A null `body_url` means that nothing is left out."""
    target.answers = [view(*scenario("conversation"), said("application.recording_copy_failed"))]

    result = run("show", CONVERSATION)

    assert "not copied" in result.stdout
    assert "shows it whole" not in result.stderr
