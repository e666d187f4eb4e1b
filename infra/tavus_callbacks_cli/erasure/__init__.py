"""Erasing a subject from every store of a stack, and telling what went and what cannot be reached."""
