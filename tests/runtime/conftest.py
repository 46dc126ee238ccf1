"""Fixtures of the runtime's tests: tiny bundles and what transformers says of them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = GOLDEN / "tiny"
sys.path.insert(0, str(GOLDEN))  # importlib mode does not: for `import damaged`


@pytest.fixture(scope="session")
def truth() -> Callable[[str], dict[str, Any]]:
    """What transformers says of a tiny checkpoint (tests/golden/make_tiny_bundles.py)."""
    return lambda name: json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def tiny_copy(tmp_path: Path) -> Callable[[str], Path]:
    """A tiny bundle that the test may damage."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(TINY / name, tmp_path / name))

    return copy


@pytest.fixture(scope="session")
def tiny() -> Path:
    """The folder of tiny bundles."""
    return TINY
