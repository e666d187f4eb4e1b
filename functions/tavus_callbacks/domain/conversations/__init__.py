"""The view of a conversation and the facts behind it."""
