"""`python -m tavus_callbacks_cli.openapi.pushes_schema` prints the JSON Schema of pushes."""

import json
import sys
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from tavus_callbacks.domain.pushes.push import Push


class _WithoutTitles(GenerateJsonSchema):
    """Give members no titles, because generators of types make a type of each: `Status1`, `Duration2`."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - of pydantic's signature
        return False


def schema() -> dict[str, Any]:
    """Return the schema of a push as its receiver sees it."""
    push = Push.model_json_schema(mode="serialization", schema_generator=_WithoutTitles)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **push}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
