"""`GET /subjects`: subjects of every kind, one kind after the other."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.lists import COMMON, looked_until, read_page
from tavus_callbacks.api.query import BAD_CURSOR, CURSOR, Query, place_in
from tavus_callbacks.api.responses import json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common.errors import BadRequest
from tavus_callbacks.domain.summaries.summary import subject_summary
from tavus_callbacks.runtime import wiring

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.summaries import ListedSummary

routes = Routes()


@routes.get("/subjects", query=COMMON, model="SubjectPage")
def get_subjects(query: Query) -> Response[str]:
    """Return subjects of every kind. A page has one kind, in order of first receipt, newest first."""
    state = query.state(CURSOR)
    kind, before = state.get("kind", KINDS[0]), place_in(state, "before")
    if kind not in KINDS:
        raise BadRequest(BAD_CURSOR)

    def describe(row: "ListedSummary") -> Any:
        return subject_summary(kind, row.subject, row.facts)

    page = read_page(wiring.summaries(), query, kind, describe, before)
    following_kinds = KINDS[KINDS.index(kind) + 1 :]
    # The next page begins in the same kind, in the next one, or nowhere.
    following = None
    if page.following:
        following = {"kind": kind, "before": page.following}
    elif following_kinds:
        following = {"kind": following_kinds[0]}
    next_cursor = query.cursor(following) if following else None
    return json_answer({"subjects": page.views, "cursor": next_cursor, "looked_until": looked_until(page)})
