"""The stack or URL that a command works on."""
