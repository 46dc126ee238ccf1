"""Every family's graph through the recipe int8: near fp32, and near transformers itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import shelf
import tiny
import torch
import transformers

from edge_distil.bundle import Bundle, open_bundle

LEAST_COSINE = 0.995  # of a text's logits: tiny random models have little to average over
TEXTS = ["Ada lived in London.", "The quick brown fox jumps over the lazy dog, and sleeps on it."]
SMOOTHED = {"albert": 1, "mobilebert": 0}  # shared weights; no layer norms. Others: most of four
QUICK = ("distilbert", *SMOOTHED)
FAMILIES = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.safety)
    for name in tiny.FAMILIES
]


@pytest.mark.parametrize("family", FAMILIES)
def test_int8_is_near_transformers(
    family: str,
    checkpoint: Callable[..., Path],
    exported: Callable[..., Bundle],
    tmp_path: Path,
) -> None:
    path = shutil.copytree(exported(family, "question-answering").path, tmp_path / "bundle")
    bundle = shelf.quantize(open_bundle(path))
    folder = checkpoint(family, "question-answering")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    runner = onnxruntime.InferenceSession(bundle.model_path("int8"))

    found = bundle.manifest.variants["int8"].settings["calibration"]["layer_norms_smoothed"]
    assert found == SMOOTHED.get(family, max(found, 4))
    for text in TEXTS:
        inputs = dict(tokenizer(text, return_tensors="pt"))
        with torch.no_grad():
            wanted = np.concatenate([o.numpy() for o in model(**inputs).to_tuple()], axis=None)
        types = torch.zeros_like(inputs["input_ids"])
        given = {"token_type_ids": types, **inputs}
        feeds = {i.name: given[i.name].numpy() for i in runner.get_inputs()}
        got = np.concatenate(runner.run(None, feeds), axis=None)
        assert got @ wanted / np.linalg.norm(got) / np.linalg.norm(wanted) > LEAST_COSINE


@pytest.mark.safety
@pytest.mark.parametrize("family", ["distilbert", "mpnet", "modernbert"])
def test_int8_of_a_sliced_last_layer_is_near_transformers(
    family: str,
    checkpoint: Callable[..., Path],
    exported: Callable[..., Bundle],
    tmp_path: Path,
) -> None:
    """Calibration sees one token a text there: 256 rows instead of thousands."""
    task, options = "text-classification", {"num_labels": 40}  # enough for a cosine
    path = shutil.copytree(exported(family, task, **options).path, tmp_path / "bundle")
    bundle = shelf.quantize(open_bundle(path))
    assert bundle.manifest.variants["fp32"].settings["last_layer"] != "whole"
    folder = checkpoint(family, task, **options)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    runner = onnxruntime.InferenceSession(bundle.model_path("int8"))
    for text in TEXTS:
        inputs = dict(tokenizer(text, return_tensors="pt"))
        with torch.no_grad():
            wanted = model(**inputs).logits.numpy()[0]
        feeds = {i.name: inputs[i.name].numpy() for i in runner.get_inputs()}
        got = runner.run(["logits"], feeds)[0][0]
        assert got @ wanted / np.linalg.norm(got) / np.linalg.norm(wanted) > LEAST_COSINE
