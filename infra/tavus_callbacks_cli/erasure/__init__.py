"""Erasing subjects from every store of a stack, with a receipt.

erase       all steps in their order
pieces      what is found: a piece to remove, or a leftover
index, subject, quarantine, spill, failed, recordings, snapshots     finding the pieces, store by store
receipt     what went, what is left, and what the stack cannot reach
"""
