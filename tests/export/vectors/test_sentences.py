"""Embedding checkpoints, against sentence-transformers."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import shelf
import torch
from tiny import save_sentence_model

from edge_distil.bundle import Bundle
from edge_distil.errors import CheckpointError, TaskError
from edge_distil_export import export_bundle

VECTOR_TOLERANCE = 1e-5
TEXTS = ["A man is playing a guitar.", "Un café, s'il vous plaît 🙂", "x", "long " * 40]


@pytest.fixture(scope="module", autouse=True)
def _quiet_sentence_transformers() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import and its own calls of renamed functions
        import sentence_transformers  # noqa: F401

        yield


def encode(folder: Path) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return np.asarray(model.encode(TEXTS, batch_size=len(TEXTS), show_progress_bar=False))


def vectors(bundle: Bundle) -> np.ndarray:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(bundle.path / "tokenizer.json"))
    tokenizer.enable_truncation(bundle.manifest.max_length)
    tokenizer.enable_padding(pad_id=0)
    encoded = tokenizer.encode_batch(TEXTS)
    inputs = {
        "input_ids": np.array([e.ids for e in encoded]),
        "attention_mask": np.array([e.attention_mask for e in encoded]),
        "token_type_ids": np.array([e.type_ids for e in encoded]),
    }
    session = onnxruntime.InferenceSession(bundle.model_path("fp32"))
    feeds = {name: inputs[name] for name in bundle.manifest.inputs}
    return np.asarray(session.run(["sentence_embedding"], feeds)[0])


def test_all_minilm_matches_sentence_transformers(minilm: Path, tmp_path: Path) -> None:
    bundle = shelf.export(minilm, tmp_path / "out")
    np.testing.assert_allclose(vectors(bundle), encode(minilm), rtol=0, atol=VECTOR_TOLERANCE)
    manifest = bundle.manifest
    assert manifest.task == "sentence-similarity"
    assert manifest.max_length == 256
    assert manifest.outputs == ("last_hidden_state", "sentence_embedding")
    assert manifest.pooling is not None
    assert (manifest.pooling.mode, manifest.pooling.dimension) == ("mean", 384)
    assert manifest.checkpoint.license == "apache-2.0"


@pytest.mark.parametrize(
    ("mode", "normalize", "dense"),
    [("mean", False, True), ("cls", True, False), ("max", False, False), ("cls", True, True)],
)
def test_modules(
    mode: str,
    normalize: bool,
    dense: bool,
    checkpoint: Callable[..., Path],
    tmp_path: Path,
) -> None:
    base = checkpoint("bert", "feature-extraction")
    folder = save_sentence_model(tmp_path / "st", base, mode, normalize=normalize, dense=dense)
    bundle = shelf.export(folder, tmp_path / "out")
    np.testing.assert_allclose(vectors(bundle), encode(folder), rtol=0, atol=VECTOR_TOLERANCE)
    pooling = bundle.manifest.pooling
    assert pooling is not None
    assert (pooling.mode, pooling.normalize) == (mode, normalize)
    assert (pooling.dense, pooling.dimension) == (int(dense), 12 if dense else 32)
    assert bundle.manifest.max_length == 48
    # The bundle carries all that sentence-transformers needs to open it.
    names = {p.name for p in bundle.path.iterdir()}
    assert {"modules.json", "1_Pooling", "config_sentence_transformers.json"} <= names


def test_plain_encoder_pools_by_mean(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    base = checkpoint("bert", "feature-extraction")
    bundle = shelf.export(base, tmp_path / "out", task="sentence-embedding")
    np.testing.assert_allclose(vectors(bundle), encode(base), rtol=0, atol=VECTOR_TOLERANCE)


def test_unsupported_pooling(minilm: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in minilm.iterdir():
        if file.suffix == ".json":  # copied: a link that leads out is refused as such
            shutil.copy(file, folder)
        elif file.is_file():
            (folder / file.name).symlink_to(file)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(
        json.dumps({"word_embedding_dimension": 384, "pooling_mode": "median"})
    )
    with pytest.raises(TaskError, match="pools by median"):
        export_bundle(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"activation_function": "os.system"}, r"os\.system"),
        ({"activation_function": "torch.nn.Linear"}, "is not a Dense module.*in_features"),
        ({"activation_function": "x" * 5_000}, "names the activation 'x+\\.\\.\\.'"),
        ({"in_features": 10**6, "out_features": 10**6}, "is not a Dense module.*size mismatch"),
        ({"module_input_name": "x" * 5_000}, "has module_input_name 'x+\\.\\.\\.'"),
    ],
)
def test_dense_settings_are_data(changed: dict[str, object], message: str, tmp_path: Path) -> None:
    """No activation is imported, and no size takes memory that the weights do not have."""
    from safetensors.torch import save_file

    from edge_distil._reading.sentence_modules import Module
    from edge_distil_export.checkpoints.sentence_steps import load_step

    (tmp_path / "config.json").write_text(
        json.dumps({"in_features": 2, "out_features": 2, **changed})
    )
    state = {"linear.weight": torch.eye(2), "linear.bias": torch.zeros(2)}
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=message) as caught:
        load_step(Module("Dense", ""), tmp_path)
    assert len(str(caught.value)) < 500
