"""Cross-encoders, as every release of sentence-transformers saved them, against the library."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf
import torch
import transformers
from originals import edit

import edge_distil as ed
from edge_distil.errors import InputError, TaskError
from edge_distil_export import export_bundle

TOLERANCE = 1e-5
PAIRS = [("the dog", "sleeps"), ("Où était le café?", "Paris"), ("the dog " * 20, "lives in " * 30)]


def library(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import CrossEncoder

        return CrossEncoder(str(folder), device="cpu", local_files_only=True)


def resave(folder: Path, output: Path, activation: torch.nn.Module) -> Path:
    model = library(folder)
    model.activation_fn = activation
    model.save_pretrained(str(output))
    return output


def agree(folder: Path, output: Path, function: str) -> Any:
    shelf.export(folder, output)
    task = ed.load(output)
    assert task.bundle.manifest.function_to_apply == function
    model = library(folder)
    labels = task.bundle.manifest.labels
    for pair in PAIRS:
        found = {label.label: label.score for label in task(*pair, top_k=None)}
        want = np.atleast_1d(model.predict([pair], show_progress_bar=False)[0])
        np.testing.assert_allclose([found[name] for name in labels], want, rtol=0, atol=TOLERANCE)
    return task


@pytest.mark.parametrize(
    ("activation", "labels", "function"),
    [(torch.nn.Identity(), 1, "none"), (torch.nn.Sigmoid(), 3, "sigmoid")],
    ids=str,
)
def test_saved_by_release_6(
    activation: Any, labels: int, function: str, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    plain = checkpoint("bert", "text-classification", num_labels=labels)
    agree(resave(plain, tmp_path / "ce", activation), tmp_path / "out", function)


OLD: dict[str, tuple[dict[str, Any], str]] = {
    "4": ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, "none"),
    "4, none named": ({"sentence_transformers": {"activation_fn": None}}, "sigmoid"),
    "2": ({"sbert_ce_default_activation_function": "torch.nn.Identity"}, "none"),
    "not trusted": ({"sbert_ce_default_activation_function": "mine.Tanh"}, "sigmoid"),
}


@pytest.mark.parametrize("release", OLD)
def test_saved_by_older_releases(
    release: str, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    changes, function = OLD[release]
    plain = checkpoint("bert", "text-classification", num_labels=1)
    folder = tmp_path / "ce"
    library(plain).save_pretrained(str(folder))
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
        (folder / name).unlink()
    edit(folder / "config.json", **changes)
    edit(folder / "tokenizer_config.json", model_max_length=24)
    agree(folder, tmp_path / "out", function)


def test_what_a_cross_encoder_may_not_have(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    plain = checkpoint("bert", "text-classification", num_labels=1)
    folder = resave(plain, tmp_path / "ce", torch.nn.Tanh())
    with pytest.raises(TaskError, match=r"scores by torch.nn.modules.activation.Tanh, expected"):
        export_bundle(folder, tmp_path / "out")
    settings = folder / "config_sentence_transformers.json"
    edit(settings, activation_fn="torch.nn.Sigmoid", prompts={"q": "x: "}, default_prompt_name="q")
    with pytest.raises(TaskError, match="puts the prompt q before every text"):
        export_bundle(folder, tmp_path / "out")


def test_the_pipelines_option(exported: Callable[..., Any], checkpoint: Any) -> None:
    options = ("bert", "text-classification")
    task = ed.load(exported(*options).path)
    pipeline = transformers.pipeline("text-classification", str(checkpoint(*options)), device="cpu")
    for function in ("sigmoid", "softmax", "none"):
        want = pipeline("the dog sleeps", function_to_apply=function, top_k=None)
        found = task("the dog sleeps", function_to_apply=function, top_k=None)
        assert [label.label for label in found] == [label["label"] for label in want]
        scores = [label["score"] for label in want]
        np.testing.assert_allclose([x.score for x in found], scores, rtol=0, atol=TOLERANCE)
        assert task.batch(["the dog sleeps"], function_to_apply=function, top_k=None) == [found]
    with pytest.raises(InputError, match="function_to_apply is 'tanh', expected one of sigmoid"):
        task("x", function_to_apply="tanh")
