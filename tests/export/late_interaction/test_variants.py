"""Variants of late interaction: near the library's vectors, the same alone and in company."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from late_interaction.checkpoints import FIXED, answers, library, native
from same_bits import WORDS, differences

import edge_distil as ed
from edge_distil.evaluate import compare, evaluate
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle

pytestmark = pytest.mark.slow  # tests/runtime/late_interaction reads a tiny int8 in CI
TOLERANCE = 1e-5
TOKENS = 32  # of every query, filled up
# Least and mean cosine of a token's vector to the library's, and the greatest difference of scores
# for each of a query's tokens: a trained encoder, all-MiniLM-L6-v2, with a random projection.
BOUNDS = {
    "int8": (0.99, 0.998, 0.02),
    "weights-only": (0.99, 0.999, 0.02),
    "fp16": (0.9999, 0.99999, 0.001),
    "int4": (0.85, 0.96, 0.12),
}
QUERIES = [
    "who keeps the light house", "how are weights quantized", "capital of France", "", "😀",
    "a film that charms", "where did the ship sink in the storm", "price of 1,024 old lamps",
]  # fmt: skip
DOCUMENTS = [
    "Ada keeps the light house at the end of the pier, and lives there alone.",
    "Weights are rounded to eight bits, with a scale for each column of a matrix.",
    "Paris is the capital of France; Bern that of Switzerland.",
    "The film is dull, though its actors are charming.",
    "A storm sank the ship off the coast of Norway in 1871. " * 8,
    "Old lamps cost 99.5 % of new ones.",
    "",
    "東京は日本の首都です。",
]


@pytest.fixture(scope="module")
def made(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("late")
    expansion = {**FIXED, "length": TOKENS}
    dense = ({"out_features": 96},)
    native(folder / "model", minilm, query_expansion=expansion, document_length=180, dense=dense)
    export_bundle(folder / "model", folder / "out")
    for recipe in BOUNDS:
        quantize_bundle(folder / "out", recipe)
    return library(folder / "model"), folder / "out"


def pairs(task: ed.LateInteraction, model: Any) -> tuple[Any, Any, Any]:
    """Vectors of ours and of the library's, row by row, and both score matrices."""
    ours = task.encode_query(QUERIES), task.encode_document(DOCUMENTS)
    theirs = answers(model, QUERIES, "query"), answers(model, DOCUMENTS, "document")
    rows = [np.concatenate([*both[0], *both[1]]) for both in (ours, theirs)]
    return *rows, (task.similarity(*ours), model.similarity(*theirs).numpy())


def test_a_trained_encoder_gives_the_librarys_vectors(made: tuple[Any, Path]) -> None:
    model, bundle = made
    found, expected, (ours, theirs) = pairs(ed.LateInteraction.load(bundle), model)
    assert np.abs(found - expected).max() <= TOLERANCE
    assert np.abs(ours - theirs).max() <= TOLERANCE * TOKENS


@pytest.mark.parametrize("recipe", BOUNDS)
def test_it_stays_near_the_library(recipe: str, made: tuple[Any, Path]) -> None:
    model, bundle = made
    task = ed.LateInteraction.load(bundle, variant=recipe)
    found, expected, (ours, theirs) = pairs(task, model)
    cosines = (found * expected).sum(axis=1) / np.linalg.norm(found, axis=1)
    least, mean, share = BOUNDS[recipe]
    drift = np.abs(ours - theirs).max() / TOKENS
    assert cosines.min() >= least
    assert cosines.mean() >= mean
    assert drift <= share
    if recipe != "int4":
        assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).all()
    evidence = task.bundle.manifest.variants[recipe].evidence["late_interaction"]
    assert evidence["min_cosine"] >= least
    assert evidence["max_score_diff"] <= share * TOKENS


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_no_company_moves_a_bit(variant: str, made: tuple[Any, Path]) -> None:
    task = ed.LateInteraction.load(made[1], variant=variant)
    seeded = random.Random(3)
    texts = [" ".join(seeded.choices(WORDS, k=seeded.randint(0, 60))) for _ in range(40)]
    assert differences(task, texts, seeded) == []
    scores = task.similarity(task.encode_query(QUERIES), task.encode_document(DOCUMENTS))
    alone = [
        [task.similarity(task.encode_query(q), task.encode_document(d))[0, 0] for d in DOCUMENTS]
        for q in QUERIES
    ]
    assert scores.tobytes() == np.array(alone, np.float32).tobytes()


def test_it_is_measured_on_pairs(made: tuple[Any, Path], tmp_path: Path) -> None:
    """The order of the pairs is the scores', and a variant is compared by vectors and scores."""
    model, bundle = made
    asked = [(q, d) for q, d in zip(QUERIES, DOCUMENTS, strict=True) if q and d]
    rows = [f'"{query}","{document}",{n}' for n, (query, document) in enumerate(asked)]
    file = tmp_path / "pairs.csv"
    file.write_text("\n".join(["sentence1,sentence2,score", *rows]), "utf-8")
    fp32, int8 = (ed.LateInteraction.load(bundle, variant=v) for v in ("fp32", "int8"))
    found = evaluate(fp32, file)
    scores = [
        float(model.similarity(model.encode_query(query), model.encode_document(document)))
        for query, document in asked
    ]
    ranks = np.argsort(np.argsort(scores))
    expected = np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]
    assert found.metrics["spearman"] == pytest.approx(100 * expected)
    fidelity = compare(fp32, int8, file)
    assert fidelity.cosine_mean is not None
    assert fidelity.cosine_mean > BOUNDS["int8"][1]
    assert fidelity.spearman is not None
    assert fidelity.spearman > 0.9
