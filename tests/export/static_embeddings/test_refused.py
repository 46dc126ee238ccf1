"""Damaged checkpoints of static embeddings: one line each, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("model2vec")

from safetensors.numpy import load_file, save_file
from static_embeddings.checkpoints import of_model2vec, of_sentence_transformers

from edge_distil.errors import CheckpointError, EdgeDistilError, TaskError
from edge_distil_export import export_bundle

WEIGHTS = "model.safetensors"


def tensors(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Change the tensors of a checkpoint."""

    def spoil(folder: Path) -> None:
        found = load_file(folder / WEIGHTS)
        change(found)
        save_file({name: np.ascontiguousarray(array) for name, array in found.items()},
                  folder / WEIGHTS)  # fmt: skip

    return spoil


def put(name: str, value: Any) -> Callable[[Path], object]:
    return tensors(lambda found: found.update({name: np.asarray(value)}))


def shorter(name: str) -> Callable[[Path], object]:
    return tensors(lambda found: found.update({name: found[name][:-1]}))


def nan(found: dict[str, Any]) -> None:
    found["embeddings"][3, 5] = np.nan


def outside(found: dict[str, Any]) -> None:
    found["mapping"][7] = 40


def negative(found: dict[str, Any]) -> None:
    found["mapping"][7] = -1


def renamed(found: dict[str, Any]) -> None:
    found["vectors"] = found.pop("embeddings")


def truncated(folder: Path) -> None:
    file = folder / WEIGHTS
    file.write_bytes(file.read_bytes()[:-100])


def limit(value: Any) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "max_length": value}))

    return spoil


PLAIN: dict[str, Any] = {}
MAPPED = {"rows": 40, "weights": True}
SPOILED: dict[str, tuple[dict[str, Any], Callable[[Path], object], str]] = {
    "truncated": (PLAIN, truncated, "model.safetensors cannot be read .*fetch it again"),
    "a small table": (PLAIN, shorter("embeddings"), "tokenizer gives ids up to .*belongs to its"),
    "a small mapping": (MAPPED, tensors(lambda t: t.update(
        mapping=t["mapping"][:-1], weights=t["weights"][:-1])), "its mapping has .* rows"),
    "mapping outside": (MAPPED, tensors(outside), "mapping leads to row 40, expected 0 to 39"),
    "mapping below 0": (MAPPED, tensors(negative), "mapping leads to row -1, expected 0 to 39"),
    "mapping of floats": (MAPPED, put("mapping", [0.5, 1.5]), "mapping is torch.float64 of shape"),
    "few weights": (MAPPED, shorter("weights"), r"weights are of shape \(\d+,\), expected"),
    "NaN": (PLAIN, tensors(nan), "weight embedding.weight holds NaN or infinity"),
    "NaN in weights": (MAPPED, tensors(lambda t: t["weights"].fill(np.nan)), "weights holds NaN"),
    "one axis": (PLAIN, put("embeddings", [1.0, 2.0]), r"of shape \(2,\), expected numbers of"),
    "another name": (PLAIN, tensors(renamed), "holds vectors, expected embeddings, the table"),
    "no tokenizer": (PLAIN, lambda f: (f / "tokenizer.json").unlink(), "no tokenizer.json beside"),
    "tokenizer of nothing": (PLAIN, lambda f: (f / "tokenizer.json").write_text("{}"),
        "tokenizer.json cannot be read"),
    "no weights": (PLAIN, lambda f: (f / WEIGHTS).unlink(), "holds no weights"),
    "max_length 0": (PLAIN, limit(0), "max_length 0, expected a number of tokens"),
    "max_length text": (PLAIN, limit("long"), "max_length 'long', expected a number of tokens"),
}  # fmt: skip


def refused(folder: Path, output: Path, message: str, **options: Any) -> EdgeDistilError:
    with pytest.raises(EdgeDistilError, match=message) as caught:
        export_bundle(folder, output, **options)
    assert "\n" not in str(caught.value)
    assert not output.exists()
    return caught.value


@pytest.mark.parametrize("name", SPOILED)
def test_model2vec(name: str, tmp_path: Path) -> None:
    options, spoil, message = SPOILED[name]
    folder = of_model2vec(tmp_path / "model", **{"normalize": True, **options})
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "model2vec"  # as its distillation writes
    (folder / "config.json").write_text(json.dumps(config))
    spoil(folder)
    assert isinstance(refused(folder, tmp_path / "out", message), CheckpointError)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("tokenizer.json", "no tokenizer.json beside its table"),
        (WEIGHTS, "holds no weights"),
    ],
)
def test_a_static_embedding_folder_without_a_file(file: str, message: str, tmp_path: Path) -> None:
    folder = of_sentence_transformers(tmp_path / "model", inside=True)
    (folder / "0_StaticEmbedding" / file).unlink()
    refused(folder, tmp_path / "out", message)


def test_another_task(tmp_path: Path) -> None:
    folder = of_model2vec(tmp_path / "model")
    error = refused(
        folder, tmp_path / "out", "got --task question-answering", task="question-answering"
    )
    assert isinstance(error, TaskError)


def test_a_plain_hub_folder_is_not_guessed_at(tmp_path: Path) -> None:
    """model2vec's own ONNX export takes offsets; its files stand beside such a graph."""
    import edge_distil as ed

    folder = of_sentence_transformers(tmp_path / "model")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"graph")
    (folder / "config.json").write_text("{}")
    with pytest.raises(TaskError, match=r"a table of static embeddings, .* export the checkpoint"):
        ed.load(folder)
