"""The parts that every function needs at run time: settings, logs, HTTP and batches."""
