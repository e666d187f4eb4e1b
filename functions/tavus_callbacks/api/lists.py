"""What the lists of subjects share: filters, spans, cursors."""

from collections.abc import Callable
from typing import Any

from tavus_callbacks.api.query import CURSOR, LIMIT, TAG, Parameter, Query, moment, place_in, text
from tavus_callbacks.api.routing import Parameters
from tavus_callbacks.aws.stores.summaries import ListedSummary, Span, SummaryPage, SummaryRows
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.summaries.summary import Filter

LABEL = text("label", "Only what came by the token of this label.")
SINCE = moment("since", "Only what was first received at this time or later.")
UNTIL = moment("until", "Only what was first received before this time.")

COMMON: Parameters = (TAG, LABEL, SINCE, UNTIL, LIMIT, CURSOR)


def list_page(
    summaries: SummaryRows,
    query: Query,
    kind: str,
    describe: Callable[[ListedSummary], Any],
    *,
    objects_in: str | None = None,
    **filters: str | None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of described summaries as the query asks, and the cursor of the next one."""
    before = place_in(query.state(CURSOR), "before")
    listed = listed_from(summaries, query, kind, describe, before, objects_in=objects_in, **filters)
    following = query.cursor({"before": listed.following}) if listed.following else None
    return listed.views, following


def listed_from(  # noqa: PLR0913 - a list, its filters and a place in it
    summaries: SummaryRows,
    query: Query,
    kind: str,
    describe: Callable[[ListedSummary], Any],
    before: str | None,
    *,
    objects_in: str | None = None,
    **filters: str | None,
) -> SummaryPage:
    """Return a page of described summaries from a place on, and the place of the next one."""
    wanted = Filter(tag=query[TAG], label=query[LABEL], **filters)

    def keep(row: ListedSummary) -> dict[str, Any] | None:
        view = describe(row)
        return dict(view.model_dump(mode="json")) if wanted.matches(view) else None

    return summaries.list_summaries(kind, _span(query, before), keep, objects_in=objects_in)


def _span(query: Query, before: str | None) -> Span:
    return Span(before or _place(query, UNTIL), _place(query, SINCE) or "0", query[LIMIT])


def _place(query: Query, parameter: Parameter[Any]) -> str | None:
    found = query[parameter]
    return timestamps.iso(found) if found else None
