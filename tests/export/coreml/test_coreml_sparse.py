"""A sparse embedding model as a Core ML package gives the weights of its ONNX model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shelf

import edge_distil as ed
from edge_distil.encoder import open_coreml
from edge_distil_export.coreml import add_coreml
from edge_distil_export.coreml.evaluate import Program

FP16_TOLERANCE = 2e-2


@pytest.mark.slow
def test_a_package_gives_the_weights_of_the_onnx_model(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = checkpoint("bert", "fill-mask")
    bundle = add_coreml(shelf.export(folder, tmp_path / "out", task="splade"), folder)
    encoder = open_coreml(bundle, "coreml", Program(bundle.model_path("coreml")))
    texts = ["Ada lived in London.", "", "Paris is the capital of France."]
    found = ed.SparseEmbedding(encoder).encode(texts).dense()
    wanted = ed.load(bundle.path, task="sparse-embedding", variant="fp32").encode(texts).dense()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=FP16_TOLERANCE)
