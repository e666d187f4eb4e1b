"""The OpenAPI document, generated from the code; `python -m tavus_callbacks_cli.openapi` prints it."""
