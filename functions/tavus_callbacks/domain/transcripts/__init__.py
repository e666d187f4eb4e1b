"""Transcripts: turns, statistics and text formats."""
