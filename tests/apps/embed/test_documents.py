"""``edge-distil embed`` of a folder of documents: the passages, and the vectors, of ``search``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from command import Command

import edge_distil as ed

GUIDE = "# Light\n\n" + "Ada keeps the lamp. " * 60 + "\n\n## Tide\n\n" + "The tide is high. " * 60


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "guide.md").write_text(GUIDE)
    (folder / "deep" / "boat.rst").write_text("Boat\n====\n\nIt sails.\n")
    (folder / "deep" / "note.txt").write_text("One paragraph,\nof two lines.\n")
    (folder / "data.bin").write_bytes(b"\x00\x01")
    return folder


def test_a_row_is_a_passage_of_search(
    docs: Path, embedding: Path, edge_distil: Command, tmp_path: Path
) -> None:
    out = tmp_path / "passages.parquet"
    keep = "text,file,start,end,heading"
    done = edge_distil("embed", embedding, docs, "-o", out, "--normalize", "--keep", keep)
    assert done.status == 0, done.err
    rows = pq.read_table(out).to_pylist()
    index = tmp_path / "index"
    assert edge_distil("search", "--build", docs, "-o", index, "--bundle", embedding).status == 0
    model = ed.load(embedding, task="feature-extraction")
    from edge_distil_apps.search.store import Store

    store = Store(index)
    known = [store.passage(int(number)) for number in store.ids()]
    store.close()
    assert [(row["file"], int(row["start"]), int(row["end"])) for row in rows] == [
        (one.file, one.passage.start, one.passage.end) for one in known
    ]
    assert {row["file"] for row in rows} == {"guide.md", "deep/boat.rst", "deep/note.txt"}
    for row, one in zip(rows, known, strict=True):
        assert row["text"].endswith(one.passage.text)
        wanted = model.encode([row["text"]], normalize_embeddings=True)[0]
        np.testing.assert_array_equal(np.array(row["embedding"], np.float32), wanted)
    tide = next(row for row in rows if row["heading"] == "Light > Tide")
    assert tide["text"].startswith("Light\n")


def test_a_document_that_is_no_text_is_one_bad_row(
    docs: Path, embedding: Path, edge_distil: Command, tmp_path: Path
) -> None:
    (docs / "broken.md").write_bytes(b"a\xffb")
    out = tmp_path / "v.npy"
    assert edge_distil("embed", embedding, docs, "-o", out).status == 0
    assert "broken.md" in (tmp_path / "v.npy.errors.jsonl").read_text()
    assert np.isnan(np.load(out)).all(axis=1).sum() == 1


def test_rows_beside_documents_stay_rows(
    embedding: Path, edge_distil: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "README.md").write_text(GUIDE)
    (folder / "texts.txt").write_text("a storm\na lamp\n")
    assert edge_distil("embed", embedding, folder, "-o", tmp_path / "v.npy").status == 0
    assert len(np.load(tmp_path / "v.npy")) == 2
