"""The check of sentences finds the constructions that read like a translation, and nothing else."""

import runpy
from pathlib import Path

import pytest

CHECK = runpy.run_path(str(Path(__file__).resolve().parents[2] / "infra" / "checks" / "sentences.py"))["main"]


@pytest.mark.parametrize(
    "sentence",
    [
        "What was sent is stored.",
        "Of two bodies the first one counts.",
        "Who has no account uses the local stack.",
        "Says it nothing new, nothing is written.",
        "Has it no id, the answer is 422.",
        "An id that is no word is refused.",
        "The result hangs on the order.",
        "An address that is none is refused.",
        "A webhook server of before keeps its URL.",
        "The reader shall try again.",
        "A consumer is told of each event.",
    ],
)
def test_a_refused_construction_is_found(sentence, tmp_path, capsys):
    """The output quotes the sentence, in documents and in docstrings alike."""
    document, module = tmp_path / "page.md", tmp_path / "module.py"
    document.write_text(f"# Title\n\nAll is well. {sentence}\n", encoding="utf-8")
    module.write_text(f'"""{sentence}"""\n', encoding="utf-8")

    for file in (document, module):
        assert 1 == CHECK([str(file)])
        assert sentence in capsys.readouterr().out


@pytest.mark.parametrize(
    "sentence",
    [
        "What does it cost?",
        "There is no such file.",
        "The token is no longer valid.",
        "Call it with `what tells` or [what is none](page.md).",
        "```text\nWhat came is kept.\n```",
        "| name | meaning |\n|---|---|\n| `a` | the id |",
        "If it has no id, the answer is 422.",
    ],
)
def test_plain_english_and_code_are_accepted(sentence, tmp_path, capsys):
    """Questions, code and links are not sentences to rewrite."""
    document = tmp_path / "page.md"
    document.write_text(f"# Title\n\n{sentence}\n", encoding="utf-8")

    assert 0 == CHECK([str(document)])
    assert "" == capsys.readouterr().out
