"""The description of the API, generated from the code; `python -m tavus_callbacks_cli.openapi` writes it."""
