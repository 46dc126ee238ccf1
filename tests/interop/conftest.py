"""The clients import what only their own environments have: they are run, never collected."""

from __future__ import annotations

from pathlib import Path

import pytest

collect_ignore = ["clients"]


@pytest.fixture(scope="session")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """all-MiniLM-L6-v2, fp32, int8 and weights-only."""
    from trained import minilm

    from edge_distil_export import export_bundle
    from edge_distil_quantize import quantize_bundle

    folder = tmp_path_factory.mktemp("openvino") / "minilm"
    bundle = quantize_bundle(export_bundle(minilm(), folder), "int8")
    return quantize_bundle(bundle, "weights-only").path
