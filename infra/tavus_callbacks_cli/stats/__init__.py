"""Sums over many conversations, as CSV or as a report with plots."""
