"""Stored events: their type, their order and their views."""
