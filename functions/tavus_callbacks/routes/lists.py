"""What the lists of conversations, videos and replicas share: filters, spans, cursors."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tavus_callbacks.aws.summaries import Span, SummaryRows
from tavus_callbacks.domain import cursor, timestamps
from tavus_callbacks.domain.errors import BadRequest
from tavus_callbacks.domain.summary import Filter
from tavus_callbacks.routes.answers import BAD_CURSOR, limit, parameter, position


def list_page(
    summaries: SummaryRows, event: APIGatewayProxyEventV2, kind: str, describe: Callable[[str, Any], Any]
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of described summaries as the query asks, and the cursor of the next one."""
    wanted = _filter(event)

    def keep(subject: str, facts: Any) -> dict[str, Any] | None:
        view = describe(subject, facts)
        return dict(view.model_dump(mode="json")) if wanted.lets(view) else None

    listed = summaries.listed(kind, _span(event), keep)
    following = cursor.encode({"before": listed.following}) if listed.following else None
    return listed.page, following


def _filter(event: APIGatewayProxyEventV2) -> Filter:
    return Filter(
        tag=_tag(event),
        label=parameter(event, "label"),
        status=parameter(event, "status"),
        missing=parameter(event, "missing"),
    )


def _tag(event: APIGatewayProxyEventV2) -> tuple[str, str] | None:
    text = parameter(event, "tag")
    if text is None:
        return None
    name, colon, value = text.partition(":")
    if not colon:
        raise BadRequest("tag takes a name and a value, as in tag=user:4711.")
    return name, value


def _span(event: APIGatewayProxyEventV2) -> Span:
    before = position(event).get("before")
    if before is not None and not isinstance(before, str):
        raise BadRequest(BAD_CURSOR)
    return Span(before or _time(event, "until"), _time(event, "since") or "0", limit(event))


def _time(event: APIGatewayProxyEventV2, name: str) -> str | None:
    text = parameter(event, name)
    if text is None:
        return None
    moment = timestamps.parse(text)
    if moment is None:
        raise BadRequest(f"{name} takes a time such as 2026-01-31T12:00:00Z.")
    return timestamps.iso(moment)
