"""A student keeps apart from its teacher, and a training that fails at once leaves no folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command
from tiny import save_checkpoint


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_checkpoint(tmp_path / "models" / "teacher", "bert", "text-classification")
    (tmp_path / "data.tsv").write_text("storm\tLABEL_0\nlamp\tLABEL_1\n")
    (tmp_path / "bad.tsv").write_text("storm\tno such label\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


WORDS = ["distil", "models/teacher", "--layers", "1", "--threads", "1", "--data"]


@pytest.mark.parametrize(
    ("output", "says"),
    [("models/teacher", "is"), ("models/teacher/student", "is inside"), ("models", "holds")],
)
def test_the_teacher_stays(output: str, says: str, edge_distil: Command, folder: Path) -> None:
    before = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    done = edge_distil(*WORDS, "data.tsv", "-o", output, "--force")
    assert (done.status, done.out) == (1, "")
    assert f"the output {output} {says} " in done.err, done.err
    assert "which the student is made from: choose another directory" in done.err
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == before


def test_a_training_that_fails_at_once_leaves_nothing(edge_distil: Command, folder: Path) -> None:
    before = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    done = edge_distil(*WORDS, "bad.tsv", "-o", "deep/student")
    assert (done.status, done.out) == (1, "")
    assert "no such label" in done.err
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == before
