"""Removing what a run of the doctor left in a stack: its tokens and its conversation.

The label of the tokens names the conversation. So a later run finds what a killed run left: by its tokens,
once they are no longer live.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from tavus_callbacks_cli.erasure.erase import remove_simulated
from tavus_callbacks_cli.targets.aws_stack import Deployment
from tavus_callbacks_cli.tokens import delete_tokens, list_tokens, revoke_token

# Labels of earlier versions have eight digits and name no conversation.
_LABEL = re.compile(r"doctor-(?:(csim[0-9a-f]{13})|[0-9a-f]{8})")


def label_of(conversation_id: str) -> str:
    """Return the label of the tokens of a run."""
    return f"doctor-{conversation_id}"


def is_doctors(label: str) -> bool:
    """Tell whether a token with this label is a doctor's."""
    return _LABEL.fullmatch(label) is not None


def remove_run(deployment: Deployment, label: str, since: datetime) -> Counter[str]:
    """Remove the conversation and the tokens of a run, and return how many pieces went, by their store.

    Revoked tokens stay until the conversation is gone, so that a later run finds what could not be removed.
    Raises the errors of AWS.
    """
    tables, names = deployment.tables, _LABEL.fullmatch(label)
    revoke_token(tables.tokens, label=label, now=datetime.now(UTC))
    pieces = remove_simulated(deployment, names[1], since).pieces if names and names[1] else []
    counts = Counter(piece.store for piece in pieces)
    counts["tokens"] += delete_tokens(tables.tokens, tables.events, label=label)
    return counts


def unfinished_runs(deployment: Deployment) -> Iterator[tuple[str, datetime]]:
    """Yield the label and the beginning of each run whose tokens are no longer live and still there."""
    runs: dict[str, datetime] = {}
    for token in list_tokens(deployment.tables.tokens):
        if is_doctors(token.label) and not token.is_live(datetime.now(UTC)):
            runs.setdefault(token.label, datetime.fromisoformat(token.created_at))
    yield from runs.items()
