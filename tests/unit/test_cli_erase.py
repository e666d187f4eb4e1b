"""`erase` and `export`: what they refuse, and how an erasure handles unusual data."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from tavus_callbacks_cli.erasure.failed import cut_out
from tavus_callbacks_cli.erasure.receipt import beyond_reach, receipt_lines
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.operations.selection import Selection
from tavus_callbacks_cli.output import shell

C1 = Selection(frozenset({("conversation", "c1")}))


def run(*arguments):
    """Run the command line."""
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("conversation",),
        ("conversation", "c1", "--tag", "a:b"),
        ("conversation", "c 1 "),
        ("house", "h1"),
    ],
)
def test_whom_to_erase_must_be_said(arguments):
    """Either a valid kind and id, or a tag, is required."""
    result = run("erase", *arguments, "--stack", "x")

    assert 2 == result.exit_code
    assert "target" not in result.stderr


@pytest.mark.parametrize("arguments", [(), ("c1", "--tag", "a:b")])
def test_what_to_export_must_be_said(arguments, tmp_path):
    """Either an id or a tag is required."""
    assert 2 == run("export", *arguments, "--to", str(tmp_path / "x.zip"), "--stack", "x").exit_code


@pytest.mark.parametrize(
    "text",
    [
        '{"conversation_id": "c1"}',
        '{"conversation_id":"\\u0063\\u0031',
        "tavus/c1/1.mp4",
        "tavus\\/c1\\/1",
        "c1",
        "it was c1.",
        "https://x.test/?id=c1&y=2",
    ],
)
def test_a_whole_word_names_somebody(text):
    """An id is found as a value, in a path, escaped as JSON, before a full stop, and in cut text."""
    assert C1.takes_text(text.encode())


@pytest.mark.parametrize("text", ["c12", "xc1", "c1-2", "c1_2", "c1.2", "c1~", "a.c1", "", "\xff"])
def test_an_id_that_is_part_of_another_names_nobody(text):
    """Longer ids that begin or end alike belong to others."""
    assert not C1.takes_text(text.encode("latin-1"))


def batch(*items, **members):
    """Make a batch of the stream as Lambda leaves it."""
    records = [{"dynamodb": {"NewImage": image}} for image in items]
    return json.dumps({**members, "payload": json.dumps({"Records": records})}).encode()


def of(subject):
    """Make the stream's image of a conversation's event."""
    return {"pk": {"S": f"conversation#{subject}"}, "tags": {"M": {"user": {"S": subject}}}}


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a/b", "grün 🦊", "c1.", "(c1", "c1)*"])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_an_odd_id_is_found_however_json_writes_it(name, is_ascii):
    """Quotes, backslashes, surrogate pairs and characters of patterns are found."""
    selection = Selection(frozenset({("conversation", name)}))

    assert selection.takes_text(json.dumps([name, "x"], ensure_ascii=is_ascii).encode())
    assert not selection.takes_text(json.dumps([f"{name}7", "x"], ensure_ascii=is_ascii).encode())


def test_an_object_below_a_longer_folder_is_another_s():
    """`c1/x` may be an id but not a folder, so an S3 event below `tavus/c1/` is c1's."""
    raw = json.dumps({"requestPayload": {"detail": {"object": {"key": "tavus/c1/x/1"}}}}).encode()

    assert raw == cut_out(Selection(frozenset({("conversation", "c1/x")})), raw)
    assert cut_out(C1, raw) is None


def test_a_record_is_cut_out_of_its_batch():
    """The other records stay unchanged."""
    assert batch(of("c12"), x=1) == cut_out(C1, batch(of("c1"), of("c12"), x=1))
    assert cut_out(C1, batch(of("c1"))) is None
    assert batch(of("c12")) == cut_out(C1, batch(of("c12")))


def test_a_record_with_the_tag_is_cut_out_too():
    """A record with the tag is removed, whatever its subject."""
    selection = Selection(frozenset(), ("user", "c7"))

    assert batch(of("c12")) == cut_out(selection, batch(of("c7"), of("c12")))


@pytest.mark.parametrize("raw", [b"c1 {", b'["c1"]', b'{"requestPayload": {"Records": [{"about": "c1"}]}}'])
def test_what_has_no_known_shape_goes_where_it_names_somebody(raw):
    """A record of an unknown shape is removed if it contains the id."""
    assert cut_out(C1, raw) is None
    assert raw.replace(b"c1", b"c12") == cut_out(C1, raw.replace(b"c1", b"c12"))


def test_a_receipt_is_readable():
    """The receipt says what went, what is left and why, and what is beyond reach until when."""
    content = {
        "asked": "erase conversation c1",
        "target": "stack x",
        "erased_at": "2027-03-01T12:00:00Z",
        "dry_run": False,
        "subjects": [{"kind": "conversation", "subject": "c1", "tombstone": "ab", "tombstone_until": None}],
        "counts": {"events": 3},
        "left_out": [{"kind": "video", "subject": "v1", "reason": "1 of 2", "command": "erase video v1"}],
        "left": [{"store": "recordings bucket", "name": "k", "reason": "why"}],
        "beyond_reach": [
            {"what": "copies", "until": "2027-04-05T12:00:00Z", "do": "Nothing."},
            {"what": "Tavus", "until": None, "do": "Ask."},
        ],
    }

    text = "\n".join(receipt_lines(content))

    for part in (
        "tombstone ab without expiry",
        "     3  events",
        "k: why",
        "video v1: 1 of 2\n      erase video v1",
        "copies (until 2027-04-05)",
        "Tavus\n",
    ):
        assert part in text
    nothing = "\n".join(receipt_lines({**content, "dry_run": True, "counts": {}, "left_out": [], "left": []}))
    assert "Nothing would be erased" in nothing


@pytest.mark.parametrize(
    ("kind", "path"), [("conversation", "conversations"), ("video", "videos"), ("replica", "faces")]
)
def test_a_receipt_has_the_command_that_deletes_at_tavus(kind, path):
    """The command uses current names: docs.tavus.io, Delete Conversation, Delete Video, Delete Face."""
    subjects = frozenset({(kind, "x1")})
    erasure = SimpleNamespace(at=datetime(2027, 3, 1, tzinfo=UTC), selection=Selection(subjects))
    deployment = SimpleNamespace(parameters={}, state_folder=None, command=shell.command)

    *_, at_tavus = beyond_reach(erasure, deployment)

    assert f"'https://tavusapi.com/v2/{path}/x1?hard=true'" in at_tavus.do


def test_a_receipt_is_not_overwritten(monkeypatch, tmp_path):
    """The receipt of the first run stays, and a missing folder is reported before anything is erased."""
    monkeypatch.setattr(
        "tavus_callbacks_cli.targets.choose.choose", lambda *_, **__: SimpleNamespace(name="x")
    )
    (tmp_path / "receipt.json").write_text("{}")

    there = run("erase", "conversation", "c1", "--receipt", str(tmp_path / "receipt.json"), "--stack", "x")
    nowhere = run(
        "erase", "conversation", "c1", "--receipt", str(tmp_path / "none" / "receipt.json"), "--stack", "x"
    )

    assert (1, 1) == (there.exit_code, nowhere.exit_code)
    assert "not overwritten" in there.stderr
    assert "no folder" in nowhere.stderr
