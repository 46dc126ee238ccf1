"""What no late interaction of ours is: refused in one line, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from late_interaction.checkpoints import FIXED, library, native, pylate, stanford
from originals import edit

import edge_distil as ed
from edge_distil.errors import CheckpointError, EdgeDistilError, TaskError
from edge_distil_export import export_bundle
from edge_distil_export.checkpoints.checkpoint import find_checkpoint
from edge_distil_export.tasks import choose_task

MASK, TRANSFORMER = "2_MultiVectorMask/config.json", "sentence_bert_config.json"


@pytest.fixture(scope="module")
def saved(checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("late") / "model"
    return native(folder, checkpoint("bert", "feature-extraction"), query_expansion=FIXED)


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(saved, tmp_path / "model"))


def refused(folder: Path, error: type[Exception], message: str, **options: Any) -> None:
    output = folder.parent / "out"
    with pytest.raises(error, match=message) as caught:
        export_bundle(folder, output, **options)
    assert "\n" not in str(caught.value)
    assert not output.exists()


def expansion(**changes: Any) -> dict[str, Any]:
    return {"query_expansion": {**FIXED, **changes}}


@pytest.mark.parametrize(
    ("file", "changes", "error", "message"),
    [
        (MASK, {"keep_only_token_ids": [7]}, TaskError, "keep_only_token_ids.*models of images"),
        (TRANSFORMER, expansion(length=65), CheckpointError, "up to 65 tokens.* at most the 64"),
        (TRANSFORMER, expansion(length=2), CheckpointError, "cuts a query to 2 tokens.*special"),
        (TRANSFORMER, {"document_length": 2}, CheckpointError, "cuts a document to 2 tokens"),
        (TRANSFORMER, expansion(token="nowhere"), TaskError, "up with 'nowhere', expected a token"),
        (TRANSFORMER, expansion(strategy="all"), EdgeDistilError, "'all', expected one of fixed"),
        (TRANSFORMER, expansion(attend="no"), EdgeDistilError, "'no', expected true or false"),
        (TRANSFORMER, expansion(length=0), EdgeDistilError, "length is 0, expected a whole"),
        (TRANSFORMER, {"document_length": "long"}, EdgeDistilError, "document_length is 'long'"),
        (TRANSFORMER, {"processing_kwargs": {"text": {"padding": 1}}}, TaskError, "processing"),
        ("tokenizer_config.json", {"padding_side": "left"}, TaskError, "padding_side is left"),
        ("3_Normalize/config.json", {"module_input_name": "sentence_embedding"}, CheckpointError,
         "module_input_name 'sentence_embedding', expected token_embeddings"),
    ],
)  # fmt: skip
def test_settings(
    file: str, changes: dict[str, Any], error: type[Exception], message: str, copy: Path
) -> None:
    edit(copy / file, **changes)
    refused(copy, error, message)


def test_what_the_library_refuses(copy: Path) -> None:
    """A cap below the length that queries are filled up to."""
    edit(copy / TRANSFORMER, query_length=8)
    with pytest.raises(ValueError, match="query_length=8"):
        library(copy)
    refused(copy, CheckpointError, "its own library cannot load or run it.*query_length=8")


def test_vectors_that_are_joined(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling

    base = checkpoint("bert", "feature-extraction")
    folder = native(tmp_path / "model", base, behind=[HierarchicalTokenPooling(pool_factor=2)])
    refused(folder, TaskError, "HierarchicalTokenPooling, which edge-distil does not run")


def test_attention_that_does_not_reach(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    base = checkpoint("modernbert", "feature-extraction")
    folder = native(tmp_path / "model", base, query_expansion=FIXED, document_length=50)
    refused(folder, TaskError, "some of which see no other: its attention reaches 4 tokens")


def test_models_without_a_projection(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    """The library would draw one at random."""
    plain = checkpoint("bert", "feature-extraction")
    with pytest.raises(TaskError, match="is no late-interaction checkpoint"):
        export_bundle(plain, tmp_path / "out", task="late-interaction")
    early = pylate(tmp_path / "early", plain, early=True, query_length=20)
    modules = json.loads((early / "modules.json").read_text())
    (early / "modules.json").write_text(json.dumps(modules[:1]))
    refused(early, TaskError, "which edge-distil does not run")
    folder = stanford(tmp_path / "stanford", plain)
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["linear.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder, CheckpointError, "whose projection cannot be read.*expected linear.weight")


def test_the_task_is_told_by_the_files(saved: Path, checkpoint: Callable[..., Path]) -> None:
    source = find_checkpoint(saved)
    assert choose_task(source) == choose_task(source, "ColBERT") == "late-interaction"
    assert choose_task(find_checkpoint(checkpoint("bert", "feature-extraction"))) != (
        "late-interaction"
    )


@pytest.mark.slow
def test_without_the_library_the_encoder_alone_is_compared(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_distil_export.witness import late

    monkeypatch.setattr(late, "is_installed", lambda: False)
    bundle = export_bundle(saved, tmp_path / "out")
    proof = bundle.manifest.variants["fp32"].evidence["end_to_end"]
    assert proof["class"] == "AutoModel"
    assert "its projection, and how queries and documents are read" in proof["unseen"]
    model, task = library(saved), ed.LateInteraction.load(tmp_path / "out")
    expected = model.encode_query("the fox", convert_to_numpy=True)
    assert abs(task.encode_query("the fox") - expected).max() <= 1e-5
