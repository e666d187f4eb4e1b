"""Recordings: claims, status, views and signed URLs."""
