"""One module for each command. It is imported only when it is typed, so that `--help` answers at once."""
