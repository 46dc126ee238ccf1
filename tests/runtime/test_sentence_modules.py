"""modules.json in its old and new forms, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_distil.errors import BundleCorrupt, TaskError
from edge_distil.sentence_modules import SentenceModules, read_sentence_modules

OLD = {"word_embedding_dimension": 8, "pooling_mode_cls_token": False}


def write(folder: Path, kinds: str, pooling: dict[str, Any], **paths: str) -> Path:
    modules = [
        {"type": f"sentence_transformers.models.{kind}", "path": paths.get(kind, f"{i}_{kind}")}
        for i, kind in enumerate(kinds.split())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


@pytest.mark.parametrize(
    ("pooling", "mode"),
    [
        ({**OLD, "pooling_mode_mean_tokens": True}, "mean"),
        ({**OLD, "pooling_mode_cls_token": True}, "cls"),
        ({**OLD, "pooling_mode_max_tokens": True}, "max"),
        ({"embedding_dimension": 8, "pooling_mode": "cls"}, "cls"),
    ],
)
def test_pooling_in_both_forms(tmp_path: Path, pooling: dict[str, Any], mode: str) -> None:
    found = read_sentence_modules(write(tmp_path, "Transformer Pooling Dense Normalize", pooling))
    assert found == SentenceModules(mode, 8, dense=("2_Dense",), normalize=True)


@pytest.mark.parametrize(
    ("kinds", "pooling", "message"),
    [
        ("Transformer Pooling", {**OLD, "pooling_mode_weightedmean_tokens": True}, "weightedmean"),
        ("Transformer Pooling", OLD, "pools by nothing"),
        (
            "Transformer Pooling",
            {"embedding_dimension": 8, "pooling_mode": "mean", "include_prompt": False},
            "include_prompt is false",
        ),
        ("Transformer Pooling LSTM", {**OLD, "pooling_mode_max_tokens": True}, "LSTM, expected"),
        ("Transformer Normalize Pooling", OLD, "expected Transformer -> Pooling"),
    ],
)
def test_what_is_not_there_is_refused(
    tmp_path: Path, kinds: str, pooling: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskError, match=message):
        read_sentence_modules(write(tmp_path, kinds, pooling))


@pytest.mark.parametrize("folder", ["../elsewhere", "/etc"])
def test_folders_outside_the_checkpoint_are_refused(tmp_path: Path, folder: str) -> None:
    pooling = {**OLD, "pooling_mode_mean_tokens": True}
    path = write(tmp_path, "Transformer Pooling Dense", pooling, Dense=folder)
    with pytest.raises(
        BundleCorrupt, match=r"modules.2.path is .*, expected a path inside the bundle"
    ):
        read_sentence_modules(path)
