"""One module a command; each is imported only when it is typed, so that `--help` answers at once."""
