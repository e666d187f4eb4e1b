"""Opens the journal when the parent names its folder, and gives it the changes of the embedded services."""

import sqlite3
from pathlib import Path
from typing import Any

from tavus_callbacks_cli.local_stack.services.dynamodb_writes import Report, Write
from tavus_callbacks_cli.local_stack.services.object_events import Change
from tavus_callbacks_cli.local_stack.services.recorder import Recorder, RecordFilter
from tavus_callbacks_cli.local_stack.services.restore import open_journal


class Persistence:
    """The recorder of the services; before `open`, changes are not recorded."""

    def __init__(self, restored: Report) -> None:
        """Call `restored` with the items that were restored."""
        self._restored = restored
        self._recorder: Recorder | None = None

    def open(self, settings: Any) -> dict[str, Any]:
        """Restore the data of a folder, and return what is due; see EmbeddedServices.open_journal."""
        filters = [
            RecordFilter(each["mapping_id"], each["table"], tuple(each["patterns"]))
            for each in settings["filters"]
        ]
        try:
            restored = open_journal(Path(settings["folder"]), filters, settings["secrets"])
        except (sqlite3.Error, OSError) as error:
            return {"error": str(error)}
        self._restored(restored.items)
        self._recorder = restored.recorder
        return {"records": restored.records, "events": restored.events, "note": restored.note}

    def record_items(self, writes: list[Write]) -> set[str]:
        """Record the items that a request wrote; return the ids of the mappings that have new records."""
        return self._recorder.record_items(writes) if self._recorder else set()

    def record_objects(self, changes: list[Change], events: list[dict[str, Any]]) -> None:
        """Record the objects that a request changed, and their events."""
        if self._recorder:
            self._recorder.record_objects(changes, events)

    def record_secrets(self) -> None:
        """Record the values of the secrets."""
        if self._recorder:
            self._recorder.record_secrets()

    def confirm(self, confirmation: Any) -> None:
        """Forget records or an event that the functions have had."""
        if self._recorder:
            self._recorder.confirm(confirmation)

    def close(self) -> None:
        """Close the journal."""
        if self._recorder:
            self._recorder.journal.close()
