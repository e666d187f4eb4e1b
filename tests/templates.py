"""Copies of template.yaml with other values of its constants."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def template_with(folder: Path, constants: dict[str, int]) -> Path:
    """Write template.yaml into a folder with other values of environment variables; return its path."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for variable, value in constants.items():
        text, count = re.subn(rf"(\b{variable}: (?:&\w+ )?)\d+$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        assert 1 == count, f"{variable} is not a constant of template.yaml."
    (folder / "functions").symlink_to(ROOT / "functions")
    (folder / "template.yaml").write_text(text, encoding="utf-8")
    return folder / "template.yaml"
