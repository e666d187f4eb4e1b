"""Everything around the functions: command line, local stack, simulator. Never in a Lambda artifact."""
