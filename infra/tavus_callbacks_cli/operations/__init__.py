"""The work of the commands, without click."""
