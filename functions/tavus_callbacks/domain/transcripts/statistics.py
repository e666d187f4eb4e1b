"""Numbers about a talk: who said how much, how fast, and how soon the replica answered.

Turns of user and replica count if they have words; turns of the system and of tools do not. `word_count`
counts words and questions. Numbers that need times are None if the turns have none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pydantic import Field

from tavus_callbacks.domain.common.view import View
from tavus_callbacks.domain.transcripts.transcript import Transcript, speech_turns
from tavus_callbacks.domain.transcripts.turns import Role, SpokenTurn
from tavus_callbacks.domain.transcripts.word_count import question_count, word_count


class LongestTurn(View):
    """The turn with the most words."""

    role: Role
    words: int
    duration: float | None
    start: float | None


class Talk(View):
    """Statistics of the conversation. Shares are from 0 to 1, and seconds count speech."""

    user_turns: int
    replica_turns: int
    total_turns: int
    user_words: int
    replica_words: int
    user_questions: int
    replica_questions: int
    user_share_by_words: float | None = Field(description="The user's share of all words.")
    user_seconds: float | None = Field(description="Speech of turns with a duration.")
    replica_seconds: float | None = Field(description="Speech of turns with a duration.")
    user_share_by_seconds: float | None = Field(description="Only if both sides have durations.")
    user_words_per_minute: float | None = Field(description="Over turns with a duration.")
    replica_words_per_minute: float | None = Field(description="Over turns with a duration.")
    longest_turn: LongestTurn | None
    first_response_seconds: float | None = Field(description="From the user's end to the replica's start.")
    median_response_seconds: float | None = Field(description="Over all answers; 0 if they overlap.")
    tool_calls: int


@dataclass(frozen=True, slots=True)
class _Side:
    """The words of one of the two."""

    turns: int
    words: int
    questions: int
    seconds: float | None
    words_per_minute: float | None


# Each turn with its number of words.
_WordCounts = Sequence[tuple[SpokenTurn, int]]


def talk_statistics(transcript: Transcript) -> Talk:
    """Return the numbers of a transcript."""
    word_counts = [(turn, word_count(turn.text)) for turn in speech_turns(transcript)]
    user, replica = _side(word_counts, "user"), _side(word_counts, "assistant")
    delays = [delay for _, delay in response_delays([turn for turn, _ in word_counts])]
    longest, words = max(word_counts, key=lambda pair: pair[1], default=(None, 0))
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
        longest_turn=longest
        and LongestTurn(role=longest.role, words=words, duration=longest.duration, start=longest.start),
        first_response_seconds=delays[0] if delays else None,
        median_response_seconds=round(median(delays), 3) if delays else None,
        tool_calls=sum(len(turn.tool_calls) for turn in transcript.turns),
    )


def _side(word_counts: _WordCounts, role: Role) -> _Side:
    own = [(turn, words) for turn, words in word_counts if turn.role == role]
    timed = [(turn.duration, words) for turn, words in own if turn.duration]
    seconds = round(sum(duration for duration, _ in timed), 3) or None
    return _Side(
        turns=len(own),
        words=sum(words for _, words in own),
        questions=sum(question_count(turn.text) for turn, _ in own),
        seconds=seconds,
        words_per_minute=round(sum(words for _, words in timed) * 60 / seconds, 1) if seconds else None,
    )


def _share(user: float | None, replica: float | None) -> float | None:
    if user is None or replica is None or not user + replica:
        return None
    return round(user / (user + replica), 3)


def response_delays(turns: Sequence[SpokenTurn]) -> Iterator[tuple[SpokenTurn, float]]:
    """Yield each answer of the replica with the seconds to it, if the user's end and its start are there.

    `turns` are those of `speech_turns`.
    """
    for question, answer in pairwise(turns):
        if (question.role, answer.role) != ("user", "assistant"):
            continue
        if question.start is not None and question.duration is not None and answer.start is not None:
            yield answer, max(0.0, round(answer.start - (question.start + question.duration), 3))
