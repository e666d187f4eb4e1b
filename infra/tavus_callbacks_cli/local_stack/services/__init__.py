"""The embedded AWS services."""
