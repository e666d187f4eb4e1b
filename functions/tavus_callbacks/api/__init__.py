"""The routes that `read` answers, and their models."""
