"""Variants of static embeddings: their tables in fewer bits, and the same promises as others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("model2vec")

from static_embeddings.checkpoints import (
    TEXTS,
    answers_of_model2vec,
    of_model2vec,
    of_sentence_transformers,
)

import edge_distil as ed
from edge_distil.errors import QuantizeError
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle

# Least cosine to what model2vec gives; of random numbers, of which 4 bits keep less than of trained
# ones.
pytestmark = pytest.mark.slow  # tests/apps/embed/test_static.py goes the whole way in CI
COSINES = {"int8": 0.9999, "weights-only": 0.9999, "fp16": 0.999999, "int4": 0.98}
MOST_OF_FP32 = {"int8": 0.35, "weights-only": 0.35, "fp16": 0.6, "int4": 0.25}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("static")
    of_model2vec(folder / "model", "BPE", normalize=True)
    export_bundle(folder / "model", folder / "out")
    for recipe in COSINES:
        quantize_bundle(folder / "out", recipe)
    return folder / "model", folder / "out"


@pytest.mark.parametrize("recipe", COSINES)
def test_it_stays_near_the_library_and_is_smaller(recipe: str, made: tuple[Path, Path]) -> None:
    model, output = made
    task = ed.Embedding.load(output, variant=recipe)
    found, expected = task.encode(TEXTS), answers_of_model2vec(model, TEXTS)
    known = np.abs(expected).any(axis=1)
    assert (found[known] * expected[known]).sum(axis=1).min() >= COSINES[recipe]
    assert not found[~known].any()
    variants = task.bundle.manifest.variants
    assert variants[recipe].bytes <= MOST_OF_FP32[recipe] * variants["fp32"].bytes
    assert variants[recipe].evidence["fidelity"]["mean_cosine"] >= COSINES[recipe]


@pytest.mark.parametrize("recipe", COSINES)
def test_a_text_has_one_vector(recipe: str, made: tuple[Path, Path]) -> None:
    task = ed.Embedding.load(made[1], variant=recipe)
    alone = [task.encode(text).tobytes() for text in TEXTS]
    assert [row.tobytes() for row in task.encode(TEXTS * 9)] == alone * 9


def test_nothing_is_calibrated_and_that_is_said_once(tmp_path: Path) -> None:
    of_model2vec(tmp_path / "model", "BPE")
    bundle = export_bundle(tmp_path / "model", tmp_path / "out")
    said: list[str] = []
    made = quantize_bundle(bundle, "int8", progress=said.append).manifest.variants["int8"]
    assert [line for line in said if "calibrat" in line] == [
        "nothing to calibrate: there are tables alone, each row rounded by itself"
    ]
    assert made.settings["calibration"] is None


def test_products_behind_the_table_are_calibrated(tmp_path: Path) -> None:
    folder = of_sentence_transformers(
        tmp_path / "model", "BPE", behind=lambda m: [m.Dense(96, 64), m.Normalize()]
    )
    bundle = export_bundle(folder, tmp_path / "out")
    made = quantize_bundle(bundle, "int8").manifest.variants["int8"]
    assert made.operators["MatMulInteger"] == 1
    assert made.settings["calibration"]["inputs"] > 1
    assert made.evidence["fidelity"]["mean_cosine"] > 0.995


def test_a_mapping_and_its_factors_stay_as_they_are(tmp_path: Path) -> None:
    of_model2vec(tmp_path / "model", "BPE", rows=200, weights=True)
    bundle = quantize_bundle(export_bundle(tmp_path / "model", tmp_path / "out"), "int8")
    graph = onnx.load(bundle.model_path("int8")).graph
    tables = [i.data_type for i in graph.initializer if tuple(i.dims) == (200, 96)]
    assert tables == [onnx.TensorProto.INT8]
    columns = {i.data_type for i in graph.initializer if len(i.dims) == 2 and i.dims[1] == 1}
    assert columns == {onnx.TensorProto.INT64, onnx.TensorProto.FLOAT}  # and scales
    expected = answers_of_model2vec(tmp_path / "model", TEXTS)
    found = ed.Embedding.load(bundle.path, variant="int8").encode(TEXTS)
    assert np.abs(found - expected).max() <= 0.01 * np.abs(expected).max()


def test_static_scales_have_nothing_to_scale(made: tuple[Path, Path]) -> None:
    with pytest.raises(QuantizeError, match="use int8, which takes its tables"):
        quantize_bundle(made[1], "int8-static")


@pytest.mark.parametrize("count", [3_000, 200_000])
def test_half_precision_counts_long_texts(count: int, tmp_path: Path) -> None:
    """float16 holds whole numbers up to 2,048, and none above 65,504."""
    of_model2vec(tmp_path / "model", "BPE", max_length=None)
    bundle = quantize_bundle(export_bundle(tmp_path / "model", tmp_path / "out"), "fp16")
    text = "the fox " * (count // 2)
    expected = answers_of_model2vec(tmp_path / "model", [text])
    found = ed.Embedding.load(bundle.path, variant="fp16").encode([text])
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    """A million tokens of 96 numbers would be 400 MB; their counts are a few kilobytes."""
    folder = of_sentence_transformers(tmp_path / "model", "BPE")
    export_bundle(folder, tmp_path / "out")
    script = """
import resource, sys
import edge_distil as ed
task = ed.Embedding.load(sys.argv[1], threads=1)
text = "the quick brown fox " * 50_000
tokens = len(task.encoder.tokenizer.encode([text], offsets=False)[0])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
task.encode(text)
print(tokens, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tokens, grown = map(int, done.stdout.split())
    assert tokens > 200_000
    assert grown < tokens * 96 * 4 / 2
