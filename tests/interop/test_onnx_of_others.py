"""The real optimum's ONNX of real checkpoints, quantized by us and compared with its own fp32.

The fp32 vectors and answers are those of sentence-transformers' ONNX backend and of optimum's
pipeline on the very directory that optimum wrote, each in its own environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_clients import run_client
from test_interop import unchanged
from trained import minilm

import edge_distil as ed
from edge_distil.evaluate.squad import f1
from edge_distil.evaluate.squad_file import read_squad
from edge_distil.evaluate.sts import read_pairs
from edge_distil_export import adopt_onnx
from edge_distil_quantize import check_model, quantize_bundle
from environments import clean_variables, python_environment

DATA = os.environ.get("EDGE_DISTIL_DATA", "")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
needs_data = pytest.mark.skipif(not DATA, reason="EDGE_DISTIL_DATA is not set")

MEAN_COSINE = 0.998  # of int8 to their fp32, over the texts of the evidence and over STS-B dev
LEAST_COSINE = 0.985
SAME_RUNTIME = 1e-5  # the same file and kernels, with padding there and without here
AGREEMENT = 97.0  # mean F1 of int8's answers to their fp32's
QUESTIONS = 120
# What sentence-transformers needs beside the graph; optimum leaves it out, the Hub has it.
SENTENCE_FILES = ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json")
EXPORTS = {
    "optimum": (),
    "opset 14": ("--opset", "14"),
    "opset 17": ("--opset", "17"),
    "O1": ("--optimize", "O1"),
}

Directories = Callable[[str], Path]


@pytest.fixture(scope="session")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Directories:
    """What optimum writes of all-MiniLM-L6-v2, in the Hub's layout."""

    @cache
    def make(kind: str) -> Path:
        folder = tmp_path_factory.mktemp("others") / "minilm-of-others"
        optimum(minilm(), folder, "feature-extraction", "--library", "transformers", *EXPORTS[kind])
        (folder / "onnx").mkdir()
        (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
        for name in SENTENCE_FILES:
            shutil.copy(minilm() / name, folder)
        for name in ("1_Pooling", "2_Normalize"):
            if (minilm() / name).is_dir():
                shutil.copytree(minilm() / name, folder / name)
        return folder

    return make


def optimum(checkpoint: Path, folder: Path, task: str, *more: str) -> None:
    program = python_environment("optimum_onnx").with_name("optimum-cli")
    words = [program, "export", "onnx", "-m", checkpoint, "--task", task, *more, folder]
    subprocess.run(words, check=True, env={**clean_variables(), "HF_HUB_OFFLINE": "1"})


def vectors_there(folder: Path, texts: list[str], work: Path) -> np.ndarray:
    """sentence-transformers' vectors of their own file."""
    request = {"texts": texts, "batch_size": 16}
    with unchanged(folder):
        found = run_client("sentence_transformers_onnx", folder, "onnx/model.onnx", request, work)
    return np.array(found["vectors"], np.float32)


@needs_data
@pytest.mark.parametrize("kind", EXPORTS)
def test_int8_of_minilm(kind: str, directories: Directories, tmp_path: Path) -> None:
    folder = directories(kind)
    with unchanged(folder):
        bundle = quantize_bundle(adopt_onnx(folder, tmp_path / "bundle"), "int8")
    probes = [probe.text for probe in bundle.manifest.golden]
    pairs = read_pairs(Path(DATA) / "stsb" / "stsb-en-dev.csv")
    sentences = list(dict.fromkeys(text for p in pairs for text in (p.first, p.second)))
    theirs = vectors_there(folder, [*probes, *sentences], tmp_path)
    fp32 = ed.load(bundle.path, variant="fp32").encode([*probes, *sentences])
    np.testing.assert_allclose(fp32, theirs, rtol=0, atol=SAME_RUNTIME)
    cosines = (ed.load(bundle.path, variant="int8").encode([*probes, *sentences]) * theirs).sum(1)
    of_probes, of_sentences = cosines[: len(probes)], cosines[len(probes) :]
    print(
        kind,
        f"probes {of_probes.mean():.4f} {of_probes.min():.4f}, STS-B dev "
        f"{of_sentences.mean():.4f} {of_sentences.min():.4f}, {len(sentences)} sentences",
    )
    assert of_probes.mean() >= MEAN_COSINE
    assert of_sentences.mean() >= MEAN_COSINE
    assert of_sentences.min() >= LEAST_COSINE
    evidence = bundle.manifest.variants["int8"].evidence
    assert evidence["fidelity"]["mean_cosine"] >= MEAN_COSINE
    assert evidence["company"]["same_bits"] is True


@pytest.mark.parametrize("level", ["O2", "O3"])
def test_what_optimum_fused_is_refused(level: str, tmp_path: Path) -> None:
    folder = tmp_path / "fused"
    optimum(
        minilm(), folder, "feature-extraction", "--library", "transformers", "--optimize", level
    )

    def accept(found: ed.Bundle) -> None:
        check_model(found.model_path("fp32"))

    with pytest.raises(ed.errors.QuantizeError, match=r"com\.microsoft\..*O1 at most"):
        adopt_onnx(folder, tmp_path / "bundle", accept=accept)
    assert not (tmp_path / "bundle").exists()


@needs_data
def test_answers_of_int8(embedded_checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "qa-of-others"
    optimum(embedded_checkpoint, folder, "question-answering")
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
    bundle = quantize_bundle(adopt_onnx(folder, tmp_path / "bundle"), "int8")
    examples = read_squad(Path(DATA) / "squad" / "dev.json").examples
    pairs = [(e.question, e.context) for e in examples[:: len(examples) // QUESTIONS]]
    short = [pair for pair in pairs if len(pair[1]) < 1200]  # their client cuts at one window
    request: dict[str, Any] = {"pairs": short}
    with unchanged(folder):
        there = run_client("optimum_onnx", folder, "onnx/model.onnx", request, tmp_path)
    wanted = [answer["text"] for answer in there["answers"]]
    for variant, least in (("fp32", 99.9), ("int8", AGREEMENT)):
        qa = ed.QuestionAnswering.load(bundle.path, variant=variant)
        found = [best.text for (best,) in qa.batch(short)]
        score = 100 * np.mean([f1(a, b) for a, b in zip(found, wanted, strict=True)])
        print(variant, f"F1 to their fp32: {score:.2f} over {len(short)} questions")
        assert score >= least
