"""Summaries: the facts of one subject and what lists show."""
