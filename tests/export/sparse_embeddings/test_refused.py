"""Sparse checkpoints that cannot be exported: one line each, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from originals import edit
from sparse_embeddings.saved import POOLING, save, save_with_router

from edge_distil.errors import BundleError, CheckpointError, EdgeDistilError, TaskError
from edge_distil_export import export_bundle

Change = Callable[[Path], Any]


def _modules(*kinds: str) -> Change:
    """Return what names other modules."""

    def change(folder: Path) -> None:
        modules = [
            {
                "idx": n,
                "name": str(n),
                "path": f"{n}_{kind}",
                "type": f"sentence_transformers.{kind}",
            }
            for n, kind in enumerate(kinds)
        ]
        modules[0]["path"] = ""
        (folder / "modules.json").write_text(json.dumps(modules), "utf-8")

    return change


def _pooling(**settings: Any) -> Change:
    return lambda folder: edit(folder / POOLING / "config.json", **settings)


def _sentence(**settings: Any) -> Change:
    return lambda folder: edit(folder / "config_sentence_transformers.json", **settings)


def _transformer(**settings: Any) -> Change:
    return lambda folder: edit(folder / "sentence_bert_config.json", **settings)


REFUSED: dict[str, tuple[type[EdgeDistilError], Change]] = {
    "pooling_strategy 'mean', expected max or sum": (TaskError, _pooling(pooling_strategy="mean")),
    r"pooling_strategy \['max'\], expected": (TaskError, _pooling(pooling_strategy=["max"])),
    "activation_function 'gelu', expected relu or log1p_relu": (
        TaskError, _pooling(activation_function="gelu"),
    ),
    "has the setting temperature": (TaskError, _pooling(temperature=2)),
    f"{POOLING}/config.json is missing": (
        BundleError, lambda folder: (folder / POOLING / "config.json").unlink(),
    ),
    "config.json is not JSON": (
        BundleError, lambda folder: (folder / POOLING / "config.json").write_text("{"),
    ),
    "modules.json is Transformer, which edge-distil does not run": (
        TaskError, _modules("Transformer"),
    ),
    "modules.json is Transformer -> SpladePooling -> Normalize": (
        TaskError, _modules("Transformer", "SpladePooling", "Normalize"),
    ),
    "modules.json is Transformer -> Pooling -> SparseAutoEncoder": (
        TaskError, _modules("Transformer", "Pooling", "SparseAutoEncoder"),
    ),
    "max_active_dims": (BundleError, _sentence(max_active_dims=0)),
    "max_active_dims.*expected": (BundleError, _sentence(max_active_dims="all")),
    "transformer_task is None, .*expected fill-mask": (
        TaskError, _transformer(transformer_task=None),
    ),
    "transformer_task is 'feature-extraction'": (
        TaskError, _transformer(transformer_task="feature-extraction"),
    ),
    "has no weights for sparse-embedding": (
        TaskError, lambda folder: _without_head(folder / "model.safetensors"),
    ),
}  # fmt: skip


def _without_head(file: Path) -> None:
    from safetensors.torch import load_file, save_file

    kept = {k: v for k, v in load_file(file).items() if not k.startswith("cls.")}
    save_file(kept, file, {"format": "pt"})


@pytest.mark.parametrize("message", REFUSED)
def test_refused_in_one_line(message: str, checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    kind, change = REFUSED[message]
    folder = save(checkpoint("bert", "fill-mask"), tmp_path / "saved")
    change(folder)
    with pytest.raises(kind, match=message) as caught:
        export_bundle(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_query_side_without_a_model_is_refused(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = save_with_router(checkpoint("bert", "fill-mask"), tmp_path / "saved")
    for task in (None, "sparse-embedding"):
        with pytest.raises(TaskError, match=r"is Router, .*a SparseEncoder of Tran") as caught:
            export_bundle(folder, tmp_path / "out", task=task)
        assert "\n" not in str(caught.value)


def test_another_task_is_asked_of_a_sparse_checkpoint(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    """Its masked-LM head fills masks as well; a model of dense vectors has none to pool."""
    folder = save(checkpoint("bert", "fill-mask"), tmp_path / "saved")
    assert export_bundle(folder, tmp_path / "mlm", task="mlm").manifest.task == "fill-mask"
    edit(folder / "config_sentence_transformers.json", model_type="SentenceTransformer")
    with pytest.raises(TaskError, match="is a SentenceTransformer of sentence-transformers whose"):
        export_bundle(folder, tmp_path / "out", task="sparse-embedding")
    with pytest.raises((TaskError, CheckpointError)):
        export_bundle(checkpoint("bert", "feature-extraction"), tmp_path / "out", task="splade")
