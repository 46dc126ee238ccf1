"""An index of sparse vectors, against the products that numpy takes of all of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import Command

import edge_distil as ed
from edge_distil.errors import InputError
from edge_distil_apps.search import build, open_index
from edge_distil_apps.search.fusion import fuse

QUERIES = ("storm at sea", "a charming film", "Who lives in Paris?")


@pytest.fixture(scope="module")
def splade(tiny: Path) -> Path:
    return tiny / "sparse_embedding"


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A folder of six files, for which a query of every token costs little."""
    folder = tmp_path / "few"
    folder.mkdir()
    words = "the storm sat on the sea and Ada was in Bern where a film was dull".split()
    for number in range(6):
        text = " ".join(words[number:] + words[:number] * 2)
        (folder / f"{number}.md").write_text(f"# Part {number}\n\n{text}\n\n{text[::-1]}\n")
    return folder


def settings(splade: Path, folder: Path, **pooling: object) -> Path:
    shutil.copytree(splade, folder)
    path = folder / "edge_distil.json"
    document = json.loads(path.read_text("utf-8"))
    document["pooling"].update(pooling)
    path.write_text(json.dumps(document), "utf-8")
    return folder


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_passages_rank_by_products(
    similarity: str, few: Path, splade: Path, tmp_path: Path
) -> None:
    bundle = settings(splade, tmp_path / "bundle", similarity=similarity)
    assert build(few, tmp_path / "index", bundle=bundle).passages >= 6
    task = ed.load(bundle, task="sparse-embedding")
    with open_index(tmp_path / "index") as opened:
        for query in QUERIES:
            hits = opened.search(query, k=100, mode="vector")
            texts = [f"{h.heading}\n{h.text}" if h.heading not in h.text else h.text for h in hits]
            # the truth: written out, by numpy; the bundle's prompt for queries is put before them
            passages, wanted = (task.encode(t).dense() for t in (texts, [f"what is {query}"]))
            if similarity == "cosine":
                passages, wanted = (
                    v / np.linalg.norm(v, axis=1, keepdims=True) for v in (passages, wanted)
                )
            products = (passages @ wanted.T)[:, 0]
            np.testing.assert_allclose([h.similarity for h in hits], products, rtol=1e-5)
            assert list(products) == sorted(products, reverse=True)
            hybrid = opened.search(query, k=5)
            by_words = opened.search(query, k=100, mode="words")
            places = [[(h.file, h.start) for h in ranked] for ranked in (hits, by_words)]
            known = {place: n for n, place in enumerate(sorted({*places[0], *places[1]}))}
            best = [n for n, _ in fuse([[known[p] for p in ranked] for ranked in places])[:5]]
            scores = dict(fuse([[known[p] for p in ranked] for ranked in places]))
            assert [h.score for h in hybrid] == [pytest.approx(scores[n]) for n in best]


def test_what_changed_is_all_that_is_embedded_again(
    few: Path, splade: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    build(few, index, bundle=splade)
    (few / "0.md").unlink()
    (few / "1.md").write_text("the old lamp and oil")
    report = build(few, index)
    assert (report.removed, report.changed, report.embedded) == (1, 1, 1)
    with open_index(index) as opened:
        files = {hit.file for hit in opened.search("the old lamp", k=100, mode="vector")}
        assert files == {f"{n}.md" for n in range(1, 6)}
        db = opened._store._db
        tokens, passages = db.execute(
            "SELECT count(*), count(DISTINCT passage) FROM postings"
        ).fetchone()
        assert passages == report.passages
        # another build of the same folder holds the same numbers
        build(few, tmp_path / "again", bundle=splade)
        with open_index(tmp_path / "again") as other:
            count = other._store._db.execute("SELECT count(*) FROM postings").fetchone()[0]
            assert count == tokens


def test_the_command(few: Path, splade: Path, tmp_path: Path, edge_distil: Command) -> None:
    index = tmp_path / "index"
    made = edge_distil("search", "--build", few, "-o", index, "--bundle", splade)
    assert made.status == 0
    found = edge_distil("search", index, "the storm at sea", "--json", "-k", "3")
    hits = json.loads(found.out)["hits"]
    assert len(hits) == 3
    assert all(hit["similarity"] > 1 for hit in hits)  # a product, no cosine
    wrong = edge_distil("search", index, "storm", "--bundle", splade.parent / "embedding")
    assert "is not the bundle that the index was built with" in " ".join(wrong.err.split())


def test_distances_are_refused(few: Path, splade: Path, tmp_path: Path) -> None:
    bundle = settings(splade, tmp_path / "bundle", similarity="euclidean")
    with pytest.raises(InputError, match="by euclidean, expected dot or cosine"):
        build(few, tmp_path / "index", bundle=bundle)
    assert not (tmp_path / "index").exists()
