"""Strangers' text is printed, and cannot steer the terminal."""

import json
import os
import time
from datetime import UTC, datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tavus_callbacks_cli.output import console, text
from tavus_callbacks_cli.output.tables import wrap

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def is_harmless(text: str) -> bool:
    """Tell whether a terminal shows the text and does nothing else."""
    return all(each.isprintable() or each in "\u00a0\u3000" or each.isspace() for each in text) and not any(
        each in text for each in "\x1b\x07\x08\r\x9b\u2028\u202e\u200f"
    )


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        ("plain", "plain"),
        (r"\x1b[31mred", "\x1b[31mred"),
        (r"\x9b31m", "\x9b31m"),
        (r"a\nb\r\tc\x00", "a\nb\r\tc\x00"),
        (r"\u202eevil", "\u202eevil"),
        (r"\ud83d", "\ud83d"),
        ("日本\u3000語 é 😀", "日本\u3000語 é 😀"),
        ("[bold]no markup[/]", "[bold]no markup[/]"),
    ],
)
def test_control_characters_are_shown_escaped(expected, value):
    """Letters of all languages stay, and characters that steer a terminal are escaped."""
    assert expected == text.escape(value)


@given(st.text())
def test_nothing_escaped_steers_a_terminal(value):
    """Every text becomes one harmless line."""
    shown = text.escape(value)

    assert is_harmless(shown)
    assert "\n" not in shown


@given(JSON, st.sampled_from([None, 2]))
def test_json_for_a_terminal_is_the_same_json(value, indent):
    """A program reads the same value, and nothing steers a terminal."""
    written = text.json_text(value, indent=indent)

    assert value == json.loads(written)
    assert is_harmless(written)
    assert indent or "\n" not in written


def test_rows_are_never_markup(capsys):
    """Square brackets stay, escapes are visible, and a pipe gets every cell whole."""
    long = "x" * 500

    console.print_table(("a", "b"), [("[bold red]hi[/]", "\x1b[2J"), (Text("[u]t"), long)])

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert ["a                b", r"[bold red]hi[/]  \x1b[2J", f"[u]t             {long}"] == lines


def test_a_block_keeps_its_lines(capsys):
    """Line feeds break lines; every other control character is escaped."""
    console.print_block("a\r\nb\x1b")

    assert "a\\r\nb\\x1b\n" == capsys.readouterr().out


def test_tags_are_written_as_they_are_given_to_tag():
    """Each value has its name, so that you can copy it after --tag."""
    assert "user:1, user:2, plan:pro" == text.tags({"user": ["1", "2"], "plan": "pro"})


@pytest.mark.parametrize(
    ("expected", "count"),
    [("0 B", 0), ("1023 B", 1023), ("1.0 KB", 1024), ("1.5 KB", 1536), ("4.0 MB", 4 * 1024**2)],
)
def test_sizes_are_for_people(expected, count):
    """Sizes are bytes, kilobytes or megabytes."""
    assert expected == text.size(count)


def test_a_time_is_shown_in_the_zone_of_the_machine(monkeypatch):
    """Stored times are UTC; people read local times."""
    monkeypatch.setenv("TZ", "XYZ-02")
    time.tzset()
    try:
        assert "2027-03-01 14:30:15" == text.moment("2027-03-01T12:30:15.250000Z")
        assert "XYZ" == text.Times.of(()).zone
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a_time_carries_the_zone_that_was_valid_then():
    """July is CEST whenever you look; the head names a zone only if all times share it."""
    july, december = "2026-07-01T12:00:00Z", "2026-12-01T12:00:00Z"
    summer, both = text.Times.of([july, None]), text.Times.of([july, december])

    assert ["since (CEST)", "since"] == [times.head("since") for times in (summer, both)]
    assert "2026-07-01 14:00:00" == summer.show(july)
    assert ["2026-07-01 14:00:00 CEST", "2026-12-01 13:00:00 CET"] == list(map(both.show, (july, december)))
    assert "2026-12-01 13:00:00 CET" == summer.show(december)


def test_short_times_have_no_year_if_it_is_this_one():
    """The date and the time of day fit a narrow table; another year is shown."""
    this_year, earlier = f"{datetime.now(UTC).year}-06-01T12:30:15Z", "2019-06-01T12:30:15Z"
    times = text.Times.of([this_year, earlier])

    assert ["06-01 12:30:15", "2019-06-01 12:30:15"] == [
        times.cell(each).short[:19] for each in (this_year, earlier)
    ]


@pytest.mark.parametrize("value", ["soon", "0001-01-01T00:00:00+14:00", ""])
def test_a_text_that_is_no_time_is_printed_as_it_came(value):
    """A missing time is a dash, and a faulty one causes no traceback."""
    assert (value or "-") == text.moment(value)
    assert "-" == text.moment(None)


def printed(capsys):
    """Return the printed lines, without styles and without blanks at their ends."""
    return [line.rstrip() for line in click.unstyle(capsys.readouterr().out).splitlines()]


ID, TIME, OTHER_TIME = "csim5af069b335353", "2019-03-01 12:00:00", "2019-03-02 12:00:00"


@pytest.mark.usefixtures("narrow")
def test_a_terminal_without_a_width_shows_every_row(capsys, monkeypatch):
    """Some programs run commands with COLUMNS=0."""
    monkeypatch.setenv("COLUMNS", "0")

    console.print_table(("id", "status"), [("c1", "ended"), ("c2", "active")])

    assert ["id  status", "c1  ended", "c2  active"] == printed(capsys)


@pytest.mark.usefixtures("narrow")
def test_ids_and_times_stay_whole_on_a_narrow_terminal(capsys):
    """Without room for all columns, the longest cells are printed below their rows."""
    columns = ("conversation", "status", "began (UTC)", "end reason", "tags")

    console.print_table(
        columns, [(ID, "presumed_ended", TIME, "", "user:1, user:2"), (ID, "ended", OTHER_TIME, "", "")]
    )

    assert [
        "conversation       status          tags",
        f"{ID}  presumed_ended  user:1, user:2",
        f"  began (UTC) {TIME}",
        f"{ID}  ended",
        f"  began (UTC) {OTHER_TIME}",
    ] == printed(capsys)


@pytest.mark.usefixtures("narrow")
def test_one_long_id_changes_no_other_row(capsys):
    """An id without room has a line of its own: above its row in the first column, else below."""
    uuid = "550e8400-e29b-41d4-a716-446655440000"
    console.print_table(("conversation", "began", "status"), [(uuid, TIME, "x"), (ID, OTHER_TIME, "y")])
    console.print_table(("began", "event", "event id"), [(TIME, "x", f"{uuid}:1"), (OTHER_TIME, "y", ID)])

    assert [
        *("conversation       began                status", uuid),
        *(f"{' ' * 17}  {TIME}  x", f"{ID}  {OTHER_TIME}  y"),
        *("began                event  event id", f"{TIME}  x", f"  {uuid}:1", f"{OTHER_TIME}  y      {ID}"),
    ] == printed(capsys)


@pytest.mark.usefixtures("narrow")
def test_no_word_of_a_table_is_broken(capsys):
    """A word that is too long for its column is printed below the row, after the name of the column."""
    word = f"unexpected_type:{'properties.' * 3}"
    console.print_table(("event id", "issues", "at"), [(ID, word, TIME), (ID, "few words", TIME)])

    lines = printed(capsys)
    assert f"  issues {word}" in lines
    assert all(len(line) <= 60 for line in lines)


@pytest.mark.usefixtures("narrow")
def test_other_cells_fold_at_words_around_them(capsys):
    """A table has room if its longest words have room."""
    console.print_table(("id", "at", "why"), [(ID, TIME, "some words fold")])

    assert [
        "id                 at                   why",
        f"{ID}  {TIME}  some words fold",
    ] == printed(capsys)
    console.print_table(("id", "at", "why"), [(ID, TIME, "some more words to fold")])

    assert [f"{ID}  {TIME}  some more words to", f"{' ' * 40}fold"] == printed(capsys)[1:]


@pytest.mark.usefixtures("narrow")
def test_columns_that_are_empty_are_left_out_on_a_terminal(capsys):
    """A dash is empty too, and without rows there is no header."""
    console.print_table(("id", "missing", "since", "tags"), [("c1", "", "-", "a:b"), ("c2", "", "-", "")])
    console.print_table(("id", "missing"), [])

    assert ["id  tags", "c1  a:b", "c2"] == printed(capsys)


@pytest.mark.usefixtures("narrow")
def test_a_column_with_one_value_in_every_row_is_said_once(capsys):
    """Ids stay in every row, and so does everything in a table of one row."""
    console.print_table(("conversation", "status", "subject"), [("c1", "ended", "s"), ("c2", "ended", "s")])
    console.print_table(("conversation", "status"), [("c1", "ended")])

    output = capsys.readouterr()
    lines = [line.rstrip() for line in click.unstyle(output.out).splitlines()]
    assert [
        *("conversation  subject", "c1            s", "c2            s"),
        *("conversation  status", "c1            ended"),
    ] == lines
    assert "In every row: status ended.\n" == output.err


@pytest.mark.usefixtures("narrow")
def test_a_terminal_gets_short_forms(capsys):
    """Times and ids are short, and tags are cut at the end of the line."""
    time, id_ = text.Short("03-01 12:00:00 *", "long time"), text.Short("c1:a2592e11", "long id")
    row = (time, id_, "名前:山田太郎, " * 9)

    console.print_table(("began (UTC)", "event id", "tags"), [row])

    assert [
        "began (UTC)       event id     tags",
        "03-01 12:00:00 *  c1:a2592e11  名前:山田太郎, 名前:山田太郎…",
    ] == printed(capsys)


@pytest.mark.usefixtures("narrow")
def test_columns_without_room_are_left_out_and_named(capsys):
    """The first optional column goes first, and no more of them than necessary."""
    row = [ID, "ended", TIME, "participant_left_timeout", "12"]

    console.print_table(
        ("conversation", "status", "began (UTC)", "end reason", "turns"),
        [row, [ID, "active", OTHER_TIME, "last", "3"]],
        optional=("end reason", "turns"),
    )

    output = capsys.readouterr()
    assert [f"{ID}  ended   {TIME}  12", f"{ID}  active  {OTHER_TIME}  3"] == [
        line.rstrip() for line in click.unstyle(output.out).splitlines()[1:]
    ]
    assert "Not shown for lack of room: end reason. --wide shows every column.\n" == output.err


@pytest.mark.usefixtures("narrow")
def test_wide_shows_everything(capsys):
    """--wide shows empty columns, whole times and whole ids on a terminal, as a pipe gets them."""
    with click.Context(click.Command("list")) as context:
        context.meta[console.WIDE] = True
        console.print_table(("id", "missing", "status"), [(text.Short("s", "whole"), "", "x")] * 2)

    assert ["id     missing  status", *["whole           x"] * 2] == printed(capsys)


def test_columns_that_are_empty_stay_in_a_pipe(capsys):
    """A program finds each column in its place."""
    console.print_table(("id", "missing", "tags"), [(text.Short("c", "c1"), "", "a:b")])

    assert "id  missing  tags" == printed(capsys)[0]


@pytest.mark.usefixtures("narrow")
def test_fields_fold_at_words(capsys):
    """Times and long words stay whole, and later lines are below the value."""
    long = "x" * 70
    console.print_fields([("received", f"from {TIME} until {TIME} by callback"), ("link", long)])

    indent = " " * 12
    assert [
        f"received    from {TIME} until",
        f"{indent}{TIME} by callback",
        f"link        {long}",
    ] == printed(capsys)


@given(st.text(), st.integers(10, 80), st.integers(0, 8))
def test_folding_changes_nothing_but_white_space(value, width, indent):
    """Every word is printed once, in order."""
    shown = text.escape(value)

    lines = [line.plain for line in wrap(Text(shown), width, indent=indent)]

    assert shown.split() == " ".join(lines).split()
    assert all(cell_len(line) <= width or 1 >= len(line[indent:].split(" ")) for line in lines[1:])


@pytest.mark.parametrize("prefix", ["", "Error: ", "Error: Invalid value for '--since': "])
def test_messages_wrap_at_words_and_keep_commands_whole(prefix, monkeypatch):
    """A terminal would break them inside words; a command that is copied must have no line break."""
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((40, 24)))
    monkeypatch.setattr("sys.stderr.fileno", lambda: 2)
    command = "`tavus-callbacks show c1 --local`"

    message = console.wrap_message(f"Nothing of it is known. {command} shows it.", prefix)
    lines = [line.rstrip() for line in f"{prefix}{message}".split("\n")]

    assert all(len(line) <= 40 for line in lines)
    assert any(command in line for line in lines)
    assert f"{prefix}Nothing of it is known. {command} shows it." == " ".join(lines)


def test_messages_for_programs_are_one_line():
    """Standard error that is not a terminal gets each message as it is."""
    assert "word " * 100 == console.wrap_message("word " * 100)


def test_a_long_example_continues_below():
    """A shell reads the lines as one command, and none is wider than 80 columns with its indent of four."""
    command = (
        "tavus-callbacks replay --since 1d --to http://localhost:5000/ --rate 5 --resume file.jsonl --local"
    )

    lines = text.examples(command).splitlines()[2:]

    assert all(len(line) <= 78 for line in lines)
    assert [f"  {command}"] == ["".join(line.rstrip("\\").replace("      ", "") for line in lines)]
