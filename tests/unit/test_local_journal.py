"""The journal of the local stack keeps writes whole and in order, and leaves no byte of removed data."""

import contextlib
import sqlite3

import pytest

from tavus_callbacks_cli.local_stack.services.journal import (
    FILE_NAME,
    ITEM,
    RECORD,
    Entry,
    Journal,
    UnreadableJournal,
    rewrite,
)

FIRST, SECOND = Entry(ITEM, "table", "a", '"one"'), Entry(ITEM, "table", "b", '"two"')


@pytest.fixture
def journal(tmp_path):
    """Open a journal in an empty folder."""
    with contextlib.closing(Journal(tmp_path)) as opened:
        yield opened


def test_a_write_is_in_the_file_at_once(journal, tmp_path):
    """Another process sees it before the file is closed, as the next start does after a kill."""
    journal.write([FIRST, SECOND])

    with contextlib.closing(Journal(tmp_path)) as other:
        assert [FIRST, SECOND] == other.entries()


def test_a_changed_entry_keeps_its_place_and_a_removed_one_is_gone(journal):
    """The order is that of arrival; content None removes."""
    journal.write([FIRST, SECOND, FIRST._replace(content='"three"')])
    changed = journal.entries()
    journal.write([SECOND._replace(content=None)])

    assert ['"three"', '"two"'] == [entry.content for entry in changed]
    assert [FIRST._replace(content='"three"')] == journal.entries()


def test_a_write_is_whole_or_not_there(journal):
    """An error in the middle leaves nothing of it."""

    def changes():
        yield FIRST
        raise TypeError

    with pytest.raises(TypeError):
        journal.write(changes())

    assert [] == journal.entries()


def test_records_are_removed_up_to_a_number(journal):
    """Records of other places, and those after the key, stay."""
    records = [Entry(RECORD, place, key, "{}") for place in ("x", "y") for key in ("11", "12", "13")]
    journal.write(records)

    journal.remove_up_to(RECORD, "x", "12")

    assert records[2:] == journal.entries()


def test_only_a_new_file_begins_with_the_entries_of_an_old_folder(tmp_path):
    """A kill after the conversion does not convert again over newer data."""
    Journal(tmp_path, [FIRST]).close()

    with contextlib.closing(Journal(tmp_path, [SECOND])) as again:
        assert [FIRST] == again.entries()


@pytest.mark.parametrize("damage", ["garbage", "newer", "json"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path, damage):
    """The file is garbage or of a newer version, or its content is not JSON."""
    path = tmp_path / FILE_NAME
    if damage == "garbage":
        path.write_bytes(b"no database" * 1000)
    else:
        with contextlib.closing(Journal(tmp_path)) as journal:
            journal.write([FIRST._replace(content="{")])
    if damage == "newer":
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 9")

    with pytest.raises(UnreadableJournal), contextlib.closing(Journal(tmp_path)) as journal:
        [entry.value() for entry in journal.entries()]


def test_rewriting_leaves_no_byte_of_removed_data(journal, tmp_path):
    """Neither in the file nor in its log, while the journal is open."""
    journal.write(Entry(ITEM, "table", str(number), f'"canary {number}"') for number in range(500))
    journal.write(Entry(ITEM, "table", str(number)) for number in range(499))
    before = any(b"canary 1" in path.read_bytes() for path in tmp_path.iterdir())

    assert rewrite(tmp_path, 5)

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert before
    assert b"canary 1" not in content
    assert b"canary 499" in content
    assert ['"canary 499"'] == [entry.content for entry in journal.entries()]


def test_a_file_in_use_is_not_rewritten(journal, tmp_path):
    """The answer is False. A folder without a file has nothing to rewrite."""
    journal.write([FIRST])
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM entries").fetchall()

        assert not rewrite(tmp_path, 0)
    assert rewrite(tmp_path / "none", 0)
