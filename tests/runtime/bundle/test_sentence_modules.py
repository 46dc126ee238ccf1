"""modules.json in its old and new forms, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_distil._reading.sentence_modules import (
    Module,
    SentenceModules,
    read_sentence_modules,
    static_folder,
    transformer_folder,
)
from edge_distil.errors import BundleCorrupt, TaskError

OLD = {"word_embedding_dimension": 8, "pooling_mode_cls_token": False}


def write(folder: Path, kinds: str, pooling: dict[str, Any], **paths: str) -> Path:
    modules = [
        {
            "name": str(i),
            "type": f"sentence_transformers.models.{kind}",
            "path": paths.get(kind, f"{i}_{kind}"),
        }
        for i, kind in enumerate(kinds.split())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


@pytest.mark.parametrize(
    ("pooling", "modes"),
    [
        ({**OLD, "pooling_mode_mean_tokens": True}, ("mean",)),
        ({**OLD, "pooling_mode_cls_token": True}, ("cls",)),
        ({**OLD, "pooling_mode_weightedmean_tokens": True}, ("weightedmean",)),
        (
            {**OLD, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
            ("cls", "mean"),
        ),
        (OLD, ("mean",)),
        ({"embedding_dimension": 8, "pooling_mode": "lasttoken"}, ("lasttoken",)),
        ({"embedding_dimension": 8, "pooling_mode": ["mean", "cls"]}, ("mean", "cls")),
        ({"embedding_dimension": 8}, ("mean",)),
    ],
)
def test_pooling_in_both_forms(
    tmp_path: Path, pooling: dict[str, Any], modes: tuple[str, ...]
) -> None:
    folder = write(tmp_path, "Transformer Pooling Dense Dropout Normalize", pooling)
    steps = (Module("Dense", "2_Dense"), Module("Normalize", "4_Normalize"))
    assert read_sentence_modules(folder) == SentenceModules(modes, 8, steps)


@pytest.mark.parametrize("folder", ["0_StaticEmbedding", "", "."])
def test_a_table_of_static_embeddings(tmp_path: Path, folder: str) -> None:
    path = write(tmp_path, "StaticEmbedding Dense Normalize", OLD, StaticEmbedding=folder)
    steps = (Module("Dense", "1_Dense"), Module("Normalize", "2_Normalize"))
    assert read_sentence_modules(path) == SentenceModules(("mean",), 0, steps, static=True)
    assert static_folder(path) == (path / folder if folder != "." else path)
    with pytest.raises(TaskError, match="a table of static embeddings, expected a transformer"):
        transformer_folder(path)


@pytest.mark.parametrize(
    ("kinds", "pooling", "message"),
    [
        ("Transformer Pooling", {**OLD, "pooling_mode": "median"}, "pools by median"),
        ("Transformer Pooling", {**OLD, "pooling_power": 2}, "setting pooling_power"),
        ("Transformer Pooling LSTM", OLD, "is Transformer -> Pooling -> LSTM, which"),
        ("Transformer Normalize Pooling", OLD, "expected a SentenceTransformer of"),
        ("StaticEmbedding Pooling", OLD, "is StaticEmbedding -> Pooling, which"),
    ],
)
def test_what_is_not_there_is_refused(
    tmp_path: Path, kinds: str, pooling: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskError, match=message):
        read_sentence_modules(write(tmp_path, kinds, pooling))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"query_length": 32}, "query_length is 32"),
        ({"model_args": {"dtype": "float16"}}, "model_kwargs.dtype is 'float16'"),
        ({"config_args": {"hidden_act": "relu"}}, "config_kwargs is"),
        ({"transformer_task": "fill-mask"}, "expected feature-extraction"),
        ({"modality_config": {"message": {}}}, "read from forward's last_hidden_state"),
        ({"max_seq_len": 8}, "max_seq_len is"),
    ],
)
def test_unknown_settings_are_refused(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    folder = write(tmp_path, "Transformer Pooling", OLD, Transformer="")
    (folder / "sentence_bert_config.json").write_text(json.dumps(settings))
    with pytest.raises(TaskError, match=message):
        read_sentence_modules(folder)


@pytest.mark.parametrize("folder", ["../elsewhere", "/etc"])
def test_folders_outside_the_checkpoint_are_refused(tmp_path: Path, folder: str) -> None:
    pooling = {**OLD, "pooling_mode_mean_tokens": True}
    path = write(tmp_path, "Transformer Pooling Dense", pooling, Dense=folder)
    with pytest.raises(
        BundleCorrupt, match=r"modules.2.path is .*, expected a path inside the bundle"
    ):
        read_sentence_modules(path)
