"""The Lambda functions, one entry each."""
