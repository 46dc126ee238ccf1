"""Fixtures that several folders share; torch is imported only by the tests that need it."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def embedded_checkpoint() -> Path:
    """The question-answering checkpoint that the repository carries."""
    return REPOSITORY / "apps" / "models" / "minilm-l6-squad"


@pytest.fixture(scope="session")
def embedded_bundle(embedded_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bundle, fp32 and int8, made once."""
    from edge_distil_export import export_bundle
    from edge_distil_quantize import quantize_bundle

    path = tmp_path_factory.mktemp("embedded") / "minilm-l6-squad"
    quantize_bundle(export_bundle(embedded_checkpoint, path), "int8")
    return path
