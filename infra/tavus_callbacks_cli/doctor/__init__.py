"""Checking a deployed stack from outside: many small checks, each with its fix.

examination   what a check gets, and its findings
probe         what the live checks send and leave behind, and its removal
stack, alarms, tables, storage, pushes, live    the checks, by what they look at
checks        all of them in order, and how they run
"""
