"""Numbers about a talk: who said how much, how fast, and how soon the replica answered.

Turns of user and replica count where they hold words; the system's and the tools' do not. Words are counted
as `words.py` says, questions by their marks. Numbers that need times are None where there are none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pydantic import Field

from tavus_callbacks.domain.common.view import View
from tavus_callbacks.domain.transcripts.transcript import Transcript, spoken
from tavus_callbacks.domain.transcripts.turns import Role, SpokenTurn
from tavus_callbacks.domain.transcripts.word_count import questions, words


class LongestTurn(View):
    """The turn with most words."""

    role: Role
    words: int
    duration: float | None
    start: float | None


class Talk(View):
    """The numbers; shares are of 1, seconds are of speech."""

    user_turns: int
    replica_turns: int
    total_turns: int
    user_words: int
    replica_words: int
    user_questions: int
    replica_questions: int
    user_share_by_words: float | None = Field(description="The user's words of all words.")
    user_seconds: float | None = Field(description="Speech of turns with a duration.")
    replica_seconds: float | None = Field(description="Speech of turns with a duration.")
    user_share_by_seconds: float | None = Field(description="Only where both sides have durations.")
    user_words_per_minute: float | None = Field(description="Over turns with a duration.")
    replica_words_per_minute: float | None = Field(description="Over turns with a duration.")
    longest_turn: LongestTurn | None
    first_response_seconds: float | None = Field(description="From the user's end to the replica's start.")
    median_response_seconds: float | None = Field(description="Over all answers; 0 where they overlap.")
    tool_calls: int


@dataclass(frozen=True, slots=True)
class _Side:
    """What one of the two said."""

    turns: int
    words: int
    questions: int
    seconds: float | None
    words_per_minute: float | None


_Counted = tuple[SpokenTurn, int]


def talk(transcript: Transcript) -> Talk:
    """Count a transcript."""
    counted = [(turn, words(turn.text)) for turn in spoken(transcript)]
    user, replica = _side(counted, "user"), _side(counted, "assistant")
    responses = list(_responses([turn for turn, _ in counted]))
    return Talk(
        user_turns=user.turns,
        replica_turns=replica.turns,
        total_turns=user.turns + replica.turns,
        user_words=user.words,
        replica_words=replica.words,
        user_questions=user.questions,
        replica_questions=replica.questions,
        user_share_by_words=_share(user.words, replica.words),
        user_seconds=user.seconds,
        replica_seconds=replica.seconds,
        user_share_by_seconds=_share(user.seconds, replica.seconds),
        user_words_per_minute=user.words_per_minute,
        replica_words_per_minute=replica.words_per_minute,
        longest_turn=_longest(counted),
        first_response_seconds=responses[0] if responses else None,
        median_response_seconds=round(median(responses), 3) if responses else None,
        tool_calls=sum(len(turn.tool_calls) for turn in transcript.turns),
    )


def _side(counted: Sequence[_Counted], role: Role) -> _Side:
    own = [(turn, count) for turn, count in counted if turn.role == role]
    timed = [(turn.duration, count) for turn, count in own if turn.duration]
    seconds = round(sum(duration for duration, _ in timed), 3) or None
    return _Side(
        turns=len(own),
        words=sum(count for _, count in own),
        questions=sum(questions(turn.text) for turn, _ in own),
        seconds=seconds,
        words_per_minute=round(sum(count for _, count in timed) * 60 / seconds, 1) if seconds else None,
    )


def _share(user: float | None, replica: float | None) -> float | None:
    if user is None or replica is None or not user + replica:
        return None
    return round(user / (user + replica), 3)


def _longest(counted: Sequence[_Counted]) -> LongestTurn | None:
    """Return the first turn with most words."""
    if not counted:
        return None
    turn, count = max(counted, key=lambda one: one[1])
    return LongestTurn(role=turn.role, words=count, duration=turn.duration, start=turn.start)


def _responses(turns: Sequence[SpokenTurn]) -> Iterator[float]:
    """Return how long the replica took for each answer, where the user's end and its start are known."""
    for before, answer in pairwise(turns):
        if (before.role, answer.role) == ("user", "assistant"):
            end, start = _end(before), answer.start
            if end is not None and start is not None:
                yield max(0.0, round(start - end, 3))


def _end(turn: SpokenTurn) -> float | None:
    return None if turn.start is None or turn.duration is None else turn.start + turn.duration
