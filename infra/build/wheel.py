"""Hatchling's hooks: the description on PyPI, and the template inside the wheel."""  # noqa: INP001 - loaded by path

import re
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_IMAGE = re.compile(r"^!\[[^]]*\]\((?!https?:)([^)]+)\)\n\n", re.MULTILINE)
_LINK = re.compile(r"\[([^]]+)\]\((?!https?:|#)([^)]+)\)")


class Metadata(MetadataHookInterface):
    """Makes the description: PyPI resolves links against its own pages, so relative links break there."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` to README.md, with links to the source of this version."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source = metadata.get("urls", {}).get("Source")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": link(text, f"{source}/{{}}/v{metadata['version']}/") if source else unlink(text),
        }


class Wheel(BuildHookInterface[BuilderConfig]):
    """Adds the template to wheels. An editable install reads that of the checkout."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file, unless the wheel is an editable one."""
        if version == "standard":
            build_data["force_include"]["template.yaml"] = "tavus_callbacks_cli/template.yaml"


def link(text: str, base: str) -> str:
    """Return a document with absolute links: `base` has a place for `raw` (images) or `blob` (pages)."""
    text = _IMAGE.sub(lambda match: match[0].replace(match[1], base.format("raw") + match[1]), text)
    return _LINK.sub(lambda match: f"[{match[1]}]({base.format('blob')}{match[2]})", text)


def unlink(text: str) -> str:
    """Return a document without relative links and images."""
    return _LINK.sub(lambda match: match[1], _IMAGE.sub("", text))
