"""The pages of all lists of subjects: filters, spans, cursors."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from tavus_callbacks.api.query import CURSOR, LIMIT, SIMULATED, TAG, Query, moment, place_in, text
from tavus_callbacks.api.routing import Parameters
from tavus_callbacks.aws.stores.keys import receipt_time
from tavus_callbacks.aws.stores.summaries import ListedSummary, Span, SummaryPage, SummaryRows
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.summaries.summary import ConversationSummary, Filter, conversation_summary
from tavus_callbacks.domain.summaries.terms import term_of
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from tavus_callbacks.domain.conversations.facts import Facts

LABEL = text("label", "Only subjects with a callback sent with the token of this label.")
SINCE = moment("since", "Only subjects first received at this time or later.")
UNTIL = moment("until", "Only subjects first received before this time.")

COMMON: Parameters = (TAG, LABEL, SIMULATED, SINCE, UNTIL, LIMIT, CURSOR)


def describe_conversation(row: ListedSummary, now: datetime) -> ConversationSummary:
    """Return the row of a conversation in a list."""
    facts = cast("Facts", row.facts)
    return conversation_summary(
        row.subject, facts, now=now, settings=settings().fold, has_object=row.has_object
    )


def list_page(
    summaries: SummaryRows,
    query: Query,
    kind: str,
    describe: Callable[[ListedSummary], Any],
    *,
    objects_in: str | None = None,
    **filters: Any,
) -> tuple[list[dict[str, Any]], dict[str, str | None]]:
    """Return the page of summaries that a query asks for, and where it ended: `cursor`, `looked_until`."""
    before = place_in(query.state(CURSOR), "before")
    page = read_page(summaries, query, kind, describe, before, objects_in=objects_in, **filters)
    next_cursor = query.cursor({"before": page.following}) if page.following else None
    return page.views, {"cursor": next_cursor, "looked_until": looked_until(page)}


def read_page(  # noqa: PLR0913 - a list, its filters and a place in it
    summaries: SummaryRows,
    query: Query,
    kind: str,
    describe: Callable[[ListedSummary], Any],
    before: str | None,
    *,
    objects_in: str | None = None,
    **filters: Any,
) -> SummaryPage:
    """Return a page of summaries that begins before a place; `describe` makes the view of each."""
    filter_ = Filter(tag=query[TAG], label=query[LABEL], simulated=query[SIMULATED], **filters)

    def view(row: ListedSummary) -> dict[str, Any] | None:
        summary = describe(row)
        return dict(summary.model_dump(mode="json")) if filter_.matches(summary) else None

    since, until = query[SINCE], query[UNTIL]
    span = Span(before or (iso(until) if until else None), iso(since) if since else "0", query[LIMIT])
    return summaries.list_summaries(kind, span, view, objects_in=objects_in, term=term_of(filter_))


def looked_until(page: SummaryPage) -> str | None:
    """Return the time of the last row that a page looked at, or None if the list has no more rows."""
    return page.following and receipt_time(page.following)
