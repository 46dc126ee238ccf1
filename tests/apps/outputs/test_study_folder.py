"""A study is made in a folder of its own, and one that fails leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command

WORDS = ["--quick", "--threads", "1"]


def test_files_of_others_are_not_joined(edge_distil: Command, tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    for more in (WORDS, ["--merge", tmp_path / "a.json"]):
        done = edge_distil("study", *more, "-o", tmp_path)
        assert (done.status, done.out) == (1, "")
        assert "holds files that are not of a study (thesis.doc)" in done.err
        assert "choose another directory, or an empty one" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


@pytest.mark.parametrize("folder", ["report", "deep/er"])
def test_a_study_that_fails_leaves_nothing(
    folder: str, edge_distil: Command, tmp_path: Path
) -> None:
    done = edge_distil("study", *WORDS, "--distilbert", "./nosuch", "-o", tmp_path / folder)
    assert (done.status, done.out) == (1, "")
    assert list(tmp_path.iterdir()) == []
