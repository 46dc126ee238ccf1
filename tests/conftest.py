"""Fixtures that several folders share; torch is imported only by the tests that need it."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shelf
from hypothesis import settings

import edge_distil  # noqa: F401 - before a test imports onnxruntime: see `edge_distil.privacy`

REPOSITORY = Path(__file__).parents[1]
GOLDEN = REPOSITORY / "tests" / "golden"
TINY = GOLDEN / "tiny"
sys.path.insert(0, str(GOLDEN))  # importlib mode does not: for `import damaged`

# How long an example takes is the machine's business, which may be busy.
settings.register_profile("edge-distil", deadline=None)
settings.load_profile("edge-distil")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """The path of Chromium, where it is installed."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_configure(config: pytest.Config) -> None:
    """Let the commands that tests start be ended by signals: a child ignores what its parent
    does, as xdist's workers do an interrupt and all under nohup a closed terminal."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that need Chromium where there is none."""
    if find_browser() is None:
        absent = [item for item in items if item.get_closest_marker("browser")]
        items[:] = [item for item in items if item not in absent]
        config.hook.pytest_deselected(items=absent)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that they were left out, and what installs it."""
    if find_browser() is None:
        terminalreporter.write_line(
            "Tests in a browser were left out, for there is no Chromium: apt-get install chromium"
        )


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The path of Chromium, for tests marked ``browser``."""
    path = find_browser()
    assert path is not None
    return path


@pytest.fixture(scope="session")
def embedded_checkpoint() -> Path:
    """The question-answering checkpoint that the repository carries."""
    return REPOSITORY / "apps" / "models" / "minilm-l6-squad"


@pytest.fixture(scope="session")
def embedded_bundle(embedded_checkpoint: Path) -> Path:
    """Its bundle, fp32 and int8, made once; never changed."""

    name = embedded_checkpoint.name

    def make(folder: Path) -> None:
        from edge_distil_export import export_bundle
        from edge_distil_quantize import quantize_bundle

        quantize_bundle(export_bundle(embedded_checkpoint, folder / name), "int8")

    return shelf.keep("embedded", make, embedded_checkpoint) / name


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
