"""Values that tests name: fixed, so that every worker collects the same tests."""

# Well formed and nobody's.
TOKEN = "tcb_Sample000000000000000043DnOY"
