"""Requests to servers outside of AWS: Tavus's API and webhook targets."""
