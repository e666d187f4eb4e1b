"""The rules: pure, no AWS, no I/O, nothing that cannot be tested with a value in and a value out."""
