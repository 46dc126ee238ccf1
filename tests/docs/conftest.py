"""Clean installations, on which the documents' commands are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from clean import build_wheel, installation


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def thin(wheel: Path) -> Path:
    """Programs of an installation without extras."""
    return installation("edge_distil_thin", wheel)


@pytest.fixture(scope="session")
def full(wheel: Path) -> Path:
    """Programs of an installation with every extra."""
    return installation("edge_distil_full", wheel, "[all]")
