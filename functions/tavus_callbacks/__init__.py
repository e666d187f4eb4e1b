"""Receive, keep and read Tavus callbacks."""
