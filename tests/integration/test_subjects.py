"""`GET /subjects`: every kind, found by a tag in either normal form."""

from projecting import project_all

from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common import cursors


def test_subjects_of_every_kind_are_listed_by_a_tag(api):
    """Kind by kind, page by page; a tag is found in either normal form."""
    bodies = [{f"{kind}_id": f"{kind}1", "status": "ready"} for kind in KINDS[3:]]
    bodies += [{"conversation_id": f"c{number}", "event_type": "system.shutdown"} for number in range(3)]
    for body in bodies:
        api.post(body, query="user=Jos%C3%A9")
    api.post({"conversation_id": "c9", "event_type": "system.shutdown"}, query="user=Jose")
    project_all(api)

    found, following = [], ""
    while following is not None:
        page = api.get("/subjects", f"tag=user:Jose%CC%81&limit=2&cursor={following}").value
        found += [(one["kind"], one["subject"], one["tags"]) for one in page["subjects"]]
        following = page["cursor"]

    named = {(kind, f"{kind}1") for kind in KINDS[3:]} | {("conversation", f"c{n}") for n in range(3)}
    assert named == {(kind, subject) for kind, subject, _ in found}
    assert (len(named), {"user": "Jos\u00e9"}) == (len(found), found[0][2])


def test_a_cursor_of_subjects_with_an_unknown_kind_is_refused(api):
    """A kind becomes part of a key."""
    state = cursors.decode(api.get("/subjects").value["cursor"])

    answer = api.get("/subjects", f"cursor={cursors.encode({**state, 'kind': 'tombstone'})}")

    assert 400 == answer.status
