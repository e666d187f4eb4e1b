"""Search in a copy: the turns and analyses that have all words of a query, the newest conversations first.

The ids of turns and analyses follow the first receipts of their conversations (see `rows`). So the index
yields its newest entries without ranking all of them, and a common word is found as fast as a rare one.
"""

import re
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import click

# Words in an excerpt; the index counts its tokens.
_EXCERPT = 32
# Characters of a piece of an excerpt: a text without spaces is one word.
_PIECE = 240

_ANALYSIS = "analysis"

_TERM = re.compile(r'"([^"]*)"?(\*?)|(\S+)')

_TURNS = """
    SELECT turns_fts.rowid, conversation_id, ifnull(joined_at, received_first_at),
        speaker, turns.text, start, at, snippet(turns_fts, 0, :begin, :end, '…', :size)
    FROM turns_fts JOIN turns ON turns.id = turns_fts.rowid JOIN conversations USING (conversation_id)
    WHERE turns_fts MATCH :match ORDER BY turns_fts.rowid DESC LIMIT :limit
"""
_ANALYSES = """
    SELECT perception_fts.rowid, conversation_id, ifnull(joined_at, received_first_at),
        :analysis, perception.analysis, NULL, at,
        snippet(perception_fts, 0, :begin, :end, '…', :size)
    FROM perception_fts JOIN perception ON perception.id = perception_fts.rowid
    JOIN conversations USING (conversation_id)
    WHERE perception_fts MATCH :match ORDER BY perception_fts.rowid DESC LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Match:
    """A turn or an analysis with the words.

    `began_at` is when the conversation began, or else was first received. `speaker` is `user`, `replica` or
    `tool`, or `analysis`. `start` is in seconds from the start of the conversation. `excerpt` has one line in
    pieces, each with whether it is a matching word.
    """

    conversation_id: str
    began_at: str
    speaker: str
    text: str
    start: float | None
    at: str | None
    excerpt: tuple[tuple[str, bool], ...]


class Matches(NamedTuple):
    """The matches to show, and whether the copy has more."""

    shown: list[Match]
    has_more: bool


def match_expression(words: str) -> str:
    """Return what FTS5 matches for the words that a person typed: all of them, in any order.

    Words in double quotes are a phrase, and a `*` behind a word matches its beginning. Nothing else has a
    meaning. Raises click.UsageError if no word is left.
    """
    terms = []
    # FTS5 ends a query at a zero byte, and an argument may hold bytes that are not UTF-8.
    readable = words.replace("\0", " ").encode("utf-8", "replace").decode()
    for phrase, phrase_star, word in _TERM.findall(readable):
        text = phrase or word.rstrip("*")
        # The index has words and numbers only.
        if any(map(str.isalnum, text)):
            star = phrase_star or word.endswith("*")
            terms.append('"{}"{}'.format(text.replace('"', '""'), "*" if star else ""))
    if not terms:
        raise click.UsageError(f"{words!r} has no word or number. Type a word to search for.")
    return " ".join(dict.fromkeys(terms))


def search(connection: sqlite3.Connection, words: str, limit: int) -> Matches:
    """Return at most `limit` matches: the newest conversations first, each in its order, its analysis last.

    Raises click.UsageError if there is no word to search for.
    """
    match = match_expression(words)
    # Around a matching word: nobody's text can have it.
    mark = secrets.token_hex(8)
    excerpts = {"begin": mark, "end": mark, "size": _EXCERPT}
    parameters = {"match": match, "limit": limit + 1, "analysis": _ANALYSIS, **excerpts}
    rows = [row for query in (_TURNS, _ANALYSES) for row in connection.execute(query, parameters)]
    newest = sorted(rows, key=lambda row: row[0], reverse=True)
    matches = [Match(*(*row[1:-1], tuple(_pieces(row[-1], mark)))) for row in newest[:limit]]
    conversations = list(dict.fromkeys(match.conversation_id for match in matches))
    places = {conversation_id: place for place, conversation_id in enumerate(conversations)}
    matches.reverse()
    matches.sort(key=lambda match: (places[match.conversation_id], match.speaker == _ANALYSIS))
    return Matches(matches, len(newest) > limit)


def _pieces(excerpt: str, mark: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of an excerpt in one line, with whether each is a matching word."""
    for number, piece in enumerate(re.sub(r"\s+", " ", excerpt).split(mark)):
        if len(piece) > _PIECE:
            yield f"{piece[: _PIECE // 2]}…{piece[-_PIECE // 2 :]}", number % 2 == 1
        elif piece:
            yield piece, number % 2 == 1
