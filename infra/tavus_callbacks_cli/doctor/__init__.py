"""Proving a deployment from outside: one small check after the other, each with its fix.

examination   what is looked at, and the words for what was found
probe         what the live checks leave behind, and its removal
stack, alarms, tables, storage, live    the checks, by what they look at
checks        all of them in order, and how they are run
"""
