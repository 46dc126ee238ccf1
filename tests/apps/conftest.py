"""Fixtures of the command line's tests."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from command import Command, Result
from search_texts import write_texts
from study_models import make_models

from edge_distil_apps import cli
from edge_distil_apps.search import build


@pytest.fixture(scope="session")
def study_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny bundles as `edge-distil study --models` takes them."""
    return make_models(tmp_path_factory.mktemp("study"))


@pytest.fixture
def edge_distil(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process, as its console script does."""

    def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        monkeypatch.setattr("sys.argv", ["edge-distil", *map(str, arguments)])
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def embedding(tiny: Path) -> Path:
    """The tiny embedding bundle."""
    return tiny / "embedding"


@pytest.fixture(scope="session")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 30 files of ten passages; never changed."""
    return write_texts(tmp_path_factory.mktemp("texts") / "docs")


@pytest.fixture(scope="session")
def index(docs: Path, embedding: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their index."""
    place = tmp_path_factory.mktemp("index") / "index"
    assert build(docs, place, bundle=embedding).passages == 300
    return place
