"""int8 of the embedded checkpoint on real texts: exact products, independent of the batch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import edge_distil as ed
from edge_distil._tokenizing.rows import collate
from tables.processors.opened_models import exact, open_products, stored_arrays

PASSAGES = Path(__file__).parents[3] / "apps" / "edge_distil_apps" / "data" / "passages.json"
PRODUCTS = 6 * 6  # layers, matrices of each
BATCH_TOLERANCE = 1e-5  # float32 rounding in another order of summation


@pytest.fixture(scope="module")
def encoder(embedded_bundle):
    return ed.load(embedded_bundle, variant="int8", threads=1).encoder


@pytest.fixture(scope="module")
def encodings(encoder):
    articles = json.loads(PASSAGES.read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    pairs = [(p["qas"][0]["question"], p["context"]) for p in paragraphs[:8]]
    return encoder.tokenizer.encode(pairs)


@pytest.mark.parametrize("texts", [1, pytest.param(8, marks=pytest.mark.safety)])
def test_every_integer_product_equals_numpys(encoder, encodings, tmp_path, texts):
    opened = tmp_path / "opened.onnx"
    products = open_products(encoder.session.path, opened)
    stored = stored_arrays(opened)
    session = ort.InferenceSession(opened, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    assert len(products) == PRODUCTS
    for encoding in encodings[:texts]:
        feeds = collate([encoding], encoder.tokenizer.pad_id)
        outputs = dict(zip(names, session.run(names, feeds), strict=True))
        assert all(exact(product, stored, outputs) for product in products)


def test_no_pair_of_products_can_pass_16_bits(encoder):
    """Two neighbours along the inputs are what vpmaddubsw adds before it saturates."""
    stored = stored_arrays(encoder.session.path)
    matrices = [a for name, a in stored.items() if name.endswith("_weight_int8")]
    assert len(matrices) == PRODUCTS
    for matrix in matrices:
        magnitudes = np.abs(matrix.astype(np.int32))
        assert 255 * (magnitudes[0::2] + magnitudes[1::2]).max() <= np.iinfo(np.int16).max
        assert magnitudes.max() > 64  # which a limit for each by itself would forbid


def test_answers_do_not_depend_on_the_batch(encoder, encodings):
    together = encoder.session.run(collate(encodings, encoder.tokenizer.pad_id))
    for row, encoding in enumerate(encodings):
        alone = encoder.session.run(collate([encoding], encoder.tokenizer.pad_id))
        for name, expected in alone.items():
            got = together[name][row : row + 1, : len(encoding)]
            np.testing.assert_allclose(got, expected, atol=BATCH_TOLERANCE)
