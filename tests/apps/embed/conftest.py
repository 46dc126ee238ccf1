"""What the tests of `embed` embed."""

from __future__ import annotations

from pathlib import Path

import pytest
from embed_corpus import COUNT, make_texts, write_texts


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Texts of all kinds, for four shards."""
    return make_texts(COUNT)


@pytest.fixture
def corpus(texts: list[str], tmp_path: Path) -> Path:
    """The same in a file, a line each."""
    return write_texts(tmp_path / "texts.txt", texts)
