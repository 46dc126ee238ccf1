"""Settings that few checkpoints have: the library's numbers, or one line that names the setting."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
from shapes import original, sentences
from shapes.shape import edit

from edge_distil.errors import CheckpointError, EdgeDistilError, ExportError, TaskError
from edge_distil_export import export_bundle

TOLERANCE = 1e-5
TASK = "text-classification"


@pytest.mark.parametrize("config", [{"return_dict": False}, {"quantization_config": None}], ids=str)
def test_what_changes_no_number(config: dict[str, Any], tmp_path: Path) -> None:
    """Compared with the checkpoint without the setting, at which the pipeline may fail."""
    folder = tiny.save_checkpoint(tmp_path / "model", "bert", TASK)
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    edit(other / "config.json", **config)
    export_bundle(other, tmp_path / "out")
    assert original.compare(folder, tmp_path / "out", TASK)[1] <= TOLERANCE


@pytest.mark.parametrize(
    ("file", "changes", "error", "named"),
    [
        ("config.json", {"chunk_size_feed_forward": 4}, ExportError, "chunk"),
        ("config.json", {"quantization_config": "awq"}, CheckpointError, "awq"),
        ("config.json", {"id2label": {"70000": "a", "1": "b"}}, CheckpointError, "id2label"),
        ("tokenizer_config.json", {"model_max_length": 0}, CheckpointError, "model_max_length"),
        ("tokenizer_config.json", {"model_max_length": -1}, CheckpointError, "model_max_length"),
        ("tokenizer_config.json", {"model_max_length": 2}, CheckpointError, "model_max_length"),
    ],
    ids=str,
)
def test_refused(
    file: str, changes: dict[str, Any], error: type[EdgeDistilError], named: str, tmp_path: Path
) -> None:
    folder = tiny.save_checkpoint(tmp_path / "model", "bert", TASK)
    edit(folder / file, **changes)
    with pytest.raises(error, match=named) as caught:
        export_bundle(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert ".part" not in str(caught.value)  # no directory that the user never saw


def test_vectors_that_are_cut_are_refused(tmp_path: Path) -> None:
    sentences.save(tmp_path / "model", options={"truncate_dim": 8})
    with pytest.raises(TaskError, match=r"config_sentence_transformers.json cuts .* truncate_dim"):
        export_bundle(tmp_path / "model", tmp_path / "out")
