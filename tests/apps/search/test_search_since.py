"""What became of files since they were indexed is said; places are paths that can be opened."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command import Command

from edge_distil_apps.search import build


@pytest.fixture
def work(embedding: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    for name in ("deep/a.txt", "b.txt", "c.txt"):
        (tmp_path / "docs" / name).write_text(f"The storm lamp of {name}.\n")
    build(tmp_path / "docs", tmp_path / "i", bundle=embedding)
    return tmp_path


def since(edge_distil: Command) -> dict[str, str | None]:
    done = edge_distil("search", "i", "storm lamp", "--json")
    assert done.status == 0
    return {hit["file"]: hit["since"] for hit in json.loads(done.out)["hits"]}


def test_paths_have_their_root(work: Path, edge_distil: Command, tiny: Path) -> None:
    qa = ("--answer", "--qa", tiny / "question_answering")
    document = json.loads(edge_distil("search", "i", "storm lamp", *qa, "--json").out)
    assert Path(document["folder"]) == work / "docs"
    assert len(document["hits"]) == 3
    for hit in (*document["hits"], document["answer"]):
        assert f"The storm lamp of {hit['file']}." in Path(hit["path"]).read_text()


def test_deleted_and_changed_files_are_named(work: Path, edge_distil: Command) -> None:
    assert edge_distil("search", "i", "storm lamp").err == ""
    (work / "docs" / "b.txt").unlink()
    (work / "docs" / "c.txt").write_text("Another text.\n")
    assert since(edge_distil) == {"deep/a.txt": None, "b.txt": "deleted", "c.txt": "changed"}
    done = edge_distil("search", "i", "storm lamp")
    assert done.status == 0
    assert done.err.startswith("warning: ")
    assert "b.txt (deleted)" in done.err
    assert "c.txt (changed)" in done.err
    command = done.err.rstrip().split("with edge-distil ")[1].split()
    assert edge_distil(*command).status == 0  # what the warning says to do
    assert edge_distil("search", "i", "storm lamp").err == ""
    assert "b.txt" not in since(edge_distil)


def test_a_new_time_alone_is_no_change(work: Path, edge_distil: Command) -> None:
    os.utime(work / "docs" / "b.txt", ns=(1, 1))
    assert set(since(edge_distil).values()) == {None}


def test_a_folder_that_is_gone(work: Path, edge_distil: Command) -> None:
    shutil.move(work / "docs", work / "texts")
    done = edge_distil("search", "i", "storm lamp")
    assert done.status == 0
    assert f"{work / 'docs'}, which was indexed, is gone" in done.err
    assert len(done.err.splitlines()) == 1
