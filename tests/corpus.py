"""The published bodies beside this project: where they are, and the expected answer to each."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

ADVICE = "Set CALLBACK_CORPUS to the folder of published callback bodies."


class MissingError(LookupError):
    """The published bodies are required, and their folder is missing."""


@dataclass(frozen=True)
class Expected:
    """The answer to a body, and its outcome: `stored`, or `quarantined` without family, kind and type."""

    status: int
    family: str | None
    kind: str | None
    event_type: str | None
    outcome: str


def folder() -> Path | None:
    """Return the folder of published bodies, or None if it is missing and not required."""
    named = os.environ.get("CALLBACK_CORPUS")
    path = Path(named) if named else Path(__file__).parents[2] / "shared" / "payloads"
    if path.is_dir():
        return path
    if named or os.environ.get("REQUIRE_CALLBACK_CORPUS") == "1":
        raise MissingError(f"No such folder: {path}. {ADVICE}")
    return None


def files() -> dict[str, Path]:
    """Return every body by its file's name, sorted by name; skip the test if the bodies are missing."""
    path = folder()
    if path is None:
        pytest.skip(f"The published callback bodies are missing. {ADVICE}")
    return {body.name: body for body in sorted(path.iterdir()) if body.name != "INDEX.md"}


def _of_conversation(event_type: str, family: str = "conversation") -> Expected:
    return Expected(200, family, "conversation", event_type, "stored")


def _with_status(family: str, event_type: str) -> Expected:
    return Expected(200, family, family, event_type, "stored")


NOT_AN_OBJECT = Expected(400, None, None, None, "quarantined")
UNFILEABLE = Expected(422, None, None, None, "quarantined")

EXPECTED = {
    "body-not-json--oss-abiah-2025.txt": NOT_AN_OBJECT,
    "body-not-json--oss-aria.txt": NOT_AN_OBJECT,
    "canvas-interaction-submit--docs-2026-06.json": _of_conversation("canvas.interaction"),
    "conversation-conversation_ended--oss-abiah-2025.json": _of_conversation("system.shutdown"),
    "conversation-conversation_started--oss-abiah-2025.json": _of_conversation("system.replica_joined"),
    "conversation-envelope--docs-2025.json": _of_conversation("<event_type>"),
    "conversation-id-empty-string--oss-abiah-2025.json": UNFILEABLE,
    "conversation-id-missing--oss-aria.json": UNFILEABLE,
    "conversation-id-null--oss-abiah-2025.json": UNFILEABLE,
    "conversation-perception_analysis--docs-2025.json": _of_conversation("application.perception_analysis"),
    "conversation-perception_analysis--docs-faq-2025-06.json": _of_conversation(
        "application.perception_analysis"
    ),
    "conversation-perception_analysis--docs-perception-2025-07.json": _of_conversation(
        "application.perception_analysis"
    ),
    "conversation-perception_analysis--oss-aria.json": _of_conversation("application.perception_analysis"),
    "conversation-recording_copy_failed--docs-2026-06.json": _of_conversation(
        "application.recording_copy_failed"
    ),
    "conversation-recording_ready-both-forms--docs-2026-06.json": _of_conversation(
        "application.recording_ready"
    ),
    "conversation-recording_ready--docs-2025.json": _of_conversation("application.recording_ready"),
    "conversation-recording_ready--oss-talentai-2026.json": _of_conversation("application.recording_ready"),
    "conversation-replica_joined--docs-2025.json": _of_conversation("system.replica_joined"),
    "conversation-replica_joined--oss-aria.json": _of_conversation("system.replica_joined"),
    "conversation-replica_joined-empty--oss-abiah-2025.json": _of_conversation("system.replica_joined"),
    "conversation-shutdown--docs-2025.json": _of_conversation("system.shutdown"),
    "conversation-shutdown--oss-aria.json": _of_conversation("system.shutdown"),
    "conversation-shutdown--oss-talentai-2026.json": _of_conversation("system.shutdown"),
    "conversation-shutdown-timeout--oss-aria.json": _of_conversation("system.shutdown"),
    "conversation-shutdown-unknown-conversation--oss-talentai-2026.json": _of_conversation("system.shutdown"),
    "conversation-shutdown-with-comment--oss-doc-abiah-2025.txt": NOT_AN_OBJECT,
    "conversation-transcription_ready--docs-2025.json": _of_conversation("application.transcription_ready"),
    "conversation-transcription_ready--docs-faq-2025-02.txt": NOT_AN_OBJECT,
    "conversation-transcription_ready--oss-abiah-2025.json": _of_conversation(
        "application.transcription_ready"
    ),
    "conversation-transcription_ready--oss-aria.json": _of_conversation("application.transcription_ready"),
    "conversation-transcription_ready--oss-talentai-2026.json": _of_conversation(
        "application.transcription_ready"
    ),
    "conversation-transcription_ready-duplicate--oss-talentai-2026.json": _of_conversation(
        "application.transcription_ready"
    ),
    "conversation-transcription_ready-objectives--oss-doc-8p3p-2025.txt": NOT_AN_OBJECT,
    "conversation-transcription_ready-objectives-short--oss-doc-8p3p-2025.txt": NOT_AN_OBJECT,
    "conversation-transcription_ready-perception--oss-aria.json": _of_conversation(
        "application.transcription_ready"
    ),
    "conversation-transcription_ready-tool_calls--oss-newdomo-2025.json": UNFILEABLE,
    "conversation-transcription_ready-tool_calls-bad-args--oss-newdomo-2025.json": UNFILEABLE,
    "conversation-transcription_ready-tool_calls-empty-args--oss-newdomo-2025.json": UNFILEABLE,
    "conversation-transcription_ready-timed--docs-2026-06.json": _of_conversation(
        "application.transcription_ready"
    ),
    "event-type-missing--oss-aria.json": UNFILEABLE,
    "guardrail-triggered--docs-2026-06.json": _of_conversation(
        "conversation.guardrail.triggered", family="guardrail"
    ),
    "incall-append_llm_context--openapi-2026.json": _of_conversation("conversation.append_llm_context"),
    "incall-assistant_utterance--oss-abiah-2025.json": _of_conversation("conversation.utterance"),
    "incall-echo--openapi-2026.json": _of_conversation("conversation.echo"),
    "incall-echo--oss-abiah-2025.json": _of_conversation("conversation.echo"),
    "incall-interrupt--openapi-2026.json": _of_conversation("conversation.interrupt"),
    "incall-interrupt--oss-abiah-2025.json": _of_conversation("conversation.interrupt"),
    "incall-overwrite_context--oss-abiah-2025.json": _of_conversation("conversation.overwrite_context"),
    "incall-overwrite_llm_context--openapi-2026.json": _of_conversation("conversation.overwrite_llm_context"),
    "incall-perception_analysis--openapi-2026.json": _of_conversation("conversation.perception_analysis"),
    "incall-perception_analysis--oss-abiah-2025.json": _of_conversation("conversation.perception_analysis"),
    "incall-perception_tool_call--docs-perception-2025-07.json": _of_conversation(
        "conversation.perception_tool_call"
    ),
    "incall-perception_tool_call--openapi-2026.json": _of_conversation("conversation.perception_tool_call"),
    "incall-perception_tool_call--oss-abiah-2025.json": _of_conversation("conversation.perception_tool_call"),
    "incall-replica_stopped_speaking--openapi-2026.json": _of_conversation(
        "conversation.replica.stopped_speaking"
    ),
    "incall-respond--openapi-2026.json": _of_conversation("conversation.respond"),
    "incall-respond--oss-abiah-2025.json": _of_conversation("conversation.respond"),
    "incall-sensitivity--openapi-2026.json": _of_conversation("conversation.sensitivity"),
    "incall-stopped_speaking--openapi-2026.json": UNFILEABLE,
    "incall-tool_call--openapi-2026.json": _of_conversation("conversation.tool_call"),
    "incall-tool_call--oss-abiah-2025.json": _of_conversation("conversation.tool_call"),
    "incall-user_started_speaking--openapi-2026.json": _of_conversation("conversation.user.started_speaking"),
    "incall-user_started_speaking--oss-abiah-2025.json": _of_conversation(
        "conversation.user.started_speaking"
    ),
    "incall-user_stopped_speaking--oss-abiah-2025.json": _of_conversation(
        "conversation.user.stopped_speaking"
    ),
    "incall-user_utterance--oss-abiah-2025.json": _of_conversation("conversation.utterance"),
    "incall-utterance--openapi-2026.json": _of_conversation("conversation.utterance"),
    "incall-utterance_streaming--openapi-2026.json": _of_conversation("conversation.utterance.streaming"),
    "invented-conversation_completed--oss-newdomo-2025.json": _of_conversation(
        "application.conversation.completed"
    ),
    "invented-conversation_ended--oss-agentvc-2025.json": _of_conversation("conversation.ended"),
    "invented-conversation_ended--oss-doc-newdomo-2025.json": _of_conversation("conversation.ended"),
    "invented-conversation_ended-perception--oss-newdomo-2025.json": _of_conversation("conversation.ended"),
    "invented-conversation_error--oss-agentvc-2025.json": _of_conversation("conversation.error"),
    "invented-conversation_message--oss-doc-newdomo-2025.json": _of_conversation("conversation.message"),
    "invented-conversation_started--oss-agentvc-2025.json": _of_conversation("conversation.started"),
    "invented-conversation_started-no-id--oss-agentvc-2025.json": UNFILEABLE,
    "invented-conversation_tool_called--oss-doc-newdomo-2025.json": _of_conversation(
        "conversation.tool_called"
    ),
    "invented-conversation_tool_result--oss-doc-newdomo-2025.json": _of_conversation(
        "conversation.tool_result"
    ),
    "invented-conversation_updated--oss-doc-newdomo-2025.json": _of_conversation("conversation.updated"),
    "invented-toolcall-with-event-id--oss-newdomo-2025.json": _of_conversation("conversation.toolcall"),
    "invented-transcript_update--oss-agentvc-2025.json": _of_conversation("conversation.transcript"),
    "invented-utterance-bare--oss-newdomo-2025.json": UNFILEABLE,
    "lipsync-completed--docs-quickstart.json": _with_status("lipsync", "lipsync.completed"),
    "objective-completed--docs-2026-06.json": _of_conversation(
        "conversation.objective.completed", family="objective"
    ),
    "objective-completed-flat--oss-doc-8p3p-2025.json": _of_conversation(
        "conversation.objective.completed", family="objective"
    ),
    "objective-completed-flat--oss-newdomo-2025.json": _of_conversation(
        "conversation.objective.completed", family="objective"
    ),
    "objective-completed-flat-interest--oss-newdomo-2025.json": _of_conversation(
        "conversation.objective.completed", family="objective"
    ),
    "objective-completed-flat-videos--oss-newdomo-2025.json": _of_conversation(
        "conversation.objective.completed", family="objective"
    ),
    "objective-completed-list-variable--oss-newdomo-2025.json": _of_conversation(
        "conversation.objective.completed", family="objective"
    ),
    "objective-completed-nested--oss-newdomo-2025.json": _of_conversation(
        "conversation.objective.completed", family="objective"
    ),
    "replica-error--docs.json": _with_status("replica", "replica.error"),
    "replica-ready--docs.txt": NOT_AN_OBJECT,
    "rest-create-conversation-response--docs-recordings-2025.json": UNFILEABLE,
    "rest-get-conversation--openapi-2026-default.json": UNFILEABLE,
    "rest-get-conversation-verbose--openapi-2026.json": UNFILEABLE,
    "rest-get-conversation-verbose--oss-talentai-2026.json": UNFILEABLE,
    "rest-get-conversation-verbose-malformed--oss-newdomo-2026.json": UNFILEABLE,
    "rest-get-conversation-verbose-no-events--oss-newdomo-2026.json": UNFILEABLE,
    "speech-completed--docs-quickstart.json": _with_status("speech", "speech.completed"),
    "video-error--docs.json": _with_status("video", "video.error"),
    "video-ready--docs.json": _with_status("video", "video.ready"),
}

# The callbacks in Tavus's own documentation; the envelope's page has placeholders instead of values.
DOCUMENTED = sorted(
    name
    for name, expected in EXPECTED.items()
    if "--docs" in name and expected.status == 200 and name != "conversation-envelope--docs-2025.json"
)
