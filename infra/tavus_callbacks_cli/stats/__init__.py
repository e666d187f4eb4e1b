"""Sums over many conversations, as CSV and as a page in one file."""
