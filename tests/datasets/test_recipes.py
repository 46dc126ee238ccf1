"""What the recipes promise on whole data sets: size, fidelity, score."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from trained import minilm

import edge_distil as ed
from edge_distil.evaluate import evaluate
from edge_distil_export import export_bundle
from edge_distil_quantize import convert_to_ort, quantize_bundle


def share(bundle: ed.Bundle, variant: str) -> float:
    """A variant's size as a share of fp32's."""
    sizes = {name: entry.file.bytes for name, entry in bundle.manifest.variants.items()}
    return sizes[variant] / sizes["fp32"]


@pytest.mark.parametrize(
    ("variant", "largest", "mean", "least"),
    [("weights-only", 0.255, 0.9995, 0.998), ("fp16", 0.502, 0.999999, 0.99999)],
)
def test_vectors_of_whole_sentences(
    data: Path, tmp_path: Path, variant: str, largest: float, mean: float, least: float
) -> None:
    bundle = export_bundle(minilm(), tmp_path / "minilm")
    bundle = convert_to_ort(quantize_bundle(bundle, variant), variant)
    with (data / "stsb/stsb-en-dev.csv").open(encoding="utf-8", newline="") as file:
        texts = sorted({text for row in csv.reader(file) for text in row[:2]})
    exact = ed.Embedding.load(bundle.path, variant="fp32").encode(texts)  # of length 1
    for name in (variant, f"{variant}-ort"):
        found = ed.Embedding.load(bundle.path, variant=name).encode(texts)
        cosines = (exact * found).sum(1)
        assert cosines.mean() >= mean, name
        assert cosines.min() >= least, name
        assert share(bundle, name) <= largest * 1.005
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_answers_of_int4(data: Path, embedded_checkpoint: Path, tmp_path: Path) -> None:
    bundle = quantize_bundle(export_bundle(embedded_checkpoint, tmp_path / "qa"), "int4")
    f1 = {
        name: evaluate(
            ed.QuestionAnswering.load(bundle.path, variant=name), data / "squad/dev.json"
        ).metrics["f1"]
        for name in ("fp32", "int4")
    }
    assert f1["int4"] >= 0.98 * f1["fp32"]
    assert share(bundle, "int4") <= 0.17
