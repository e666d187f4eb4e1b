"""Comparing what is stored with Tavus's own record."""
