"""Receive, store and read Tavus callbacks."""

VERSION = "0.1.0"
