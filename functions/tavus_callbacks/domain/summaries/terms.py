"""Terms: what a list can look a subject up by, without reading the summaries of others."""

from tavus_callbacks.domain.common.digests import digest_json
from tavus_callbacks.domain.common.tags import SIMULATED, normalize
from tavus_callbacks.domain.conversations.facts import Facts
from tavus_callbacks.domain.summaries.summary import Filter, SubjectFacts

# `("tag", name, value)` or `("replica", id)`.
Term = tuple[str, ...]

# Anybody with a callback URL can send many tags for one subject. Ten a callback is usual at most.
MOST_TERMS = 100


def tag_term(tag: tuple[str, str]) -> Term:
    """Return the term of a tag; tags that differ only in Unicode normalization have the same term."""
    return "tag", *map(normalize, tag)


def _replica_term(replica_id: str) -> Term:
    return "replica", replica_id


def term_of(filter_: Filter) -> Term | None:
    """Return the term that everything has that a filter matches; None if there is no such term."""
    if filter_.tag:
        return tag_term(filter_.tag)
    if filter_.replica:
        return _replica_term(filter_.replica)
    return tag_term(SIMULATED) if filter_.simulated else None


def term_digest(kind: str, term: Term) -> str:
    """Return the digest by which a term of a kind is stored: it names nobody."""
    return digest_json([kind, *term])


def term_digests(kind: str, facts: SubjectFacts) -> list[str]:
    """Return the digests of a subject's terms, the least ones if there are too many."""
    terms = {*map(tag_term, facts.receipt.tags)}
    if isinstance(facts, Facts) and facts.replica_id:
        terms.add(_replica_term(facts.replica_id))
    return sorted(term_digest(kind, term) for term in terms)[:MOST_TERMS]
