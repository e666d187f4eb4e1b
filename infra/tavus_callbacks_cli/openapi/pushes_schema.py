"""`python -m tavus_callbacks_cli.openapi.pushes_schema` prints the JSON Schema of pushes."""

import json
import sys
from typing import Any

from tavus_callbacks.domain.pushes.push import Push


def schema() -> dict[str, Any]:
    """Return the schema of a push as its receiver sees it."""
    push = Push.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **push}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
