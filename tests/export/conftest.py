"""Checkpoints and exports, each made once for the whole run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import shelf
import trained

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode does not: for `import tiny`

from edge_distil.bundle import Bundle


@pytest.fixture(scope="session", autouse=True)
def _parse_torchlib_once() -> Iterator[None]:
    """torch's exporter parses its 500 translations again for each export: a second, 70 times."""
    from onnxscript.values import TracedOnnxFunction

    with pytest.MonkeyPatch.context() as patch:
        parse = TracedOnnxFunction.function_ir.fget
        patch.setattr(TracedOnnxFunction, "function_ir", property(cache(parse)))
        yield


@pytest.fixture(scope="session")
def checkpoint() -> Callable[..., Path]:
    """(family, task, **configuration) -> directory of a tiny checkpoint; never changed."""
    import tiny

    @cache
    def make(family: str, task: str, **options: Any) -> Path:
        def save(folder: Path) -> None:
            tiny.save_checkpoint(folder / "model", family, task, **options)

        maker = Path(tiny.__file__)
        return shelf.keep(f"checkpoint-{family}", save, maker, family, task, options) / "model"

    return make


@pytest.fixture(scope="session")
def exported(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Bundle]:
    """(family, task, **configuration) -> bundle."""

    @cache
    def make(family: str, task: str, **options: Any) -> Bundle:
        folder = tmp_path_factory.mktemp("bundle") / "out"
        return shelf.export(checkpoint(family, task, **options), folder)

    return make


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The real all-MiniLM-L6-v2 checkpoint."""
    return trained.minilm()
