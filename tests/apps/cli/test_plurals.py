"""One thing is one: no message of the command says `1 rows`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command import Command

SQUAD = (
    '{"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "a storm", "qas": '
    '[{"id": "1", "question": "what?", "answers": [{"text": "storm", "answer_start": 2}]}]}]}]}'
)


@pytest.mark.parametrize("verb", ["run", "embed", "eval", "search"])
def test_a_count_of_one_is_singular(
    verb: str, edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    bundle, docs = tiny / "embedding", tmp_path / "docs"
    (tmp_path / "one.txt").write_text("storm\n")
    (tmp_path / "one.json").write_text(SQUAD)
    docs.mkdir()
    (docs / "a.md").write_text("The storm lamp.\n")
    done = edge_distil(*{
        "run": ["run", bundle, "storm"],
        "embed": ["embed", bundle, tmp_path / "one.txt", "-o", tmp_path / "v.npy"],
        "eval": ["eval", tiny / "question_answering", "--data", tmp_path / "one.json"],
        "search": ["search", "--build", docs, "-o", tmp_path / "i", "--bundle", bundle],
    }[verb])  # fmt: skip
    assert done.status == 0, done.err
    said = done.out + done.err
    assert re.search(r"\b1 (vector|row|example|passage)\b", said)
    assert not re.search(r"\b1 (vectors|rows|examples|passages|texts|files)\b", said)
