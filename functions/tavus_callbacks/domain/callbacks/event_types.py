"""The event types of a conversation that the views understand; any other is shown by its name alone.

Catalogue: docs/tavus.md, "Conversation event types".
"""

JOINED = ("system.replica_joined", "system.pal_joined")
SHUTDOWN = "system.shutdown"
TRANSCRIPT = "application.transcription_ready"
RECORDING = "application.recording_ready"
COPY_FAILED = "application.recording_copy_failed"
ANALYSIS = "application.perception_analysis"
UNAVAILABLE = "application.perception_unavailable"
ACTION = "application.post_call_action_executed"
CANVAS = "canvas.interaction"
# A heartbeat inside the call, known from Tavus's sample app only
# (docs/tavus.md, "Events that do not arrive by callback").
REPLICA_PRESENT = "system.replica_present"
MEMORY_EVIDENCE = "application.raven_memory_evidence"
MEMORIES = ("application.memory_consolidation", MEMORY_EVIDENCE)

# The second travels within the call, but a page of the docs words it as one that backends receive.
TOOL_CALLS = ("application.perception_tool_call", "conversation.perception_tool_call")

SHOWN = frozenset(
    (
        *JOINED,
        SHUTDOWN,
        TRANSCRIPT,
        RECORDING,
        COPY_FAILED,
        ANALYSIS,
        UNAVAILABLE,
        ACTION,
        CANVAS,
        REPLICA_PRESENT,
        *MEMORIES,
        *TOOL_CALLS,
    )
)
