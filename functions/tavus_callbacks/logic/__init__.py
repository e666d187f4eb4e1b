"""Steps that handlers and the command line share."""
