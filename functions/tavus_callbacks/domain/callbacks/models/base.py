"""The base of all models of callbacks.

Every member is optional and unknown ones are kept, because the sender's shapes drift. A model gives the
meaning of a member that is there. docs/tavus.md has tables of all members with their sources.
"""

from pydantic import BaseModel, ConfigDict

Time = str | float


class Model(BaseModel):
    """A part of a callback; built when it is first used, so that an import stays cheap."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)


class Properties(Model):
    """Fields that each event of a conversation may have: old and new names of the same two ids."""

    replica_id: str | None = None
    face_id: str | None = None
    persona_id: str | None = None
    pal_id: str | None = None


class ConversationCallback(Model):
    """The envelope of all callbacks about a conversation; `timestamp` is UTC by the sender's clock."""

    event_type: str | None = None
    message_type: str | None = None
    conversation_id: str | None = None
    webhook_url: str | None = None
    timestamp: Time | None = None
