"""What invokes functions besides HTTP requests."""
