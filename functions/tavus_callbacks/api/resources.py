"""`GET /videos…` and `GET /replicas…`: the status of videos and replicas."""

from typing import TYPE_CHECKING, Any, cast, get_args

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.lists import COMMON, list_page
from tavus_callbacks.api.query import Query, one_of
from tavus_callbacks.api.responses import json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.aws.stores.subject_events import load_subject
from tavus_callbacks.domain.common.errors import NotFound
from tavus_callbacks.domain.resources.facts import ResourceStatus
from tavus_callbacks.domain.resources.view import fold_resource
from tavus_callbacks.domain.summaries.summary import resource_summary
from tavus_callbacks.runtime import wiring

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.summaries import ListedSummary
    from tavus_callbacks.domain.resources.facts import ResourceFacts

routes = Routes()

STATUS = one_of("status", "Only with this status.", get_args(ResourceStatus))


@routes.get("/videos", query=(*COMMON, STATUS), model="VideoPage")
def get_videos(query: Query) -> Response[str]:
    """Answer videos, the newest first by first receipt."""
    return _list_resources(query, "video", "videos")


@routes.get("/replicas", query=(*COMMON, STATUS), model="ReplicaPage")
def get_replicas(query: Query) -> Response[str]:
    """Answer replicas, the newest first by first receipt."""
    return _list_resources(query, "replica", "replicas")


@routes.get("/videos/<video_id>", model="ResourceView", problems=(404,))
def get_video(video_id: str) -> Response[str]:
    """Answer a video with its state, links and history."""
    return _get_resource("video", video_id)


@routes.get("/replicas/<replica_id>", model="ResourceView", problems=(404,))
def get_replica(replica_id: str) -> Response[str]:
    """Answer a replica with its state and history."""
    return _get_resource("replica", replica_id)


def _list_resources(query: Query, kind: str, name: str) -> Response[str]:
    def describe(row: "ListedSummary") -> Any:
        return resource_summary(kind, row.subject, cast("ResourceFacts", row.facts))

    page, next_cursor = list_page(wiring.summaries(), query, kind, describe, status=query[STATUS])
    return json_answer({name: page, "cursor": next_cursor})


def _get_resource(kind: str, subject: str) -> Response[str]:
    _, events = load_subject(wiring.summaries().tombstones, wiring.bodies(), kind, subject)
    if not events:
        raise NotFound(f"No event of {kind} {subject} is kept.")
    return json_answer(fold_resource(kind, subject, events))
