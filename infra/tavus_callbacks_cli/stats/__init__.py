"""Sums over many conversations, and a report with plots."""
