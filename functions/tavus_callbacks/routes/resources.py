"""`GET /videos…` and `GET /replicas…`: the state of what Tavus makes."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from tavus_callbacks.aws.subject_events import events_in, subject_rows
from tavus_callbacks.domain.errors import NotFound
from tavus_callbacks.domain.families import is_name
from tavus_callbacks.domain.resource_view import fold_resource
from tavus_callbacks.domain.summary import resource_summary
from tavus_callbacks.routes.answers import json_answer
from tavus_callbacks.routes.conversations import stores
from tavus_callbacks.routes.lists import list_page

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@router.get("/videos")
def get_videos() -> Response[str]:
    """Answer videos, the newest first by first receipt."""
    return _list("video", "videos")


@router.get("/replicas")
def get_replicas() -> Response[str]:
    """Answer replicas, the newest first by first receipt."""
    return _list("replica", "replicas")


@router.get("/videos/<video_id>")
def get_video(video_id: str) -> Response[str]:
    """Answer a video with its state, links and history."""
    return _one("video", video_id)


@router.get("/replicas/<replica_id>")
def get_replica(replica_id: str) -> Response[str]:
    """Answer a replica with its state and history."""
    return _one("replica", replica_id)


def _list(kind: str, name: str) -> Response[str]:
    def describe(subject: str, facts: Any) -> Any:
        return resource_summary(kind, subject, facts)

    page, following = list_page(stores().summaries, router.current_event, kind, describe)
    return json_answer({name: page, "cursor": following})


def _one(kind: str, subject: str) -> Response[str]:
    items = subject_rows(stores().client, stores().table, kind, subject) if is_name(subject) else []
    events = events_in(items, stores().bodies)
    if not events:
        raise NotFound(f"No event of {kind} {subject} is kept.")
    return json_answer(fold_resource(kind, subject, events))
