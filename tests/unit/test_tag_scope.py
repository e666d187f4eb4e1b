"""Which subjects belong to a tag: all callbacks that decide must carry it."""

import pytest

from tavus_callbacks.domain.events.tag_scope import TagCount, TaggedCallback, count_tagged

TAG = ("user", "666")


def callback(event_type="system.shutdown", *, family="conversation", tags=None, at="1", source="callback"):
    """Make a callback that carries the tag."""
    carried = {"user": "666"} if tags is None else tags
    return TaggedCallback(family, event_type, source, carried, at)


def test_a_conversation_belongs_if_every_system_and_application_callback_carries_the_tag():
    """The count says how many of how many, and since when."""
    callbacks = [callback(at="2"), callback("application.transcription_ready", at="3")]

    assert TagCount(2, 2, "2") == count_tagged("conversation", callbacks, TAG)
    assert count_tagged("conversation", callbacks, TAG).belongs


@pytest.mark.parametrize("tags", [{}, {"user": "4711"}, {"other": "666"}])
@pytest.mark.parametrize("event_type", ["system.shutdown", "application.new_type"])
def test_one_callback_without_the_tag_leaves_a_conversation_out(event_type, tags):
    """Whether the true callbacks have another tag or none, and whichever came first."""
    callbacks = [callback(at="1"), callback(event_type, tags=tags, at="2")]

    assert TagCount(1, 2, "1") == count_tagged("conversation", callbacks, TAG)
    assert not count_tagged("conversation", reversed(callbacks), TAG).belongs


@pytest.mark.parametrize(
    "other",
    [
        callback("conversation.objective.completed", family="objective", tags={}),
        callback("conversation.guardrail.triggered", family="guardrail", tags={"user": "1"}),
        callback("system.guardrail", family="guardrail", tags={}),
        callback("conversation.utterance", tags={}),
        callback("canvas.interaction", tags={}),
        callback(source="backfill", tags={}),
    ],
)
def test_what_has_a_url_of_its_own_or_none_may_lack_the_tag(other):
    """Objectives, guardrails, other types and backfilled events without tags do not decide."""
    assert count_tagged("conversation", [callback(), other], TAG).belongs


def test_a_backfilled_event_with_the_conversation_s_own_tags_decides():
    """Tavus's record showed the URL, so a forged callback cannot take a conversation that was backfilled."""
    backfilled = callback(source="backfill", tags={"user": "4711"})

    assert TagCount(1, 2, "1") == count_tagged("conversation", [callback(), backfilled], TAG)


@pytest.mark.parametrize("is_tagged", [True, False])
def test_without_a_callback_that_decides_every_event_must_carry_the_tag(is_tagged):
    """A conversation with objectives and guardrails alone."""
    other = callback("conversation.guardrail.triggered", family="guardrail", tags=None if is_tagged else {})
    callbacks = [callback("conversation.objective.completed", family="objective"), other]

    assert is_tagged == count_tagged("conversation", callbacks, TAG).belongs


@pytest.mark.parametrize("kind", ["video", "document", "lipsync", "replica", "speech", "objective"])
def test_every_callback_of_another_resource_must_carry_the_tag(kind):
    """Whatever its family and its type."""
    callbacks = [callback(f"{kind}.ready", family=kind), callback(f"{kind}.error", family=kind, tags={})]

    assert count_tagged(kind, callbacks[:1], TAG).belongs
    assert TagCount(1, 2, "1") == count_tagged(kind, callbacks, TAG)


def test_nothing_belongs_without_callbacks():
    """An empty list proves nothing."""
    assert not count_tagged("conversation", [], TAG).belongs
