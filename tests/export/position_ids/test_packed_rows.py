"""Several texts in one row, each equal to itself alone as its own library computes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shelf
import tiny
import torch
import transformers
from originals import library

from edge_distil.encoder import open_encoder
from edge_distil.pooling import normalize
from edge_distil.session import OnnxSession
from tables.embedding.packing import HIDDEN, batches, block_diagonal, fill

TOLERANCE = 1e-5
QUICK = ("bert", "mpnet")
NEIGHBOURS = ("mobilebert",)  # each token is joined with those beside it, of whatever text
FAMILIES = [
    pytest.param(family, marks=() if family in QUICK else pytest.mark.slow)
    for family in tiny.FAMILIES
    if family not in NEIGHBOURS
]
TEXTS = [
    "Ada lived in London.",
    "The quick brown fox jumps over the lazy dog, and sleeps on it.",
    "a",
    "Numbers such as 1,024 are words too.",
    "",
    "東京 is a city 🍕",
]


def pack(bundle: Path, file: Path, width: int, tokens: int) -> dict[int, np.ndarray]:
    """Token vectors ``(tokens, hidden)`` of each text, as packed rows give them."""
    encoder = open_encoder(bundle)
    first = encoder.bundle.manifest.first_position
    assert first is not None
    block_diagonal(encoder.bundle.model_path("fp32"), file)
    session, found = OnnxSession(file), {}
    for batch in batches(encoder.tokenizer.encode(TEXTS), width, tokens, first):
        hidden = session.run(batch.feeds)[HIDDEN]
        found |= {place.text: hidden[place.row, place.start : place.end] for place in batch.places}
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_each_text_is_itself_alone(
    family: str, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = checkpoint(family, "feature-extraction")
    bundle = shelf.export(folder, tmp_path / "bundle", task="feature-extraction", position_ids=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    found = pack(bundle.path, tmp_path / "packed.onnx", width=48, tokens=96)
    assert sorted(found) == list(range(len(TEXTS)))
    for number, text in enumerate(TEXTS):
        with torch.no_grad():
            alone = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        np.testing.assert_allclose(found[number], alone, rtol=0, atol=TOLERANCE)


@pytest.mark.slow
def test_of_the_trained_model(minilm: Path, tmp_path: Path) -> None:
    bundle = shelf.export(minilm, tmp_path / "bundle", position_ids=True)
    found = pack(bundle.path, tmp_path / "packed.onnx", width=64, tokens=512)
    vectors = normalize(np.stack([found[text].mean(axis=0) for text in range(len(TEXTS))]))
    model = library(minilm)
    alone = np.stack([model.encode(text, show_progress_bar=False) for text in TEXTS])
    np.testing.assert_allclose(vectors, alone, rtol=0, atol=TOLERANCE)


def test_rows_are_filled_and_no_text_is_lost() -> None:
    lengths = np.random.default_rng(3).integers(1, 41, 300).tolist()
    rows = fill(lengths, 64)
    assert sorted(text for row in rows for text in row) == list(range(300))
    assert max(sum(lengths[text] for text in row) for row in rows) <= 64
    assert len(rows) <= 1.05 * sum(lengths) / 64
