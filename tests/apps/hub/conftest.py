"""A bundle that a test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def bundle_copy(tiny: Path, tmp_path: Path) -> Path:
    """The tiny embedding bundle."""
    return Path(shutil.copytree(tiny / "embedding", tmp_path / "bundle"))
