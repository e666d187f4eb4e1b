"""Terms: what a list can look a subject up by, without reading the summaries of others."""

from tavus_callbacks.domain.common.digests import digest_json
from tavus_callbacks.domain.common.tags import normalize
from tavus_callbacks.domain.summaries.summary import SubjectFacts

# `("tag", name, value)`.
Term = tuple[str, ...]

# Anybody with a callback URL can send many tags for one subject. Ten a callback is usual at most.
MOST_TERMS = 100


def tag_term(tag: tuple[str, str]) -> Term:
    """Return the term of a tag; tags that differ only in Unicode normalization have the same term."""
    return "tag", *map(normalize, tag)


def term_digest(kind: str, term: Term) -> str:
    """Return the digest by which a term of a kind is stored: it names nobody."""
    return digest_json([kind, *term])


def term_digests(kind: str, facts: SubjectFacts) -> list[str]:
    """Return the digests of a subject's terms, the least ones if there are too many."""
    terms = {*map(tag_term, facts.receipt.tags)}
    return sorted(term_digest(kind, term) for term in terms)[:MOST_TERMS]
