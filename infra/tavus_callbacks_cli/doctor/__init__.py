"""Checking a deployed stack from outside: many small checks, each with its fix.

examination   what a check gets and returns
probe         what the live checks send
removal       removing it, also after a run that was killed
stack, alarms, tables, storage, pushes, live    the checks, by what they look at
checks        all of them in order, and how they run
"""
