"""`GET /videos…`, `GET /replicas…` and the like: the status of everything that is not a conversation."""

from typing import TYPE_CHECKING, Any, cast, get_args

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.lists import COMMON, list_page
from tavus_callbacks.api.query import Query, one_of
from tavus_callbacks.api.responses import json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.aws.stores.subject_events import load_subject
from tavus_callbacks.domain.common.errors import NotFound
from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks.domain.resources.facts import ResourceStatus
from tavus_callbacks.domain.resources.view import fold_resource
from tavus_callbacks.domain.summaries.summary import CONVERSATION, resource_summary
from tavus_callbacks.runtime import wiring

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.summaries import ListedSummary
    from tavus_callbacks.domain.resources.facts import ResourceFacts

routes = Routes()

STATUS = one_of("status", "Only subjects with this status.", get_args(ResourceStatus))


def _declare_list(kind: str, name: str) -> None:
    @routes.get(
        f"/{name}",
        # `lipsync` and `speech` have one word for the list and for its items.
        operation_id=f"get_{name}" if name != kind else f"get_{name}_list",
        summary=f"Return {name} in order of their first receipt, newest first.",
        query=(*COMMON, STATUS),
        model=f"{kind.capitalize()}Page",
    )
    def get_resources(query: Query) -> Response[str]:
        def describe(row: "ListedSummary") -> Any:
            return resource_summary(kind, row.subject, cast("ResourceFacts", row.facts))

        page, end = list_page(wiring.summaries(), query, kind, describe, status=query[STATUS])
        return json_answer({name: page, **end})


def _declare_view(kind: str, name: str) -> None:
    @routes.get(
        f"/{name}/<{kind}_id>",
        operation_id=f"get_{kind}",
        summary=f"Return a {kind} with its status, links and history.",
        model="ResourceView",
        problems=(404,),
    )
    def get_resource(**names: str) -> Response[str]:
        [subject] = names.values()
        _, events = load_subject(wiring.summaries().tombstones, wiring.bodies(), kind, subject)
        if not events:
            raise NotFound(f"No event of {kind} {subject} is stored.")
        return json_answer(fold_resource(kind, subject, events))


for _kind, _name in LISTS.items():
    if _kind != CONVERSATION:
        _declare_list(_kind, _name)
        _declare_view(_kind, _name)
