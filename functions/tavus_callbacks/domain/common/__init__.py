"""Building blocks that every other room of the domain uses."""
