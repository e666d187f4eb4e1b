"""Pushes: their contents, signatures, targets and retries."""
