"""The facts behind the rows of the list agree with the view of the conversation."""

from itertools import permutations

import pytest
from folding import CONVERSATION, NOW, SETTINGS, gather_facts, said, scenario, stored_event

from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.summaries.summary import conversation_summary, pack_facts, parse_facts

JOINED = "system.replica_joined"


def row(events):
    """Return the row of a list that a conversation's events give, after its facts were stored."""
    facts = parse_facts("conversation", pack_facts(gather_facts(events)))
    return conversation_summary(CONVERSATION, facts, now=NOW, settings=SETTINGS)


def view(events):
    """Return the view of a conversation."""
    return fold_conversation(CONVERSATION, events, now=NOW, settings=SETTINGS)


ID_CASES = {
    "no event names one": [said(JOINED)],
    "the first names": [said(JOINED, replica_id="r1", persona_id="p1")],
    "the names of 2026": [said(JOINED, face_id="f1", pal_id="p1")],
    "both names in one event": [said(JOINED, face_id="f1", replica_id="r1")],
    "the earlier event": [said(JOINED, 9, replica_id="late"), said("canvas.interaction", face_id="early")],
    "a blank id": [said(JOINED, replica_id="  ", face_id=" f1 "), said("system.shutdown", 9, replica_id="r")],
    "no text": [
        said(JOINED, replica_id=7, persona_id={"id": "p"}),
        said("system.shutdown", 9, persona_id="p"),
    ],
    "the richer content of one event": [
        said(JOINED, replica_id="poor"),
        said(JOINED, replica_id="a-rich", note="more"),
    ],
    "a flat body": [stored_event({"conversation_id": CONVERSATION, "objective_name": "o", "face_id": "f1"})],
}


@pytest.mark.parametrize("events", ID_CASES.values(), ids=ID_CASES)
def test_list_and_view_name_the_same_replica_and_persona(events):
    """The earliest event that names an id under either name decides, in every order of arrival."""
    for order in permutations(events):
        listed, whole = row(order), view(order)

        assert (whole["replica"]["id"], whole["persona"]["id"]) == (listed.replica_id, listed.persona_id)
        # `id` is one of the two names' ids wherever one of them has any.
        assert listed.replica_id in (whole["replica"]["replica_id"], whole["replica"]["face_id"])


def test_the_earliest_of_all_names_counts():
    """The cases above would agree on a wrong id too."""
    expected = [None, "r1", "f1", "r1", "early", "f1", None, "a-rich", "f1"]

    assert expected == [row(events).replica_id for events in ID_CASES.values()]


def test_an_endless_id_is_no_fact():
    """A summary stays small, whatever strangers send."""
    assert row([said(JOINED, replica_id="r" * 201)]).replica_id is None


def test_flags_say_what_the_view_shows():
    """A row has the flags of perception and objectives that its view has parts for."""
    analysis = said("application.perception_analysis", analysis="Calm.")
    refusal = said("application.perception_unavailable", reason="disabled")
    objective = said("conversation.objective.completed", objective_name="o")

    flags = [(row(events).has_perception, row(events).has_objectives) for events in (
        [said(JOINED)], [analysis], [refusal], [said(JOINED), objective], [objective, analysis],
    )]  # fmt: skip

    assert [(False, False), (True, False), (False, False), (False, True), (True, True)] == flags
    assert view([objective])["objectives"]
    assert view([analysis])["perception"]


def test_facts_of_earlier_versions_have_no_ids():
    """A row that an earlier version wrote is read: its ids are null until it is indexed again."""
    facts = gather_facts(scenario("conversation"))
    written = facts.model_dump_json(exclude={"replica", "persona", "has_objectives", "recording_ids"})

    read = parse_facts("conversation", written)
    listed = conversation_summary(CONVERSATION, read, now=NOW, settings=SETTINGS)

    assert (None, None, False) == (listed.replica_id, listed.persona_id, listed.has_objectives)
    assert facts == parse_facts("conversation", facts.model_dump_json())
    assert facts == read.merge(facts)
