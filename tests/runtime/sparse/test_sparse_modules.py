"""Modules of sparse checkpoints, as releases of sentence-transformers wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_distil._reading.sentence_modules import is_sentence_model, transformer_folder
from edge_distil._reading.sentence_settings import TransformerSettings
from edge_distil._reading.sparse_modules import (
    SparseModules,
    is_sparse_model,
    read_sparse_modules,
)
from edge_distil.errors import BundleFileMissing, TaskError

TODAY = {"transformer_task": "fill-mask", "module_output_name": "token_embeddings"}


def write(
    folder: Path, kind: str, place: str, transformer: dict[str, Any], pooling: dict[str, Any] | None
) -> Path:
    package = "sentence_transformers.sparse_encoder.models"
    kinds = ((kind, place), ("SpladePooling", "1_SpladePooling"))
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"{package}.{name}"}
        for n, (name, path) in enumerate(kinds)
    ]
    files = {
        "modules.json": modules,
        "config_sentence_transformers.json": {
            "model_type": "SparseEncoder", "similarity_fn_name": None, "max_active_dims": 9,
            "prompts": {"query": "what is "},
        },
        f"{place}/sentence_bert_config.json".lstrip("/"): transformer,
    }  # fmt: skip
    if pooling is not None:
        files["1_SpladePooling/config.json"] = pooling
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("kind", "place", "transformer", "pooling", "read"),
    [
        (
            "MLMTransformer", "", {"max_seq_length": 24}, {"pooling_strategy": "sum"},
            ("sum", "relu"),
        ),
        ("MLMTransformer", "0_MLMTransformer", {}, {"word_embedding_dimension": None}, None),
        ("Transformer", "", TODAY, {"activation_function": "log1p_relu"}, ("max", "log1p_relu")),
    ],
)  # fmt: skip
def test_both_layouts_are_read(
    kind: str, place: str, transformer: dict[str, Any], pooling: dict[str, Any],
    read: tuple[str, str] | None, tmp_path: Path,
) -> None:  # fmt: skip
    folder = write(tmp_path, kind, place, transformer, pooling)
    assert is_sparse_model(folder)
    assert not is_sentence_model(folder)
    assert transformer_folder(folder) == folder / place
    assert read_sparse_modules(folder) == SparseModules(
        *(read or ("max", "relu")),
        TransformerSettings(transformer.get("max_seq_length")),
        {"query": "what is "},
        similarity="dot",
        max_active_dims=9,
    )


def test_hidden_states_are_not_pooled_as_logits(tmp_path: Path) -> None:
    """A Transformer gives hidden states where nothing says that it gives a head's logits."""
    folder = write(tmp_path, "Transformer", "", {}, {})
    with pytest.raises(TaskError, match=r"transformer_task is None, .*expected fill-mask"):
        read_sparse_modules(folder)


def test_a_pooling_without_settings_is_missing(tmp_path: Path) -> None:
    folder = write(tmp_path, "MLMTransformer", "", {}, None)
    with pytest.raises(BundleFileMissing, match=r"1_SpladePooling/config.json is missing"):
        read_sparse_modules(folder)
