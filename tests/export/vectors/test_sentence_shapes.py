"""Shapes that sentence-transformers saves, old and new, against the library itself."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf
import torch
from originals import TEXTS, edit, library

import edge_distil as ed
from edge_distil._reading.sentence_modules import read_sentence_modules
from edge_distil.errors import TaskError
from edge_distil_export import export_bundle

pytestmark = pytest.mark.wide

TOLERANCE = 1e-5
NAMES = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")


@pytest.fixture
def save(checkpoint: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """(pooling modes, further modules, **options of Pooling) -> saved by the library."""

    def make(modes: Any, further: Sequence[Any] = (), **options: Any) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from sentence_transformers import SentenceTransformer, models

            encoder = models.Transformer(str(checkpoint("bert", "feature-extraction")))
            pooling = models.Pooling(32, pooling_mode=modes, **options)
            model = SentenceTransformer(modules=[encoder, pooling, *further], device="cpu")
            model.save(str(tmp_path / "st"))
        return tmp_path / "st"

    return make


def agree(folder: Path, output: Path, **options: Any) -> Any:
    """Export, and compare the vectors of single texts and of a list."""
    shelf.export(folder, output)
    task = ed.load(output)
    model = library(folder)
    want = np.stack([model.encode(text, show_progress_bar=False, **options) for text in TEXTS])
    np.testing.assert_allclose(task.encode(TEXTS, **options), want, rtol=0, atol=TOLERANCE)
    one = task.encode(TEXTS[0], **options)
    np.testing.assert_allclose(one, want[0], rtol=0, atol=TOLERANCE)
    return task


@pytest.mark.parametrize(
    "modes",
    ["weightedmean", "mean_sqrt_len_tokens", "lasttoken", ("max", "cls", "lasttoken")],
    ids=str,
)
def test_pooling(modes: Any, save: Callable[..., Path], tmp_path: Path) -> None:
    task = agree(save(modes), tmp_path / "out")
    assert task.encode([]).shape == (0, 32 if isinstance(modes, str) else 96)


def test_steps_in_any_order(save: Callable[..., Path], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import models

    torch.manual_seed(3)
    steps = [
        models.Normalize(),
        models.Dense(64, 32, activation_function=torch.nn.GELU(), use_residual=True),
        models.Dropout(0.3),
        models.LayerNorm(32),
        models.Dense(32, 12, bias=False, activation_function=torch.nn.Identity()),
    ]
    torch.nn.init.normal_(steps[3].norm.weight)
    folder = save(["mean", "max"], steps)
    edit(folder / "config_sentence_transformers.json", similarity_fn_name="dot")
    pooling = agree(folder, tmp_path / "out").bundle.manifest.pooling
    assert (pooling.dimension, pooling.normalize, pooling.dense) == (12, False, 2)
    assert (pooling.mode, pooling.similarity) == ("mean+max", "dot")


@pytest.mark.parametrize("modes", ["mean", ("cls", "weightedmean", "lasttoken")], ids=str)
def test_pooling_without_the_prompt(modes: Any, save: Callable[..., Path], tmp_path: Path) -> None:
    folder = save(modes, include_prompt=False)
    edit(folder / "config_sentence_transformers.json", prompts={"query": "the quick: "})
    task = agree(folder, tmp_path / "out", prompt_name="query")
    want = library(folder).encode(TEXTS[0])
    np.testing.assert_allclose(task.encode(TEXTS[0]), want, rtol=0, atol=TOLERANCE)


def test_old_names_limits_and_a_folder_for_the_transformer(
    save: Callable[..., Path], tmp_path: Path
) -> None:
    folder = save("mean")
    inner = folder / "0_Transformer"
    inner.mkdir()
    for file in folder.iterdir():
        kept = ("modules.json", "config_sentence_transformers.json", "README.md")
        if file.is_file() and file.name not in kept:
            shutil.move(file, inner / file.name)
    (inner / "sentence_bert_config.json").unlink()
    settings = {"max_seq_length": 40, "do_lower_case": False}
    edit(inner / "sentence_distilbert_config.json", **settings)
    edit(inner / "tokenizer_config.json", model_max_length=20, truncation_side="left")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0].update(path="0_Transformer", type="sentence_transformers.models.Transformer")
    (folder / "modules.json").write_text(json.dumps(modules))
    task = agree(folder, tmp_path / "out")
    assert task.bundle.manifest.max_length == 40
    # As sentence-transformers' ONNX backend opens the bundle: the transformer in its root.
    assert json.loads((tmp_path / "out" / "modules.json").read_text())[0]["path"] == ""
    assert read_sentence_modules(tmp_path / "out") == read_sentence_modules(folder)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "settings",
    [
        {"max_seq_length": 40},
        {"max_seq_length": 40, "tokenizer_args": {"model_max_length": 30}},
        {"tokenizer_args": {"model_max_length": 25, "truncation_side": "left"}},
    ],
    ids=str,
)
def test_the_library_reads_the_same_limit(
    name: str, settings: dict[str, Any], save: Callable[..., Path]
) -> None:
    folder = save("mean")
    (folder / "sentence_bert_config.json").write_text("{}")  # an empty one is passed over
    edit(folder / f"sentence_{name}_config.json", **settings)
    edit(folder / "tokenizer_config.json", model_max_length=20)
    found = read_sentence_modules(folder).transformer
    assert found.max_length == library(folder).max_seq_length
    left = settings.get("tokenizer_args", {}).get("truncation_side")
    assert found.tokenizer_options.get("truncation_side") == left


def test_tokenizer_options(save: Callable[..., Path], tmp_path: Path) -> None:
    folder = save("mean")
    options = {"truncation_side": "left", "model_max_length": 9}
    (folder / "sentence_bert_config.json").write_text(json.dumps({"tokenizer_args": options}))
    agree(folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("Router", "SentenceTransformer"),
        ("CLIPModel", "SentenceTransformer"),
        ("WordEmbeddings", "SentenceTransformer"),
        ("BoW", "SentenceTransformer"),
        ("Transformer", "SparseEncoder"),
        ("WordEmbeddings", "MultiVectorEncoder"),
    ],
)
def test_other_models_are_named(module: str, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    entry = {"idx": 0, "name": "0", "path": "", "type": f"sentence_transformers.models.{module}"}
    (folder / "modules.json").write_text(json.dumps([entry]))
    edit(folder / "config_sentence_transformers.json", model_type=kind)
    if module == "Transformer":
        edit(folder / "config.json", architectures=["BertModel"])
        (folder / "model.safetensors").touch()
    with pytest.raises(TaskError, match=f"is a {kind} of .* modules.json is {module}, which"):
        export_bundle(folder, tmp_path / "out")
