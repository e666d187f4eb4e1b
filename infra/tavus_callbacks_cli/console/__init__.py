"""The web console: static files, the read API of a target, and actions, for a browser on this machine."""
