"""From the bytes of a callback to an event."""
