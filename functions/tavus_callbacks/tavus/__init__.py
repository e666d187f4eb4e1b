"""The edge to Tavus: what is asked of its API, and nothing else of ours asks it."""
