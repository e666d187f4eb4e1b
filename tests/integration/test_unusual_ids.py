"""An id that is accepted can be read under the same id, whatever its script."""

import unicodedata
from urllib.parse import quote

# By the property that has made such ids unreadable, or could.
IDS = {
    "plain": "c123456",
    "composed": "Jos\u00e9",
    "decomposed": "Jose\u0301",
    "emoji": "call \U0001f600",
    "flag": "\U0001f1e9\U0001f1ea",
    "skin tone": "\U0001f44b\U0001f3fd",
    "Devanagari": "\u0928\u092e\u0938\u094d\u0924\u0947",
    "Thai": "\u0e17\u0e35\u0e48",
    "Arabic": "\u0645\u0643\u0627\u0644\u0645\u0629",
    "vowel points": "\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd",
    "Japanese": "\u4f1a\u8b70",
    "Hangul": unicodedata.normalize("NFD", "\ud55c\uae00"),
    "beyond 16 bits": "\U00020000\U0001d4d0",
    "per cent": "50%41",
    "reserved": "a+b&c=d;e:f@g,h!i$j'k(l)m*n",
    "unsafe": 'a"b<c>d\\e^f`g{h|i}j#k[l]~m',
    "dots": "...",
    "longest": "\U0001f600" * 200,
}
# A path cannot hold these.
ELSEWHERE = ("a/b", "a?b", "?", "/", ".", "..", "\u00e9/\U0001f600")


def post(api, kind, id_, **members):
    """Store a callback about an id."""
    assert 200 == api.post({f"{kind}_id": id_, **members}).status


def test_every_id_that_is_accepted_is_read_at_its_path(api):
    """The view has the id as it was sent."""
    for name, id_ in IDS.items():
        post(api, "conversation", id_, event_type="system.shutdown")

        assert id_ == api.get(f"/conversations/{quote(id_, safe='')}").value["conversation_id"], name


def test_every_path_with_an_id_takes_unusual_ones(api):
    """Events, recordings, transcripts and resources are read as views are."""
    id_ = f"{IDS['decomposed']} {IDS['emoji']} {IDS['unsafe']}"
    path = f"/conversations/{quote(id_, safe='')}"
    post(api, "conversation", id_, event_type="system.shutdown")
    post(api, "speech", id_, status="completed")

    assert [id_] == [event["subject"] for event in api.get(f"{path}/events").value["events"]]
    assert [] == api.get(f"{path}/recordings").value["recordings"]
    assert "No recording " in api.get(f"{path}/recordings/latest").value["detail"]
    assert f"No transcript of conversation {id_} " in api.get(f"{path}/transcript").value["detail"]
    assert id_ == api.get(f"/speech/{quote(id_, safe='')}").value["id"]


def test_an_id_that_no_path_can_hold_is_read_by_its_events(api):
    """Its path gives 404. HTTP clients remove `.` and `..` from a path, so these never arrive as an id."""
    for id_ in ELSEWHERE:
        post(api, "conversation", id_, event_type="system.shutdown")

        assert [id_] == [event["subject"] for event in api.events(quote(id_, safe=""))]
    arriving = [id_ for id_ in ELSEWHERE if id_ not in (".", "..")]
    assert {404} == {api.get(f"/conversations/{quote(id_, safe='')}").status for id_ in arriving}


def test_ids_that_differ_only_in_normalization_are_two(api):
    """An id is opaque, so each form has its own events."""
    for id_ in (IDS["composed"], IDS["decomposed"]):
        post(api, "conversation", id_, event_type="system.shutdown")

    for id_ in (IDS["composed"], IDS["decomposed"]):
        assert [id_] == [event["subject"] for event in api.events(quote(id_))]
