"""Sparse embeddings against sentence-transformers' SparseEncoder, loaded as its users load it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import shelf
from originals import edit
from sparse_embeddings.saved import save, save_as_before, sparse_encoder
from tiny import POSITIONS

import edge_distil as ed
from edge_distil_quantize import quantize_bundle

# Of a weight; of a large one (a sum over the tokens may be 60) a few of the steps between float32s.
CLOSE = {"atol": 1e-5, "rtol": 5e-7}
INT8_COSINE = 0.999
# The head of MobileBERT multiplies with two matrices at once.
FAMILIES = (
    "distilbert", "roberta", "xlm-roberta", "mpnet", "electra", "albert", "modernbert",
    "mobilebert",
)  # fmt: skip
TEXTS = [
    "A man is playing a guitar.",
    "Où était le Café? 東京🍕",
    "",
    "x",
    "the quick dog sleeps " * 60,
]


def loaded(folder: Path, output: Path, task: str | None = None) -> ed.SparseEmbedding:
    return ed.SparseEmbedding.load(shelf.export(folder, output / "out", task=task).path)


def check(task: ed.SparseEmbedding, original: Any) -> None:
    """Compare vectors, of queries and documents too, tokens and similarities."""
    for name in ("encode", "encode_query", "encode_document"):
        expected = getattr(original, name)(TEXTS, batch_size=2).to_dense().numpy()
        found = getattr(task, name)(TEXTS)
        np.testing.assert_allclose(found.dense(), expected, **CLOSE, err_msg=name)
        alone = np.stack([getattr(original, name)(text).to_dense().numpy() for text in TEXTS])
        np.testing.assert_allclose(found.dense(), alone, **CLOSE, err_msg=name)
    vectors, theirs = task.encode(TEXTS), original.encode(TEXTS)
    np.testing.assert_allclose(
        task.similarity(vectors, vectors), original.similarity(theirs, theirs), rtol=1e-4, atol=1e-4
    )
    for row, expected in zip(vectors, original.decode(theirs, top_k=4), strict=True):
        assert [token for token, _ in task.decode(row, 4)] == [token for token, _ in expected]
    assert task.similarity_fn_name == original.similarity_fn_name
    assert task.bundle.manifest.max_length == original.max_seq_length


def with_bias(plain: Path, folder: Path) -> Path:
    """Give a masked-LM head a bias that decides which tokens weigh something; it begins as 0."""
    import torch
    from transformers import AutoModelForMaskedLM

    shutil.copytree(plain, folder)
    model = AutoModelForMaskedLM.from_pretrained(folder)
    torch.manual_seed(7)
    torch.nn.init.normal_(model.get_output_embeddings().bias)
    model.save_pretrained(folder)
    return folder


SLOW = pytest.mark.slow
SETTINGS: dict[str, dict[str, Any]] = {
    "max": {},
    "twice the logarithm": {"activation_function": "log1p_relu"},
    "sum": {"pooling_strategy": "sum"},
    "all else": {
        "pooling_strategy": "sum",
        "activation_function": "log1p_relu",
        "max_active_dims": 7,
        "similarity_fn_name": "cosine",
        "prompts": {"query": "what is ", "passage": "text: "},
        "default_prompt_name": "passage",
        "max_seq_length": 20,
    },
}


@pytest.mark.parametrize(
    "name", ["max", "all else", *(pytest.param(n, marks=SLOW) for n in list(SETTINGS)[1:-1])]
)
def test_settings(name: str, checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = save(checkpoint("bert", "fill-mask"), tmp_path / "saved", **SETTINGS[name])
    if prompts := SETTINGS[name].get("prompts"):  # the library saves one named "document" too
        edit(folder / "config_sentence_transformers.json", prompts=prompts)
    task = loaded(folder, tmp_path)
    check(task, sparse_encoder(folder))
    proof = task.bundle.manifest.variants["fp32"].evidence["end_to_end"]
    assert proof["class"] == "SparseEncoder"
    assert "unseen" not in proof
    if name == "all else":
        assert max(len(vector.indices) for vector in task.encode(TEXTS)) == 7


@pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=() if name == "distilbert" else SLOW) for name in FAMILIES],
)
def test_a_bare_checkpoint_that_is_named_sparse(
    family: str, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = checkpoint(family, "fill-mask")
    task = loaded(folder, tmp_path, "splade")
    original = sparse_encoder(folder)
    if original.max_seq_length > POSITIONS:  # RoBERTa's, which has no position for the last two
        original.max_seq_length = POSITIONS
    check(task, original)
    assert task.bundle.manifest.task == "sparse-embedding"


@pytest.mark.slow
@pytest.mark.parametrize("release", ["5.0", "nested"])
def test_what_earlier_releases_saved(
    release: str, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = save_as_before(checkpoint("bert", "fill-mask"), tmp_path / "saved", release)
    task = loaded(folder, tmp_path)
    check(task, sparse_encoder(folder))
    assert task.bundle.manifest.max_length == 24


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["max", "sum"])
def test_padding_weighs_nothing(
    strategy: str, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    """Other people's clients pad; random tokens behind the mask, or before it, must not show."""
    plain = with_bias(checkpoint("bert", "fill-mask"), tmp_path / "plain")
    folder = save(plain, tmp_path / "saved", pooling_strategy=strategy)
    bundle = shelf.export(folder, tmp_path / "out")
    session = onnxruntime.InferenceSession(bundle.model_path("fp32"))
    ids = np.random.default_rng(5).integers(5, 150, (3, 12))
    masks = np.array([[1] * 5 + [0] * 7, [0] * 7 + [1] * 5, [1] * 12])
    feeds = {"input_ids": ids, "attention_mask": masks, "token_type_ids": np.zeros_like(ids)}
    padded = session.run(None, feeds)[0]
    alone = session.run(None, {name: array[:1, :5] for name, array in feeds.items()})[0]
    np.testing.assert_allclose(padded[0], alone[0], **CLOSE)
    import torch

    model = sparse_encoder(folder)
    with torch.inference_mode():
        theirs = model({name: torch.from_numpy(array) for name, array in feeds.items()})
    np.testing.assert_allclose(padded, theirs["sentence_embedding"].numpy(), **CLOSE)


@pytest.mark.slow
def test_int8_and_fp16_stay_near(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    bundle = shelf.export(checkpoint("bert", "fill-mask"), tmp_path / "out", task="sparse")
    for recipe in ("int8", "fp16"):
        quantize_bundle(bundle, recipe)
        variant = ed.open_bundle(bundle.path).manifest.variants[recipe]
        assert variant.evidence["fidelity"]["min_cosine"] >= INT8_COSINE
        dense = [
            ed.SparseEmbedding.load(bundle.path, variant=name).encode(TEXTS).dense()
            for name in ("fp32", recipe)
        ]
        norms = np.prod([np.linalg.norm(rows, axis=1) for rows in dense], axis=0)
        assert ((dense[0] * dense[1]).sum(axis=1) / norms).min() >= INT8_COSINE
