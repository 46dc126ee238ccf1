"""Checkpoints of the shapes that people publish: their own library's numbers, or a refusal.

    EDGE_DISTIL_SHAPES=docs/published-shapes.md pytest tests/export/test_published_shapes.py

writes the table of the documentation again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from shapes import models, original, reading, sentences
from shapes.shape import Shape
from shapes.table import DOCUMENT, Row, names_in, render

from edge_distil.errors import EdgeDistilError
from edge_distil_export import export_bundle

TOLERANCE = 1e-5
SHAPES = (*reading.SHAPES, *sentences.SHAPES, *models.SHAPES)


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    """Collects what is seen; written where the environment names a file."""
    found: list[Row] = []
    yield found
    if file := os.environ.get("EDGE_DISTIL_SHAPES"):
        Path(file).write_text(render(found), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_equal_or_refused(shape: Shape, rows: list[Row], tmp_path: Path) -> None:
    folder, output = tmp_path / "model", tmp_path / "out"
    shape.make(folder)
    if shape.refused is not None:
        with pytest.raises(EdgeDistilError, match=shape.refused) as caught:
            export_bundle(folder, output, task=shape.task)
        message = str(caught.value)
        assert "\n" not in message
        assert not output.exists()
        rows.append(Row(shape, message.replace(str(folder), "model")))
        return
    bundle = export_bundle(folder, output, task=shape.task, trust_pickle=shape.trust_pickle)
    if shape.plain:
        output = Path(shutil.copytree(output, tmp_path / "plain"))
        (output / "edge_distil.json").unlink()
    witness, difference = original.compare(folder, output, bundle.manifest.task)
    assert difference <= TOLERANCE
    rows.append(Row(shape, "equal", witness, difference))


def test_at_least_sixty_of_distinct_names() -> None:
    names = [shape.name for shape in SHAPES]
    assert len(set(names)) == len(names) >= 60


def test_the_documented_table_is_of_these_shapes() -> None:
    assert names_in(DOCUMENT.read_text("utf-8")) == [shape.name for shape in SHAPES]
