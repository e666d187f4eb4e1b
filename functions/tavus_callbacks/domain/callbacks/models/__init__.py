"""One pydantic model for each documented event type."""
