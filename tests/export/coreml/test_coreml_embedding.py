"""A real embedding model as a Core ML package gives the vectors of its ONNX model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf

import edge_distil
from edge_distil.encoder import open_coreml
from edge_distil.tasks import BY_NAME
from edge_distil_export.coreml import add_coreml
from edge_distil_export.coreml.evaluate import Program

FP16_TOLERANCE = 2e-2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["range", "enumerated"])
def test_all_minilm_gives_the_vectors_of_the_onnx_model(
    kind: str, minilm: Path, tmp_path: Path
) -> None:
    bundle = shelf.export(minilm, tmp_path / "out")
    target = "iOS18" if kind == "enumerated" else "iOS16"
    bundle = add_coreml(
        bundle, minilm, lengths="16,32" if kind == "enumerated" else kind, target=target
    )
    program = Program(bundle.model_path("coreml"))
    embedding: Any = BY_NAME["sentence-similarity"](open_coreml(bundle, "coreml", program))
    texts = ["Ada lived in London.", "Paris is the capital of France."]
    wanted: Any = edge_distil.load(bundle.path)
    np.testing.assert_allclose(
        embedding.encode(texts), wanted.encode(texts), rtol=0, atol=FP16_TOLERANCE
    )
