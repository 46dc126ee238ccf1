"""Fixtures that several folders share; torch is imported only by the tests that need it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings

import edge_distil  # noqa: F401 - before a test imports onnxruntime: see `edge_distil.privacy`

REPOSITORY = Path(__file__).parents[1]

# How long an example takes is the machine's business, which may be busy.
settings.register_profile("edge-distil", deadline=None)
settings.load_profile("edge-distil")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """The path of Chromium, where it is installed."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_configure(config: pytest.Config) -> None:
    """Let the commands that tests start be interrupted: a worker of xdist ignores it, and a child
    inherits that."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
def embedded_bundle(embedded_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bundle, fp32 and int8, made once."""
    from edge_distil_export import export_bundle
    from edge_distil_quantize import quantize_bundle

    path = tmp_path_factory.mktemp("embedded") / "minilm-l6-squad"
    quantize_bundle(export_bundle(embedded_checkpoint, path), "int8")
    return path
