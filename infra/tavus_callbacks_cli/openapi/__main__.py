"""Print the OpenAPI document: `make openapi` stores it, infra/checks/check compares it."""

import sys

from tavus_callbacks_cli.openapi.document import text

sys.stdout.write(text())
