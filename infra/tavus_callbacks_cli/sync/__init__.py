"""A copy of a stack's events in one SQLite file: its schema, how it follows the stack, and search in it."""
