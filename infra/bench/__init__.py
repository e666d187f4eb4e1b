"""Measures what is shipped against what a team would write, on this machine, without AWS: `make bench`."""
