"""A search put in order by a cross-encoder, against sentence-transformers', and token by token."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import shelf
import tiny as maker
from command import Command

QUERY = "where is the storm lamp"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny cross-encoder."""
    folder = tmp_path_factory.mktemp("cross") / "checkpoint"
    return maker.save_checkpoint(folder, "bert", "text-classification", num_labels=1)


@pytest.fixture(scope="module")
def cross_encoder(checkpoint: Path) -> Path:
    """Its bundle."""
    return Path(shelf.export(checkpoint, checkpoint.with_name("bundle")).path)


def test_the_order_is_the_librarys(
    checkpoint: Path, cross_encoder: Path, index: Path, edge_distil: Command
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import CrossEncoder

        model = CrossEncoder(str(checkpoint), device="cpu", local_files_only=True)
    asked = ("search", index, QUERY, "--json")
    found = json.loads(edge_distil(*asked, "-k", "50").out)["hits"]
    wanted = model.rank(QUERY, [hit["text"] for hit in found], top_k=7, show_progress_bar=False)
    done = edge_distil(*asked, "-k", "7", "--rerank", cross_encoder)
    assert done.status == 0
    hits = json.loads(done.out)["hits"]
    assert len(hits) == 7
    np.testing.assert_allclose(
        [hit["relevance"] for hit in hits], [one["score"] for one in wanted], rtol=0, atol=1e-5
    )
    assert [hit["text"] for hit in hits] == [found[one["corpus_id"]]["text"] for one in wanted]
    assert {hit["relevance"] for hit in found} == {None}


def test_a_page_shows_the_relevance(cross_encoder: Path, index: Path, edge_distil: Command) -> None:
    done = edge_distil("search", index, QUERY, "--rerank", cross_encoder, "-k", "2")
    assert done.status == 0
    assert " ".join(done.out.split()).count("· relevance 0.") == 2


def test_late_interaction_puts_them_in_order_too(
    tiny: Path, index: Path, edge_distil: Command
) -> None:
    """With the scores of the task object, which its own tests hold against the library."""
    import edge_distil as ed

    asked = ("search", index, QUERY, "--json", "-k")
    found = json.loads(edge_distil(*asked, "50").out)["hits"]
    task = ed.LateInteraction.load(tiny / "late_interaction")
    wanted = task.rank(QUERY, [hit["text"] for hit in found], top_k=5)
    done = edge_distil(*asked, "5", "--rerank", tiny / "late_interaction")
    assert done.status == 0
    hits = json.loads(done.out)["hits"]
    assert [(hit["text"], hit["relevance"]) for hit in hits] == [(w.text, w.score) for w in wanted]


def test_another_bundle_does_not_rerank(embedding: Path, index: Path, edge_distil: Command) -> None:
    done = edge_distil("search", index, QUERY, "--rerank", embedding)
    assert done.status == 1
    assert "expected text-classification or late-interaction" in " ".join(done.err.split())


def test_a_build_takes_no_cross_encoder(
    cross_encoder: Path, docs: Path, tmp_path: Path, edge_distil: Command
) -> None:
    done = edge_distil("search", "--build", docs, "-o", tmp_path / "i", "--rerank", cross_encoder)
    assert done.status == 2
