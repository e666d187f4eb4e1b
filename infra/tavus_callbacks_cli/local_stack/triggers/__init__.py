"""The triggers that invoke functions, besides HTTP requests."""
