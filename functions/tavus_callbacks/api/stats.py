"""`GET /stats`: sums over conversations."""

from datetime import UTC, datetime, timedelta
from functools import partial

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.lists import LABEL, SINCE, UNTIL, describe_conversation
from tavus_callbacks.api.query import SIMULATED, TAG, Parameter, Query, whole_number
from tavus_callbacks.api.responses import json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.aws.stores.summaries import Span
from tavus_callbacks.domain.common.errors import BadRequest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.summaries import sums
from tavus_callbacks.domain.summaries.summary import CONVERSATION, ConversationSummary, Filter
from tavus_callbacks.domain.summaries.terms import term_of
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.settings import settings

routes = Routes()

MOST = 4000
_PAGE = 200
_DEFAULT_SPAN = timedelta(days=30)


def _read_key(text: str) -> tuple[str, sums.Key]:
    key = sums.parse_key(text)
    if key is None:
        raise BadRequest(f"by must be {sums.KEY_WORDS}.")
    return text, key


BY: Parameter[tuple[str, sums.Key]] = Parameter(
    "by",
    f"The groups: {sums.KEY_WORDS}.",
    {"type": "string", "pattern": "^(day|label|end-reason|tag:(.|\\n)+)$", "default": "day"},
    _read_key,
    ("day", sums.by_day),
)
LIMIT = whole_number("limit", "How many conversations to read, newest first.", most=MOST, default=MOST)


@routes.get("/stats", query=(SINCE, UNTIL, BY, TAG, LABEL, SIMULATED, LIMIT), model="Stats")
def get_stats(query: Query) -> Response[str]:
    """Return sums over the conversations of the last 30 days, or of another period."""
    by, key = query[BY]
    filter_ = Filter(tag=query[TAG], label=query[LABEL], simulated=query[SIMULATED])
    summaries = _read_summaries(query, filter_, query[LIMIT] + 1)
    looked_at = summaries[: query[LIMIT]]
    is_limited = len(looked_at) < len(summaries)
    conversations = [each.model_dump(mode="json") for each in looked_at if filter_.matches(each)]
    return json_answer(
        {
            **sums.statistics(conversations, key),
            "by": by,
            "limit_reached": is_limited,
            "looked_until": iso(looked_at[-1].received_first_at) if is_limited else None,
        }
    )


def _read_summaries(query: Query, filter_: Filter, count: int) -> list[ConversationSummary]:
    """Return at most `count` summaries of the query's span, the newest first; some do not match."""
    now, config = datetime.now(UTC), settings()
    objects_in = config.recordings_bucket if config.fold.expect_recording else None
    describe = partial(describe_conversation, now=now)
    since, until = query[SINCE] or now - _DEFAULT_SPAN, query[UNTIL]
    before = iso(until) if until else None
    summaries: list[ConversationSummary] = []
    while len(summaries) < count:
        span = Span(before, iso(since), min(_PAGE, count - len(summaries)))
        page = wiring.summaries().list_summaries(
            CONVERSATION, span, describe, objects_in=objects_in, term=term_of(filter_)
        )
        summaries += page.views
        before = page.following
        if before is None:
            break
    return summaries
