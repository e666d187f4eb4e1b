"""Running Lambda functions in worker processes."""
