"""Realistic callbacks: one JSON file a scenario, used by `simulate` and by the tests."""
